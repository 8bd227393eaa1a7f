"""What was read of a source, before anything is made of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from stillhouse.components.formats.splits import Split


class FileNote(NamedTuple):
    """A file that was read."""

    rows: int
    written: str
    """Its format; how it is written, where that was found out."""


@dataclass(frozen=True)
class Table:
    """The columns of a source that play a part; all have one value per row."""

    inputs: pa.Table
    """What a model sees: the task's input fields by name."""
    targets: list[Any]
    """What is to be learnt, as it came, but for truth values, which have one spelling; None where a row has none."""
    groups: list[str | None]
    """None where there is none: such a row belongs to nobody else's group."""
    splits: list[Split | None]
    slices: list[tuple[str, ...]]
    """Per row its values of the columns `slices`, empty strings where it has none."""
    origins: list[tuple[Path, Sequence[int]]]
    """Files in the order they were read, with the number of each of their rows."""
    files: list[FileNote] = field(default_factory=list)
    """What was found out about each file."""
    left_out: list[Path] = field(default_factory=list)
    """Files of other formats."""
    no_values: dict[str, dict[str, int]] = field(default_factory=dict)
    """Of the group's, split's and slices' columns: how often each spelling of no value was met."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Rows that are in none of the columns, by the reason."""
    times: list[str | None] = field(default_factory=list)
    """The text of each row's time; empty where no column is named for it."""
    periods: list[str] = field(default_factory=list)
    """Of each row the partition before the window that it lies in, in ISO 8601, "" within the window; empty where there
    are no partitions before it."""

    @classmethod
    def of(cls, inputs: pa.Table, targets: list[Any]) -> "Table":
        """Rows of which nothing else is known."""
        none = [None] * len(targets)
        return cls(inputs, targets, list(none), list(none), [()] * len(targets), origins=[])

    def __len__(self) -> int:
        return len(self.targets)

    def rows(self, rows: Sequence[int]) -> "Table":
        """Those of these rows, in their order."""
        places = [(path, [number]) for path, numbers in self.origins for number in numbers]
        return replace(
            self,
            inputs=self.inputs.take(rows),
            targets=[self.targets[row] for row in rows],
            groups=[self.groups[row] for row in rows],
            splits=[self.splits[row] for row in rows],
            slices=[self.slices[row] for row in rows],
            origins=[places[row] for row in rows],
            times=[self.times[row] for row in rows] if self.times else [],
            periods=[self.periods[row] for row in rows] if self.periods else [],
        )

    def where(self, row: int) -> str:
        """File and row, for an error; in CSV the header is row 1."""
        for path, numbers in self.origins:
            if row < len(numbers):
                return f"{path}, row {numbers[row]}"
            row -= len(numbers)
        raise IndexError(row)
