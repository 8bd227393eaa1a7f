"""What a dataset says of the times of its rows: where its splits begin, and up to when it is learnt from."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from stillhouse.components.formats.splits import Split
from stillhouse.components.formats.table import Table
from stillhouse.components.formats.times import Times
from stillhouse.components.prepare.placing import Timing
from stillhouse.components.prepare.rows import Row
from stillhouse.components.prepare.splits import Splits
from stillhouse.components.prepare.time_splits import times_of

LEARNT: tuple[Split, ...] = ("train", "validation", "unlabelled")
"""The splits that models learn from or are chosen on."""


@dataclass(frozen=True)
class Dated:
    """The times of a dataset."""

    timing: Timing
    learnt_until: float
    """The newest time that is learnt from."""
    untimed: str
    """A sentence on the rows with a label that have no time; empty where there are none."""

    def described(self) -> dict[str, Any]:
        """What dataset.json says of them."""
        borders, written = self.timing.borders, self.timing.times.written
        known = {f"{split}_from": value for split, value in borders._asdict().items()} if borders else {}
        from_ = {name: written(value) for name, value in known.items() if np.isfinite(value)}
        learnt = {"learnt_until": written(self.learnt_until)} if np.isfinite(self.learnt_until) else {}
        return {"times": {"column": self.timing.column, **from_}, **learnt}

    def array(self, rows: Iterable[Row]) -> pa.Array:
        """The times of some rows as a column, see `Times.array`."""
        values = [np.nan if row.time is None else row.time for row in rows]
        return Times(np.array(values, np.float64), self.timing.times.are_dates).array()

    def in_words(self) -> str:
        """How rows are parted."""
        borders = self.timing.borders
        if borders is None:
            return ""
        named = {"validation": borders.validation, "test": borders.test}
        begin = [f"{name} from {self.timing.times.written(at)}" for name, at in named.items() if np.isfinite(at)]
        return f"by time (column '{self.timing.column}'): {', '.join(begin)}"


def dated(timing: Timing, table: Table, splits: Splits, gathered: Table | None) -> Dated:
    """What there is to say.

    Args:
        table: examples.
        splits: as they are handed on.
        gathered: the rows that examples are made of; None where these are the examples. All of them count as learnt
            from: nobody can tell which part of an example is.
    """
    if gathered is not None and (times := times_of(gathered, timing.column)) is not None:
        learnt = times.values[np.isfinite(times.values)].tolist()
    else:
        learnt = [row.time for split in LEARNT for row in splits[split] if row.time is not None]
    untimed = ""
    if timing.untimed:
        untimed = (
            f"{len(timing.untimed):,} of {len(table):,} rows without a time in the column '{timing.column}' are left "
            f"out; the first is {_place(table, timing.untimed[0])}."
        )
    return Dated(timing, max(learnt, default=np.inf), untimed)


def _place(table: Table, row: int) -> str:
    return table.where(row).rpartition("/")[2]
