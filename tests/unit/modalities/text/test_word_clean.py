"""Words are cleaned as texts are, and keep their places."""

from stillhouse.components.modalities.text.word_clean import clean_words, identity, why_dropped


def test_each_word_is_cleaned_and_none_is_lost() -> None:
    words = [["cafe\u0301", " Rome ", "\x07", "schÃ¶n", "10\u00a0000", "a\nb"], [], ["x"]]
    assert clean_words(words, {}) == [["café", "Rome", "", "schön", "10 000", "a b"], [], ["x"]]


def test_personal_data_is_masked_where_texts_are() -> None:
    assert clean_words([["a@b.org", "+442079460958"]], {"mask_pii": True}) == [["<email>", "<phone>"]]


def test_an_example_without_a_word_is_dropped_by_its_reason() -> None:
    assert [why_dropped(words) for words in ([], ["", ""], ["", "x"])] == ["empty", "empty", None]


def test_words_that_are_split_otherwise_are_another_example() -> None:
    found = [identity(words) for words in (["New", "York"], ["New York"], ["New", "York", ""])]
    assert found == [b"New\x1fYork", b"New York", b"New\x1fYork\x1f"]
