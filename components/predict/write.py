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
def writer(path: Path | None, given: "pa.Schema | None" = None, answers: "pa.Schema | None" = None) -> Iterator[Write]:
    """A function that writes rows: to the file, in the format of its name, or as JSON lines to stdout.

    Columns of CSV and Parquet are those of the first rows written; in Parquet those `given` and the `answers` have
    these types, whatever the first rows hold. Without a row there are these columns.

    Raises:
        UserError: the format is unknown, the file cannot be written, or (from the function) rows differ in
            columns or types where the format does not allow it.
    """
    if path is None:
        yield _json_lines(sys.stdout)
        return
    check_format(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        staged = sibling(path)
        try:
            with WRITERS[path.suffix.lower()](staged, given, answers) as write:
                yield write
            staged.replace(path)
        finally:
            staged.unlink(missing_ok=True)


def check_format(path: Path | None) -> None:
    """Look at the name of the output.

    Raises:
        UserError: it tells no format that can be written.
    """
    if path is not None and path.suffix.lower() not in WRITERS:
        raise UserError(f"{path}: unknown format; end the name of the output with one of {', '.join(WRITERS)}.")


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
def _write_json(path: Path, *_: "pa.Schema | None") -> Iterator[Write]:
    with path.open("w", encoding="utf-8") as file:
        yield _json_lines(file)


@contextmanager
def _write_csv(path: Path, given: "pa.Schema | None", answers: "pa.Schema | None") -> Iterator[Write]:
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
        if table is None:
            csv.writer(file, lineterminator="\n").writerow([*_names(given), *_names(answers)])


@contextmanager
def _write_parquet(path: Path, given: "pa.Schema | None", answers: "pa.Schema | None") -> Iterator[Write]:
    import pyarrow as pa
    from pyarrow import parquet

    table: parquet.ParquetWriter | None = None

    def write(rows: Rows) -> None:
        nonlocal table
        try:
            if table is None:
                table = parquet.ParquetWriter(path, _schema(rows, given, answers))
            _check_columns(rows, table.schema.names)
            table.write_table(pa.Table.from_pylist(rows, table.schema))
        except (pa.ArrowException, OverflowError, ValueError, TypeError) as error:
            raise UserError(f"the rows differ in their types ({error}); write .jsonl instead.") from None

    try:
        yield write
    finally:
        if table is None:
            table = parquet.ParquetWriter(path, pa.schema([*(given or ()), *(answers or ())]))
        table.close()


def _schema(rows: Rows, given: "pa.Schema | None", answers: "pa.Schema | None") -> "pa.Schema":
    """The types of the columns: those told, else those of the rows; where there is no value yet, text is expected."""
    import pyarrow as pa

    known = {field.name: field.type for field in given or ()}
    told = {field.name: field.type for field in answers or ()}
    for name in _columns(rows):
        if name not in known:
            kind = told[name] if name in told else pa.array([row.get(name) for row in rows]).type
            known[name] = pa.string() if pa.types.is_null(kind) else kind
    return pa.schema(list(known.items()))


def _names(schema: "pa.Schema | None") -> list[str]:
    return schema.names if schema is not None else []


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
