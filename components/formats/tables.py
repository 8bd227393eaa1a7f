"""The formats that are known, by the ends of files' names: one streaming reader for each."""

import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from stillhouse.components.formats.arrow_files import (
    arrow_columns,
    arrow_schema,
    parquet_columns,
    parquet_schema,
    read_arrow,
    read_parquet,
)
from stillhouse.components.formats.batch import Batch, DataFile, Reading, suffix
from stillhouse.components.formats.delimited import delimited_columns, read_delimited
from stillhouse.components.formats.folders import partition_values, without_notes
from stillhouse.components.formats.json_lines import read_json_lines
from stillhouse.components.formats.plain_text import read_text
from stillhouse.components.safety.data_files import refuse_pickles
from stillhouse.errors import UserError

Reader = Callable[[DataFile, Reading], Iterator[Batch]]
TABLES: dict[str, Reader] = {
    ".csv": read_delimited,
    ".tsv": read_delimited,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".json": read_json_lines,
    ".parquet": read_parquet,
    ".arrow": read_arrow,
    ".feather": read_arrow,
}
"""Files whose rows have columns; the text ones also packed, as `.csv.gz`."""
LINES: dict[str, Reader] = {".txt": read_text}
"""Files whose rows are lines of text: read where somebody names them, for as often they are notes beside the data."""
HEADS: dict[str, Callable[[DataFile, Reading], list[str]]] = {
    ".csv": delimited_columns,
    ".tsv": delimited_columns,
    ".parquet": parquet_columns,
    ".arrow": arrow_columns,
    ".feather": arrow_columns,
}
"""Formats whose head names all columns."""

SCHEMAS: dict[str, Callable[[DataFile], pa.Schema]] = {
    ".parquet": parquet_schema,
    ".arrow": arrow_schema,
    ".feather": arrow_schema,
}
"""Formats whose columns have types."""

_UNPACK = "unpack it, or pack the file as .gz"
OTHERS: dict[tuple[str, ...], tuple[str, str]] = {
    (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers"): ("a spreadsheet", "save its sheet as CSV (UTF-8)"),
    (".zip", ".tar", ".tar.gz", ".tgz", ".7z", ".rar"): ("an archive", "unpack it"),
    (".bz2", ".xz", ".zst", ".lz4", ".z", ".snappy"): ("packed in another way than .gz", _UNPACK),
    (".orc", ".avro", ".h5", ".hdf5", ".sas7bdat", ".dta", ".sav", ".rds", ".rdata", ".mat"): (
        "a table in a format that is not read",
        "write it as Parquet or CSV",
    ),
    (".db", ".sqlite", ".sqlite3", ".duckdb", ".mdb", ".accdb"): ("a database", "export the table as CSV or Parquet"),
    (".xml", ".html", ".htm", ".yaml", ".yml", ".pdf", ".docx", ".doc", ".rtf", ".eml", ".mbox"): (
        "a document",
        "write its rows as CSV or JSON lines",
    ),
    (".psv", ".tab", ".dat", ".data", ".ssv"): (
        "text whose ending does not tell its format",
        "rename it to .csv or .tsv",
    ),
}
"""Files of kinds that people have and that are not read: what they are, and what to do."""

UNREADABLE = (pa.ArrowException, UnicodeDecodeError, EOFError, OSError, OverflowError, ValueError, zlib.error)
"""What readers raise for a file that is not what its name says."""


def is_table(path: Path | str) -> bool:
    """Whether a file of that name holds rows with columns."""
    return suffix(Path(path)) in TABLES


def is_delimited(path: Path) -> bool:
    """Whether it is a file of CSV or its kin, whose values are text."""
    return TABLES.get(suffix(path)) is read_delimited


def data_files(files: Iterable[Path], source: str, formats: Iterable[str] = TABLES) -> list[Path]:
    """Those of the files that are of a known format; the others, as a README, are not opened.

    Raises:
        UserError: there is none.
    """
    files, formats = without_notes(files), list(formats)
    if not (known := [path for path in files if suffix(path) in formats]):
        refuse_pickles(files)
        raise UserError(_no_data(files, source, formats))
    return known


def read_batches(path: Path, reading: Reading) -> Iterator[Batch]:
    """All rows of a file, some at a time.

    Args:
        path: A file whose format is known.
        reading: The columns that are wanted, the budget, and how CSV files are written.

    Raises:
        UserError: the file cannot be read (the sentence names the row), or a column is missing or there twice.
        MemoryError: the budget is spent.
    """
    try:
        with path.open("rb") as file:
            yield from _with_partitions(path, DataFile(path, file), reading)
    except MemoryError:
        raise
    except UNREADABLE as error:
        raise UserError(_unreadable(path, error)) from None


def _with_partitions(path: Path, file: DataFile, reading: Reading) -> Iterator[Batch]:
    """The rows, and what the folders above say of them all."""
    reader, values = (TABLES | LINES)[suffix(path)], partition_values(path)
    if reading.names is not None:
        values = {name: value for name, value in values.items() if name in reading.names}
        reading = replace(reading, names=[name for name in reading.names if name not in values])
    for batch in reader(file, reading):
        yield batch.with_values(values) if values else batch


def column_names(path: Path, reading: Reading) -> list[str] | None:
    """The columns that a file's head tells; None where it does not tell them all, or cannot be read."""
    head = HEADS.get(suffix(path))
    if head is None:
        return None
    try:
        with path.open("rb") as file:
            return [*head(DataFile(path, file), reading), *partition_values(path)]
    except (*UNREADABLE, UserError):
        return None


def common_schema(files: Iterable[Path]) -> pa.Schema | None:
    """Names and types of the columns of all files; None where one has no types of its own, or they do not agree."""
    schemas = []
    for path in files:
        if (head := SCHEMAS.get(suffix(path))) is None:
            return None
        try:
            with path.open("rb") as file:
                schemas.append(head(DataFile(path, file)).remove_metadata())
        except UNREADABLE:
            return None
    try:
        return pa.unify_schemas(schemas)
    except pa.ArrowException:
        return None


def _no_data(files: list[Path], source: str, formats: list[str]) -> str:
    """What is there instead, and what to make of it."""
    taken = f"it must hold {', '.join(formats)} (or these as .gz)"
    for path in files:
        what, mend = next((found for ends, found in OTHERS.items() if path.name.lower().endswith(ends)), (None, ""))
        if what is not None:
            return f"{source}: no data file found; '{path.name}' is {what}: {mend}; {taken}."
    if files and files[0].name not in source:
        return f"{source}: no data file found; '{files[0].name}' is of an unknown kind; {taken}."
    return f"{source}: no data file found; {taken}."


def _unreadable(path: Path, error: Exception) -> str:
    """One sentence out of a library's message."""
    message = " ".join(str(error).split())
    row = re.search(r"Row #(\d+): (.*)", message)
    place = f"{path}, row {row[1]}" if row else str(path)
    what = row[2] if row else message
    utf8 = isinstance(error, UnicodeDecodeError) or re.search("utf-?8", what, re.IGNORECASE)
    mend = "save the file as UTF-8" if utf8 else "fix the file or take it out"
    if "Expected all lists to be of size" in what:  # pyarrow 25 cannot read what it wrote
        mend = "a column has lists of a fixed length and a row without one: write it with lists of any length"
    return f"{place}: cannot be read ({what[:200].rstrip('.')}); {mend}."
