"""Some rows of a data file, and where they came from."""

import gzip
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Self

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
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict, kw_only=True)
    """Names of the classes that a column's numbers stand for, where somebody has written them beside the file."""

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    @abstractmethod
    def names(self) -> list[str]:
        """Of the columns."""

    @abstractmethod
    def column(self, name: str) -> pa.Array:
        """The values of a column, of the type that the file gives them."""

    @abstractmethod
    def with_values(self, values: Mapping[str, str | None]) -> Self:
        """The rows with further columns, each of which has one value in all of them."""

    @abstractmethod
    def rows(self) -> list[dict[str, Any]]:
        """The rows as plain values."""


@dataclass(frozen=True)
class ArrowBatch(Batch):
    """Rows of a file that has columns."""

    columns: pa.RecordBatch

    @property
    def names(self) -> list[str]:
        return self.columns.schema.names

    def column(self, name: str) -> pa.Array:
        return self.columns[name]

    def with_values(self, values: Mapping[str, str | None]) -> Self:
        columns = self.columns
        for name, value in values.items():
            columns = columns.append_column(name, pa.array([value] * len(self), pa.string()))
        return replace(self, columns=columns)

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
    formats: Sequence[str] = ("tables", "lines")
    """Ways of writing that the file may have, as `tables.FORMATS` names them."""


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
    """The end of a file's name that tells its format, in lower case and without `.gz`."""
    return Path(path.name.lower().removesuffix(".gz")).suffix


class MissingColumn(UserError):
    """A file lacks a column that is asked for."""

    def __init__(self, sentence: str, name: str, present: Sequence[str]) -> None:
        super().__init__(sentence)
        self.name, self.present = name, present


def check_columns(path: Path, names: Sequence[str] | None, present: Sequence[str], hint: str = "") -> None:
    """Compare the columns that are asked for with those there; None asks for all. `hint` is for one that is missing.

    Raises:
        MissingColumn: one is missing.
        UserError: one is there more than once.
    """
    for name in present if names is None else names:
        if name not in present:
            raise MissingColumn(
                f"{path}: column '{name}' is missing; the file has {', '.join(present)}: "
                f"name one of them in the recipe's columns{hint and '; '}{hint}.",
                name,
                present,
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
        chosen = _plain(chosen)
        yield ArrowBatch(numbers[done : done + chosen.num_rows], file.share, chosen)
        done += chosen.num_rows


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Lists of every kind and width as lists, of strings where they hold text; categories whose names can be cast."""
    for place, kind in enumerate(batch.schema.types):
        column = batch.column(place)
        if pa.types.is_dictionary(kind) and pa.types.is_string_view(kind.value_type):
            column = pa.DictionaryArray.from_arrays(column.indices, column.dictionary.cast(pa.string()))
        elif isinstance(kind, _LISTS):
            column = _plain_lists(column)
        if column.type != kind:
            batch = batch.set_column(place, pa.field(batch.schema.names[place], column.type), column)
    return batch


def _plain_lists(column: pa.Array) -> pa.Array:
    inner = column.type.value_type
    inner = inner.value_type if pa.types.is_dictionary(inner) else inner
    is_text = pa.types.is_large_string(inner) or pa.types.is_string_view(inner) or pa.types.is_null(inner)
    wanted = pa.list_(pa.string() if is_text else inner)
    if column.type == wanted or pa.types.is_nested(inner):
        return column
    # Not by a cast: pyarrow 25 empties the lists after a null when it casts a list view.
    return pa.array(column.to_pylist(), wanted)


_LISTS = (pa.ListType, pa.LargeListType, pa.FixedSizeListType, pa.ListViewType, pa.LargeListViewType)

ALL = range(1, sys.maxsize)
"""Numbers of rows that are counted from 1 on."""
