"""Rows of a split: encoded in Arrow, as they lie in the dataset; decoded where batches are made."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

    from stillhouse.components.formats.times import Times

HASH = "hash"
SLICE_PREFIX = "slice_"
TIME = "row_time"
"""The time of each test row, as a timestamp or a number; not there where the recipe names no column for it."""
PERIOD = "row_period"
"""Of each test row the partition before the window that it comes from, "" of a new row; not there without such ones."""


class Examples:
    """Examples of one kind of problem: a column for each field, one row for each example.

    Args:
        table: with the task's fields under their names, `hash` and `slice_<name>` as far as they are known.
    """

    def __init__(self, table: "pa.Table") -> None:
        self.table = table

    @classmethod
    def of(cls, **columns: Any) -> "Examples":
        """Examples of these columns: Arrow arrays, or sequences of Python values."""
        import pyarrow as pa

        return cls(pa.table(columns))

    @classmethod
    def concat(cls, parts: "Iterable[Examples]") -> "Examples":
        """All of them, one after the other; a column that a part lacks is null there."""
        import pyarrow as pa

        return cls(pa.concat_tables([part.table for part in parts], promote_options="default"))

    def __len__(self) -> int:
        return self.table.num_rows

    def __contains__(self, name: str) -> bool:
        return name in self.table.column_names

    def __getitem__(self, name: str) -> "pa.ChunkedArray":
        return self.table[name]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self.table.to_batches(max_chunksize=1024):
            yield from batch.to_pylist()

    def values(self, name: str) -> list[Any]:
        """A column as Python values."""
        return self.table[name].to_pylist()

    def example(self, row: int) -> dict[str, Any]:
        """One row: a value for each column."""
        return self.table.slice(row, 1).to_pylist()[0]

    def take(self, rows: Sequence[int] | np.ndarray) -> "Examples":
        """Those of `rows`, int64 [rows taken], in their order."""
        return Examples(self.table.take(np.asarray(rows, np.int64)))

    def head(self, number: int) -> "Examples":
        """The first so many."""
        return Examples(self.table.slice(0, number))

    @property
    def hashes(self) -> np.ndarray:
        """int64 [rows]: the first 16 hex digits of each row's hash, as in a model's training_rows.safetensors."""
        return short_hashes(self.values(HASH))

    @property
    def times(self) -> "Times | None":
        """Their times; None where the recipe names no column for them."""
        from stillhouse.components.formats.times import Times

        return Times.of(self[TIME]) if TIME in self else None

    @property
    def periods(self) -> np.ndarray:
        """Of each the partition before the window that it comes from, "" of a new one: strings [rows]."""
        return np.array(self.values(PERIOD) if PERIOD in self else [""] * len(self), str)

    def slices(self, names: Iterable[str]) -> dict[str, list[str]]:
        """Values of the slice columns of these names."""
        return {name: self.values(SLICE_PREFIX + name) for name in names}


def short_hashes(hashes: Sequence[str]) -> np.ndarray:
    """int64 [rows] of the first 16 hex digits of each hash, the sign bit included."""
    return np.array([int(text[:16], 16) for text in hashes], dtype=np.uint64).view(np.int64)
