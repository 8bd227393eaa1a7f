"""Splits by time: the newest rows are the test, those before them validation, all older ones train."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from stillhouse.components.formats.splits import Split
from stillhouse.components.formats.table import Table
from stillhouse.components.formats.times import EXAMPLE, NotTimes, Times, parse_times
from stillhouse.components.prepare.settings import SplitShares
from stillhouse.errors import UserError


class Borders(NamedTuple):
    """From which times on rows are validation and test, as in `Times`; where nothing falls into one, infinity."""

    validation: float
    test: float

    def split_at(self, time: float) -> Split:
        """Where a row of this time belongs."""
        return "test" if time >= self.test else "validation" if time >= self.validation else "train"


class TooFewTimes(ValueError):
    """All rows have so few different times that no border can be drawn between them."""

    def __init__(self, times: int, needed: int) -> None:
        super().__init__(times, needed)
        self.times, self.needed = times, needed


def borders(times: np.ndarray, shares: Sequence[float]) -> list[float]:
    """The times from which on about these shares of the rows lie, the newest share first.

    Rows of one time stay together, so that a share may become more or less than was asked for; each has one time at
    least, and so has what is left.

    Args:
        times: float64 [rows].

    Raises:
        TooFewTimes: there are not enough different ones.
    """
    values, counts = np.unique(times, return_counts=True)
    if len(values) <= len(shares):
        raise TooFewTimes(len(values), len(shares) + 1)
    newer = np.cumsum(counts[::-1])
    found: list[float] = []
    taken, rows = 0, 0
    for more, share in enumerate(shares):
        wanted, last = rows + share * len(times), len(values) - len(shares) + more
        taken += 1 + int(np.argmin(np.abs(newer[taken:last] - wanted)))
        rows = int(newer[taken - 1])
        found.append(float(values[-taken]))
    return found


@dataclass(frozen=True)
class TimedRows:
    """Rows that are to be placed by their time; all of the same length."""

    keys: Sequence[str]
    """Digests of their groups, or of their examples: rows of one key are not parted."""
    times: np.ndarray
    """float64, nan where a row has none."""
    given: Sequence[Split | None]
    """As the source says."""
    is_kept: Sequence[bool]
    """Rows that are test whatever their time."""
    is_new: Sequence[bool]
    """Rows that the shares are of; older ones are placed by the same borders."""


def assign_by_time(rows: TimedRows, targets: Sequence[Any], shares: SplitShares) -> tuple[list[Split | None], Borders]:
    """The split of each row: the one given, else test where it is kept, else by its time; None where it has none.

    Rows of one key go by the newest of them: what is older than a border in train is so to its last row. Where the
    source gives splits and none of them is validation, the newest share of its training rows is.

    Raises:
        TooFewTimes: those that are to be parted have not enough different times.
    """
    newest = _newest(rows.keys, rows.times)
    carve = any(rows.given) and "validation" not in rows.given
    labelled = np.array([target is not None for target in targets], bool)
    timed = labelled & np.isfinite(newest)
    free = timed & np.array([given is None for given in rows.given], bool) & ~np.array(rows.is_kept, bool)
    carved = timed & np.array([carve and given == "train" for given in rows.given], bool)
    found = _borders(newest, free & np.array(rows.is_new, bool), [shares.test, shares.validation])
    within = _borders(newest, carved, [shares.validation])
    splits: list[Split | None] = []
    for row, given in enumerate(rows.given):
        if not labelled[row]:
            splits.append("unlabelled")
        elif carved[row]:
            splits.append("validation" if newest[row] >= within[0] else "train")
        elif given or rows.is_kept[row]:
            splits.append(given or "test")
        else:
            splits.append(Borders(found[1], found[0]).split_at(newest[row]) if timed[row] else None)
    return splits, Borders(min(found[1], within[0]), found[0])


def _borders(times: np.ndarray, rows: np.ndarray, shares: Sequence[float]) -> list[float]:
    """The borders of some rows, bool [rows]; infinity where there are none."""
    return borders(times[rows], shares) if rows.any() else [np.inf] * len(shares)


def _newest(keys: Sequence[str], times: np.ndarray) -> np.ndarray:
    """Of each row the newest time among those of its key, float64 [rows]; nan where none of them has one."""
    found: dict[str, float] = {}
    for key, time in zip(keys, times.tolist(), strict=True):
        if not math.isnan(time):
            found[key] = max(time, found.get(key, time))
    return np.array([found.get(key, np.nan) for key in keys], np.float64)


def times_of(table: Table, column: str | None) -> Times | None:
    """The times of all rows; None where no column is named for them.

    Raises:
        UserError: some are not times, or there are none.
    """
    if column is None or not table.times:
        return None
    try:
        times = parse_times(table.times)
    except NotTimes as error:
        raise UserError(
            f"{table.where(error.row)}, column '{column}': '{str(table.times[error.row])[:80]}' is not a time, and "
            f"{error.number:,} of {len(table):,} rows {'has' if error.number == 1 else 'have'} none that can be read; "
            f"write dates such as {EXAMPLE} in all rows or numbers in all, or leave it empty."
        ) from None
    if len(table) and np.isnan(times.values).all():
        raise UserError(
            f"{table.where(0)}, column '{column}': none of the {len(table):,} rows has a time there; name another "
            "column in data.columns.time, or leave that out."
        )
    return times
