"""Names in sentences: many of them, and what a mistyped one was probably meant to be."""

import difflib
from collections.abc import Iterable


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be."""
    return next(iter(difflib.get_close_matches(word, known, n=1)), None)


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """The fix for an unknown word: the known one that is like it, else `otherwise`."""
    match = closest(word, known)
    return f"did you mean '{match}'?" if match else otherwise


def listed(names: Iterable[str], most: int = 8) -> str:
    """Names for a sentence; of many the first ones."""
    every = list(names)
    rest = f" and {len(every) - most:,} more" if len(every) > most else ""
    return ", ".join(f"'{name}'" for name in every[:most]) + rest
