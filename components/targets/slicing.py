"""Slices of examples by what they hold, among which evaluate looks for those that a model answers worst."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

import numpy as np

Slices = Iterator[tuple[str, np.ndarray]]
"""What the examples of each have in common, in words, and which they are, bool [examples]."""
LEAST = 10
"""Examples in a slice, and outside of it, at least."""
MOST = 200
"""Values or words that make slices, the most frequent ones."""
PARTS = 4
"""Ranges of a number, each with about as many examples."""


def plainly(value: float) -> str:
    """A number as people read it."""
    return f"{value:,.0f}" if value == round(value) and abs(value) < 1e15 else f"{value:.4g}"


def in_ranges(name: str, values: np.ndarray, told: Callable[[float], str] = plainly) -> Slices:
    """Those whose number lies in one range, and those that have none.

    Args:
        values: float64 [examples], nan where there is none.
        told: how a number is written.
    """
    known = np.isfinite(values)
    if known.any():
        inner = np.linspace(0, 1, PARTS + 1)[1:-1]
        place = np.searchsorted(np.unique(np.quantile(values[known], inner, method="inverted_cdf")), values)
        for part in np.unique(place[known]):
            here = known & (place == part)
            low, high = values[here].min(), values[here].max()
            yield f"{name}: {told(low)}" + (f" to {told(high)}" if high > low else ""), here
    yield f"{name}: none", ~known


def by_member(members: Iterable[Iterable[str]], told: Callable[[str], str]) -> Slices:
    """Those that have one member in common, of the most frequent ones.

    Args:
        members: of each example: its words, or its one value.
        told: the slice of a member, in words.
    """
    rows, number = defaultdict[str, list[int]](list), 0
    for row, found in enumerate(members):
        number = row + 1
        for member in set(found):
            rows[member].append(row)
    usual = [member for member, having in rows.items() if LEAST <= len(having) <= number - LEAST]
    for member in sorted(usual, key=lambda member: (-len(rows[member]), member))[:MOST]:
        here = np.zeros(number, bool)
        here[rows[member]] = True
        yield told(member), here
