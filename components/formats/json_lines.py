"""JSON lines: an object on each line; rows may differ in their keys and types."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from stillhouse.components.cleaning import without_surrogates
from stillhouse.components.formats.batch import Batch, DataFile, Reading, check_columns
from stillhouse.components.tables import refuse_other_encodings, unique_keys
from stillhouse.errors import UserError

_BATCH_ROWS = 8192
_BATCH_BYTES = 16 << 20


@dataclass(frozen=True)
class JsonBatch(Batch):
    """Rows of a JSON file."""

    objects: list[dict[str, Any]]

    def column(self, name: str) -> pa.Array:
        """Lists where there are lists, else strings as the other formats have them."""
        values = [row.get(name) for row in self.objects]
        if any(isinstance(value, list) for value in values):
            written = [None if value is None else [_text(item) for item in value] for value in values]
            return pa.array(written, pa.list_(pa.string()))
        return pa.array([_text(value) for value in values], pa.string())

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
    for number, line in enumerate(file.data, start=1):
        reading.budget.take(len(line))
        if not line.strip():
            continue
        row = _object(file.path, number, line)
        if names is not None:
            seen |= dict.fromkeys(row)
            row = {name: row[name] for name in names if name in row}
            _check_kinds(file.path, number, row, kinds)
        objects.append(row)
        numbers.append(number)
        held += len(line)
        if len(objects) == _BATCH_ROWS or held > _BATCH_BYTES:
            yield JsonBatch(numbers, file.share, objects)
            objects, numbers, held = [], [], 0
    if seen:
        check_columns(file.path, names, list(seen))
    if objects:
        yield JsonBatch(numbers, file.share, objects)


def _object(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf-8-sig"), object_pairs_hook=unique_keys)
    except UnicodeDecodeError as error:
        raise UserError(f"{path}, row {number}: no UTF-8 ({error}); save the file as UTF-8.") from None
    except ValueError as error:
        raise UserError(f"{path}, row {number}: no JSON ({error}); write one object on each line.") from None
    except RecursionError:
        raise UserError(f"{path}, row {number}: lists or objects lie too deep in one another; write it flat.") from None
    if not isinstance(row, dict):
        raise UserError(f"{path}, row {number}: no JSON object; write one object on each line.")
    return _whole(row) if b"\\ud" in line.lower() else row


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


def _text(value: Any) -> str | None:
    """A string; other values as JSON, NaN as None."""
    if value is None or value != value:
        return None
    return without_surrogates(value if isinstance(value, str) else json.dumps(value))
