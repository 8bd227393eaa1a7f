"""Rows that are to be answered, one lot after the other, however large the files are."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from stillhouse.components.formats.batch import Batch, Reading
from stillhouse.components.formats.settings import CsvSettings
from stillhouse.components.formats.sources import Part, parts_of
from stillhouse.components.storage.layouts import data_names
from stillhouse.components.storage.memory import Budget
from stillhouse.components.storage.names import refuse_links_out
from stillhouse.components.storage.urls import local_path
from stillhouse.components.tasks.interface.columns import Roles, named_in, with_rest
from stillhouse.components.tasks.interface.task_data import TaskData
from stillhouse.errors import UserError

MEMORY = 4 << 30
"""Bytes that reading one lot of rows may take."""


T = TypeVar("T")


def parts_to_answer(path: Path, formats: Sequence[str]) -> list[Part]:
    """The file itself, or all files of these formats in the folder and its subfolders, sorted.

    Raises:
        UserError: there is none, or something in the folder leads out of it or is no file.
    """
    there = local_path(str(path))
    if there.is_dir():
        refuse_links_out(there)
    names = sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file())
    below = [path] if there.is_file() else [path / name for name in data_names(names, str(path))]
    return parts_of(below, str(path), path, formats)[0]


@dataclass(frozen=True)
class Lot:
    """Rows that are answered together."""

    values: list[dict[str, Any]]
    """Of each row all columns."""
    inputs: pa.Table
    """The task's input fields."""
    targets: list[Any]
    """What stands in the column of the target, where a task makes its examples of it."""
    places: list[str]
    """File and row of each, for messages."""
    share: float
    """How much of the part was read when these rows were, 0 to 1."""

    def __len__(self) -> int:
        return len(self.values)

    def cut(self, begin: int, end: int) -> "Lot":
        """Some of the rows."""
        here = slice(begin, end)
        inputs = self.inputs.slice(begin, end - begin)
        return replace(
            self, values=self.values[here], inputs=inputs, targets=self.targets[here], places=self.places[here]
        )

    @classmethod
    def together(cls, lots: "Sequence[Lot]") -> "Lot":
        """All of them as one."""
        if len(lots) == 1:
            return lots[0]
        return cls(
            [row for lot in lots for row in lot.values],
            pa.concat_tables([lot.inputs for lot in lots], promote_options="permissive"),
            [target for lot in lots for target in lot.targets],
            [place for lot in lots for place in lot.places],
            lots[-1].share,
        )


def lots(part: Part, task: TaskData, roles: Roles, csv: CsvSettings, size: int) -> Iterator[Lot]:
    """All rows of a part, in lots of `size`; the last one may be smaller.

    Args:
        roles: the columns of the input fields.
        csv: how CSV files are written.

    Raises:
        UserError: the file cannot be read, or a row lacks what the task reads; the sentence names the row.
    """
    waiting: list[Lot] = []
    for lot in read_part(part, task.formats_to_answer, csv, lambda path, batch: lot_of(path, batch, task, roles)):
        waiting.append(lot)
        if sum(map(len, waiting)) < size:
            continue
        whole = Lot.together(waiting)
        cuts = range(0, len(whole) - size + 1, size)
        yield from (whole.cut(begin, begin + size) for begin in cuts)
        rest = len(whole) % size
        waiting = [whole.cut(len(whole) - rest, len(whole))] if rest else []
    if waiting:
        yield Lot.together(waiting)


def read_part(part: Part, formats: Sequence[str], csv: CsvSettings, made: Callable[[Path, Batch], T]) -> Iterator[T]:
    """What is made of the rows of a part, some rows at a time.

    Args:
        formats: as `tables.FORMATS` names them.
        csv: how CSV files are written.
        made: the file and some of its rows, one at least -> what is wanted of them.

    Raises:
        UserError: the file cannot be read, or not within MEMORY; the sentence names the row.
    """
    reading, number = Reading(None, Budget(MEMORY), csv, formats=formats), 0
    try:
        for path, batch in part.rows(reading):
            if len(batch):
                yield made(path, batch)
                number = batch.numbers[-1]
            reading.budget.renew()
    except MemoryError:
        raise UserError(
            f"{part.path}, after row {number}: the next rows take more memory than {MEMORY >> 30} GB; cut the file "
            "into smaller ones, or look what it holds."
        ) from None


def lot_of(path: Path, batch: Batch, task: TaskData, roles: Roles) -> Lot:
    """Rows of a file as the task takes them.

    Raises:
        UserError: a row lacks what the task reads; the sentence names it.
    """
    needed = named_in(roles)
    values, places = batch.rows(), [f"{path}, row {number}" for number in batch.numbers]
    for row, known in enumerate(values):
        if missing := [name for name in needed if name not in known]:
            columns = ", ".join(known)
            raise UserError(f"{places[row]}: column '{missing[0]}' is missing; name one of {columns} with --column.")
    parts = {*needed, *named_in(task.spec.columns)}  # a label, group or slice is not an input
    rest = [name for name in batch.names if name not in parts]
    inputs, targets = task.take(path, batch, with_rest(roles, rest))
    return Lot(values, pa.table(inputs), targets, places, batch.share)
