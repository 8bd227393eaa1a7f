"""Words are cleaned as texts are, and keep their places."""

from stillhouse.components.modalities.text.word_clean import clean_words, standardise_words


def test_each_word_is_cleaned_and_none_is_lost() -> None:
    words = [["cafe\u0301", " Rome ", "\x07", "schÃ¶n", "10\u00a0000", "a\nb"], [], ["x"]]
    assert clean_words(words, {}) == [["café", "Rome", "", "schön", "10 000", "a b"], [], ["x"]]


def test_personal_data_is_masked_where_texts_are() -> None:
    assert clean_words([["a@b.org", "+442079460958"]], {"mask_pii": True}) == [["<email>", "<phone>"]]


def test_an_example_is_dropped_by_its_reason() -> None:
    words = [[], ["", ""], ["", " x"], None, ["abc", "def"], ["abc", "defg"]]
    found = standardise_words(words, {"max_characters": 7})
    assert found == [
        "empty",
        "empty",
        {"tokens": ["", "x"]},
        "overlapping spans",
        {"tokens": ["abc", "def"]},
        "too_long",
    ]
