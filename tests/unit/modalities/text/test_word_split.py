"""Words of a text, whatever the script."""

import pytest

from stillhouse.components.modalities.text.word_split import WordSpan, split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ada Lovelace, 1843.", ["Ada", "Lovelace", ",", "1843", "."]),
        ("don't e-mail!!", ["don", "'", "t", "e", "-", "mail", "!", "!"]),
        (" \tnaïve\u00a0cafe\u0301\n", ["naïve", "cafe\u0301"]),
        ("हिन्दी में", ["हिन्दी", "में"]),  # vowel signs are marks, not letters
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        ("東京へ行く2回", ["東", "京", "へ", "行", "く", "2", "回"]),
        ("😀😀ok", ["😀", "😀", "ok"]),
        ("a\x00b", ["a", "b"]),
        ("", []),
        ("  ", []),
    ],
)
def test_words_of_a_text(text: str, words: list[str]) -> None:
    assert [text[word.start : word.end] for word in split_words(text)] == words


def test_a_word_ends_also_where_it_is_cut() -> None:
    assert split_words("Berliner Luft", [6, 0, 99]) == [WordSpan(0, 6), WordSpan(6, 8), WordSpan(9, 13)]
