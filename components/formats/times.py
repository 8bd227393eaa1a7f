"""The times of rows: dates and moments, or numbers that grow with time, as numbers that can be ordered.

A date without an offset is one in UTC. Digits alone are a number: `20260131` is one, as are a year and the seconds
since 1970.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
EXAMPLE = "2026-01-31T12:00:00"
NONE = ("", "nan")
"""Texts of no time, in lower case."""


class NotTimes(ValueError):
    """Values among the times are not of their kind; the first one's place, from 0, and how many there are."""

    def __init__(self, row: int, number: int) -> None:
        super().__init__(row, number)
        self.row, self.number = row, number


@dataclass(frozen=True)
class Times:
    """The times of rows."""

    values: np.ndarray
    """float64 [rows]: of dates microseconds since 1970 in UTC, of numbers these; nan where a row has none."""
    are_dates: bool

    def written(self, value: float) -> str | float:
        """One of the values as JSON files have it: a date in ISO 8601, or the number."""
        if not self.are_dates:
            return value
        return (_EPOCH + timedelta(microseconds=value)).isoformat()

    def number(self, written: str | float | None) -> float | None:
        """The value of what `written` gave; None where that is no time of this kind."""
        if written is None or isinstance(written, str) != self.are_dates:
            return None
        return _moment(written) if isinstance(written, str) else float(written)

    def array(self) -> pa.Array:
        """As a column: timestamps of microseconds in UTC, or float64; null where a row has none."""
        if not self.are_dates:
            return pa.array(self.values, pa.float64(), from_pandas=True)
        whole = [None if math.isnan(value) else int(value) for value in self.values.tolist()]
        return pa.array(whole, pa.int64()).cast(pa.timestamp("us", "UTC"))

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> "Times":
        """What `array` gave."""
        are_dates = pa.types.is_timestamp(column.type)
        plain = column.cast(pa.int64()) if are_dates else column
        values = [math.nan if value is None else value for value in plain.to_pylist()]
        return cls(np.array(values, np.float64), are_dates)


def parse_times(texts: Sequence[str | None]) -> Times:
    """The times that texts tell, as far as there are any; all are dates or all are numbers, whichever more of them
    can be.

    Raises:
        NotTimes: some are not.
    """
    given = [(row, text.strip()) for row, text in enumerate(texts) if text and text.strip().lower() not in NONE]
    numbers, dates = [_number(text) for _, text in given], [_moment(text) for _, text in given]
    are_dates = sum(map(_known, dates)) > sum(map(_known, numbers))
    values = np.full(len(texts), math.nan)
    wrong = []
    for (row, _), value in zip(given, dates if are_dates else numbers, strict=True):
        if value is None:
            wrong.append(row)
        else:
            values[row] = value
    if wrong:
        raise NotTimes(wrong[0], len(wrong))
    return Times(values, are_dates)


def _known(value: float | None) -> bool:
    return value is not None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _moment(text: str) -> float | None:
    """Microseconds since 1970, exact up to the year 2255."""
    if text.isdigit():
        return None
    try:
        found = datetime.fromisoformat(text.upper())
    except ValueError:
        return None
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    return float((aware - _EPOCH) // _MICROSECOND)
