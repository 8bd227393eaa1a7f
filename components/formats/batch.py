"""Some rows of a data file, and where they came from."""

import gzip
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from stillhouse.components.formats.settings import CsvSettings
from stillhouse.components.storage.memory import Budget
from stillhouse.errors import UserError


@dataclass(frozen=True)
class Batch(ABC):
    """Some rows of a file, in their order."""

    numbers: Sequence[int]
    """Per row its number in the file, as an editor shows it."""
    share: float
    """How much of the file was read when these rows were, 0 to 1."""

    def __len__(self) -> int:
        return len(self.numbers)

    @abstractmethod
    def column(self, name: str) -> pa.Array:
        """The values of a column, of the type that the file gives them."""

    @abstractmethod
    def rows(self) -> list[dict[str, Any]]:
        """The rows as plain values."""


@dataclass(frozen=True)
class ArrowBatch(Batch):
    """Rows of a file that has columns."""

    columns: pa.RecordBatch

    def column(self, name: str) -> pa.Array:
        return self.columns[name]

    def rows(self) -> list[dict[str, Any]]:
        return self.columns.to_pylist()


@dataclass(frozen=True)
class Reading:
    """What is wanted of a file, and what is to be told about it."""

    names: Sequence[str] | None
    """Columns; None for all."""
    budget: Budget
    """Is told of all that is read."""
    csv: CsvSettings = field(default_factory=CsvSettings)
    notes: list[str] = field(default_factory=list)
    """How the file is written, where that was found out."""


class DataFile:
    """An open file; what is in it is unpacked on the way if its name ends in `.gz`.

    Args:
        path: The file.
        file: The same, opened.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self.packed = file
        self._size = max(path.stat().st_size, 1)

    @cached_property
    def data(self) -> BinaryIO:
        """The bytes, unpacked."""
        return _unpacked(self.path, self.packed)

    def again(self) -> BinaryIO:
        """The bytes from the beginning, unpacked, whatever of `data` has been read."""
        return _unpacked(self.path, self.path.open("rb"))

    @property
    def share(self) -> float:
        """How much of the file has been read, 0 to 1."""
        return min(self.packed.tell() / self._size, 1.0)


def _unpacked(path: Path, file: BinaryIO) -> BinaryIO:
    """The bytes of an open file, unpacked on the way if its name ends in `.gz`."""
    return gzip.GzipFile(fileobj=file) if path.name.lower().endswith(".gz") else file  # pyrefly: ignore[bad-return]


def suffix(path: Path) -> str:
    """The end of a file's name that tells its format, in small letters and without `.gz`."""
    return Path(path.name.lower().removesuffix(".gz")).suffix


def check_columns(path: Path, names: Sequence[str] | None, present: Sequence[str], hint: str = "") -> None:
    """Compare the columns that are asked for with those there; None asks for all. `hint` is for one that is missing.

    Raises:
        UserError: one is missing, or there more than once.
    """
    for name in present if names is None else names:
        if name not in present:
            raise UserError(
                f"{path}: column '{name}' is missing; the file has {', '.join(present)}: "
                f"name one of them in the recipe's columns{hint and '; '}{hint}."
            )
        if present.count(name) > 1:
            raise UserError(f"{path}: column '{name}' is there {present.count(name)} times; give each its own name.")


def checked(
    file: DataFile,
    batches: Iterable[pa.RecordBatch],
    names: Sequence[str] | None,
    numbers: Sequence[int],
    budget: Budget,
) -> Iterator[Batch]:
    """The columns `names` of all batches, each of which is counted and checked; `numbers` are those of all rows.

    Unchecked, what a writer left half done would end this process and not this function.
    """
    done = 0
    for batch in batches:
        chosen = batch if names is None else batch.select(list(names))
        budget.take(chosen.nbytes)
        chosen.validate(full=True)
        yield ArrowBatch(numbers[done : done + chosen.num_rows], file.share, chosen)
        done += chosen.num_rows


ALL = range(1, sys.maxsize)
"""Numbers of rows that are counted from 1 on."""
