"""What a mistyped name was probably meant to be."""

import difflib
from collections.abc import Iterable


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be."""
    return next(iter(difflib.get_close_matches(word, known, n=1)), None)


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """The fix for an unknown word: the known one that is like it, else `otherwise`."""
    match = closest(word, known)
    return f"did you mean '{match}'?" if match else otherwise
