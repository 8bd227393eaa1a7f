"""Rows on their way out: JSON lines, CSV or Parquet; a file appears whole or not at all."""

import csv
import json
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from stillhouse.components.formats.values import NotText, text
from stillhouse.components.storage.disk import sibling, writing
from stillhouse.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

Rows = list[dict[str, Any]]
Write = Callable[[Rows], None]


@contextmanager
def writer(path: Path | None, given: "pa.Schema | None" = None) -> Iterator[Write]:
    """A function that writes rows: to the file, in the format of its name, or as JSON lines to stdout.

    Columns of CSV and Parquet are those of the first rows written; in Parquet those that are `given` keep their types,
    whatever the first rows hold.

    Raises:
        UserError: the format is unknown, the file cannot be written, or (from the function) rows differ in
            columns or types where the format does not allow it.
    """
    if path is None:
        yield _json_lines(sys.stdout)
        return
    if path.suffix.lower() not in WRITERS:
        raise UserError(f"{path}: unknown format; end the name of the output with one of {', '.join(WRITERS)}.")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        staged = sibling(path)
        try:
            writes = _write_parquet(staged, given) if path.suffix.lower() == ".parquet" else None
            with writes or WRITERS[path.suffix.lower()](staged) as write:
                yield write
            staged.replace(path)
        finally:
            staged.unlink(missing_ok=True)


def _json_lines(file: IO[str]) -> Write:
    def write(rows: Rows) -> None:
        file.writelines(_json(row) + "\n" for row in rows)

    return write


def _json(value: Any) -> str:
    """As JSON, which has no nan: null instead, and for what else it lacks the text that it is read as."""
    try:
        return json.dumps(value, ensure_ascii=False, default=_written, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), ensure_ascii=False, default=_written)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _written(value: Any) -> str | None:
    """The text that training would read, or Python's for what it would refuse."""
    try:
        return text(value)
    except NotText:
        return str(value)


@contextmanager
def _write_json(path: Path) -> Iterator[Write]:
    with path.open("w", encoding="utf-8") as file:
        yield _json_lines(file)


@contextmanager
def _write_csv(path: Path) -> Iterator[Write]:
    with path.open("w", encoding="utf-8", newline="") as file:
        table: csv.DictWriter[str] | None = None

        def write(rows: Rows) -> None:
            nonlocal table
            if table is None:
                table = csv.DictWriter(file, _columns(rows), lineterminator="\n")
                table.writeheader()
            _check_columns(rows, list(table.fieldnames))
            table.writerows({name: _plain(value) for name, value in row.items()} for row in rows)

        yield write


@contextmanager
def _write_parquet(path: Path, given: "pa.Schema | None" = None) -> Iterator[Write]:
    import pyarrow as pa
    from pyarrow import parquet

    table: parquet.ParquetWriter | None = None

    def write(rows: Rows) -> None:
        nonlocal table
        try:
            if table is None:
                table = parquet.ParquetWriter(path, _schema(rows, given))
            _check_columns(rows, table.schema.names)
            table.write_table(pa.Table.from_pylist(rows, table.schema))
        except (pa.ArrowException, OverflowError, ValueError, TypeError) as error:
            raise UserError(f"the rows differ in their types ({error}); write .jsonl instead.") from None

    try:
        yield write
    finally:
        if table is None:
            table = parquet.ParquetWriter(path, given or pa.schema([]))
        table.close()


def _schema(rows: Rows, given: "pa.Schema | None") -> "pa.Schema":
    """The types of the columns: those given, else those of the rows; where there is no value yet, text is expected."""
    import pyarrow as pa

    known = {field.name: field.type for field in given or ()}
    columns = {name: [row.get(name) for row in rows] for name in _columns(rows) if name not in known}
    for name, values in columns.items():
        kind = pa.array(values).type
        if pa.types.is_null(kind):
            kind = pa.string()
        elif pa.types.is_list(kind) and pa.types.is_null(kind.value_type):
            kind = pa.list_(pa.float64() if name.endswith("score") else pa.string())
        known[name] = kind
    return pa.schema(list(known.items()))


WRITERS = {".jsonl": _write_json, ".json": _write_json, ".csv": _write_csv, ".parquet": _write_parquet}
"""By the end of the file's name."""


def _columns(rows: Rows) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _check_columns(rows: Rows, known: list[str]) -> None:
    new = [name for name in _columns(rows) if name not in known]
    if new:
        raise UserError(f"column '{new[0]}' is not in the first rows; write .jsonl, where rows may differ.")


def _plain(value: Any) -> Any:
    if isinstance(value, list | dict):
        return _json(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else ""
    return value if isinstance(value, str | int) and not isinstance(value, bool) else _written(value)
