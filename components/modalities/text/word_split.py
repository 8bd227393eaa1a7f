"""A text split into words that can be tagged: where each begins and ends in it."""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple


class WordSpan(NamedTuple):
    """Where a word stands in its text, in characters."""

    start: int
    end: int
    """Behind its last character."""


def split_words(text: str, cuts: Iterable[int] = ()) -> list[WordSpan]:
    """The words of a text in their order, without the white space between.

    Letters, digits, their accents and joiners that follow one another are one word; so is each other mark, and each
    character of a script that is written without spaces and that its character tells (Han, Kana, as BERT has it).

    Args:
        cuts: places in which a word ends too, as where a span begins in its midst.
    """
    bounds = {0, len(text), *(cut for cut in cuts if 0 < cut < len(text))}
    kinds = [_kind(character) for character in text]
    for i in range(1, len(text)):
        if kinds[i] != kinds[i - 1] or kinds[i] == "alone":
            bounds.add(i)
    return [WordSpan(start, end) for start, end in pairwise(sorted(bounds)) if kinds[start] != "space"]


_JOINERS = "\u200c\u200d\u2060\u00ad"
"""Stand inside of words, as in Persian and Hindi; the soft hyphen too."""
_ALONE = ((0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF))
"""Kana and Han."""


@lru_cache(maxsize=10_000)
def _kind(character: str) -> str:
    if character.isspace() or unicodedata.category(character) == "Cc":
        return "space"
    if any(first <= ord(character) <= last for first, last in _ALONE):
        return "alone"
    if character in _JOINERS or unicodedata.category(character)[0] in "LNM":
        return "word"
    return "alone"
