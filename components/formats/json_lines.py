"""JSON lines: an object on each line, or all in one list; rows may differ in their keys and types."""

import codecs
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from stillhouse.components.formats.batch import Batch, DataFile, Reading, check_columns, suffix
from stillhouse.components.formats.values import NotText, text, without_surrogates
from stillhouse.components.safety.data_files import refuse_other_encodings, unique_keys
from stillhouse.components.storage.memory import Budget
from stillhouse.errors import UserError

_BATCH_ROWS = 8192
_BATCH_BYTES = 16 << 20
_PIECE = 1 << 20
"""Bytes of a list that are read at once, at least."""
_NOT_SPACE = re.compile(r"[^ \t\r\n]")


@dataclass(frozen=True)
class JsonBatch(Batch):
    """Rows of a JSON file."""

    objects: list[dict[str, Any]]

    @property
    def names(self) -> list[str]:
        return list(dict.fromkeys(name for row in self.objects for name in row))

    def column(self, name: str) -> pa.Array:
        """Lists where there are lists, else strings as the other formats have them.

        Raises:
            NotText: a value is an object, or not a list where others are.
        """
        values = [row.get(name) for row in self.objects]
        if any(isinstance(value, list) for value in values):
            return pa.array([_texts(value, row) for row, value in enumerate(values)], pa.list_(pa.string()))
        return pa.array([_text(value, row) for row, value in enumerate(values)], pa.string())

    def with_values(self, values: Mapping[str, str | None]) -> Self:
        return replace(self, objects=[{**row, **values} for row in self.objects])

    def rows(self) -> list[dict[str, Any]]:
        return self.objects


def read_json_lines(file: DataFile, reading: Reading) -> Iterator[Batch]:
    """Rows of JSON lines.

    Raises:
        UserError: a line is not a JSON object in UTF-8; or, in a column that is asked for, rows differ in their kind.
    """
    refuse_other_encodings(file.path)
    names = reading.names
    seen: dict[str, None] = {}
    kinds: dict[str, str] = {}
    objects: list[dict[str, Any]] = []
    numbers: list[int] = []
    held = 0
    for number, row, size in _rows(file, reading.budget):
        if names is not None:
            seen |= dict.fromkeys(row)
            row = {name: row[name] for name in names if name in row}
            _check_kinds(file.path, number, row, kinds)
        objects.append(row)
        numbers.append(number)
        held += size
        if len(objects) == _BATCH_ROWS or held > _BATCH_BYTES:
            yield JsonBatch(numbers, file.share, objects)
            objects, numbers, held = [], [], 0
    if seen:
        check_columns(file.path, names, list(seen))
    if objects:
        yield JsonBatch(numbers, file.share, objects)


def _rows(file: DataFile, budget: Budget) -> Iterator[tuple[int, dict[str, Any], int]]:
    """Number, object and size of each row."""
    with file.again() as stream:
        is_list = stream.read(_PIECE).removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"[")
    if is_list and suffix(file.path) == ".json":
        yield from _items(file, budget)
        return
    for number, line in enumerate(file.data, start=1):
        budget.take(len(line))
        if line.strip():
            with _readable(file.path, number):
                row = json.loads(line.decode("utf-8-sig"), object_pairs_hook=unique_keys)
            yield number, _object(file.path, number, row, b"\\ud" in line.lower()), len(line)


def _items(file: DataFile, budget: Budget) -> Iterator[tuple[int, dict[str, Any], int]]:
    """The objects of a list, however long it is."""
    text, number = _Window(file, budget), 0
    with _readable(file.path, 1):
        text.pass_over("[")
        ended = text.peek() == "]"
    while not ended:
        number += 1
        with _readable(file.path, number):
            row, written = text.value()
            ended = text.pass_over(",]") == "]"
        yield number, _object(file.path, number, row, "\\ud" in written.lower()), len(written)


class _Window:
    """As much of a file's text as is needed at a time."""

    def __init__(self, file: DataFile, budget: Budget) -> None:
        self._file, self._budget = file, budget
        self._text, self._place = "", 0
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._decoder = json.JSONDecoder(object_pairs_hook=unique_keys)

    def peek(self) -> str:
        """The next character that is not white space; empty at the end."""
        while (found := _NOT_SPACE.search(self._text, self._place)) is None:
            self._place = len(self._text)
            if not self._read_on():
                return ""
        self._place = found.start()
        return found[0]

    def pass_over(self, expected: str) -> str:
        """Go behind the next character.

        Raises:
            ValueError: it is not one of those expected.
        """
        if not (mark := self.peek()) or mark not in expected:
            raise ValueError(f"{mark or 'the end'} where one of {' '.join(expected)} is needed")
        self._place += 1
        return mark

    def value(self) -> tuple[Any, str]:
        """The next value, and how it is written."""
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._place)
            except json.JSONDecodeError:
                if not self._read_on():
                    raise
                continue
            written, self._place = self._text[self._place : end], end
            return value, written

    def _read_on(self) -> bool:
        data = self._file.data.read(max(_PIECE, len(self._text) - self._place))
        self._budget.take(len(data))
        self._text, self._place = self._text[self._place :] + self._decode(data, final=not data), 0
        return bool(data)


@contextmanager
def _readable(path: Path, number: int) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise UserError(f"{path}, row {number}: not UTF-8 ({error}); save the file as UTF-8.") from None
    except ValueError as error:
        raise UserError(f"{path}, row {number}: not JSON ({error}); write one object on each line.") from None
    except RecursionError:
        raise UserError(f"{path}, row {number}: lists or objects lie too deep in one another; write it flat.") from None


def _object(path: Path, number: int, row: Any, has_halves: bool) -> dict[str, Any]:
    """The row; `has_halves`: there may be half characters in it."""
    if not isinstance(row, dict):
        raise UserError(f"{path}, row {number}: not a JSON object; write one object on each line.")
    return _whole(row) if has_halves else row


def _whole(value: Any) -> Any:
    """Nested values whose strings hold no half characters, which no output can hold."""
    if isinstance(value, dict):
        return {without_surrogates(name): _whole(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    return without_surrogates(value) if isinstance(value, str) else value


def _check_kinds(path: Path, number: int, row: dict[str, Any], kinds: dict[str, str]) -> None:
    """Compare a row's columns with what earlier rows of the file hold there, which `kinds` keeps."""
    for name, value in row.items():
        if value is None:
            continue
        kind = "an object" if isinstance(value, dict) else "a list" if isinstance(value, list) else "one value"
        known = kinds.setdefault(name, "one value" if kind == "an object" else kind)
        if kind != known:
            raise UserError(
                f"{path}, row {number}, column '{name}': holds {kind} where other rows hold {known}; "
                "write all rows alike."
            )


def _texts(value: Any, row: int) -> list[str | None] | None:
    if value is not None and not isinstance(value, list):
        raise NotText("holds one value where other rows hold a list", row)
    return None if value is None else [_text(item, row) for item in value]


def _text(value: Any, row: int) -> str | None:
    if isinstance(value, dict | list):
        raise NotText(f"holds {'an object' if isinstance(value, dict) else 'a list'}, and one value is needed", row)
    return text(value)
