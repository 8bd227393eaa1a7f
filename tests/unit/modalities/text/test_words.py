"""What counts as a word."""

import pytest

from stillhouse.components.modalities.text.words import words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("> Don't STOP, now!", ["don", "t", "stop", "now"]),
        ("Straße 7", ["strasse", "7"]),
        ("日本 go", ["日", "本", "go"]),
        ("한국어 좋아", ["한국어", "좋아"]),
        ("ok 👍", ["ok", "👍"]),
        ("!!! ...", ["!!!", "..."]),
        ("", []),
    ],
)
def test_words_of_a_text(text: str, found: list[str]) -> None:
    assert words(text) == found
