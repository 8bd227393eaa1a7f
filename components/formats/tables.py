"""The formats that are known, by the names of files: one streaming reader for each."""

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

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
from stillhouse.components.formats.cifar import is_cifar, read_cifar
from stillhouse.components.formats.conll import WORD_FILES, WORD_HEADS
from stillhouse.components.formats.delimited import delimited_columns, read_delimited
from stillhouse.components.formats.folders import partition_values, without_notes
from stillhouse.components.formats.idx import COLUMNS, is_idx, is_idx_labels, read_idx
from stillhouse.components.formats.interactions import inter_columns, read_inter
from stillhouse.components.formats.json_lines import read_json_lines
from stillhouse.components.formats.plain_text import read_text
from stillhouse.components.safety.data_files import refuse_pickles
from stillhouse.errors import UserError

Reader = Callable[[DataFile, Reading], Iterator[Batch]]
Head = Callable[[DataFile, Reading], list[str]]
"""Names of all columns, from the head of a file."""
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
HEADS: dict[str, Head] = {
    ".csv": delimited_columns,
    ".tsv": delimited_columns,
    ".parquet": parquet_columns,
    ".arrow": arrow_columns,
    ".feather": arrow_columns,
}
"""Formats whose head names all columns."""


class Named(NamedTuple):
    """A format that is told by the whole name of a file."""

    name: str
    is_one: Callable[[Path], bool]
    read: Reader
    head: Head | None = None


class Format(NamedTuple):
    """Ways of writing that go together; a kind of problem says which it takes."""

    readers: Mapping[str, Reader] = {}
    """By the ends of files' names."""
    heads: Mapping[str, Head] = {}
    named: tuple[Named, ...] = ()
    said: tuple[str, ...] = ()
    """What else a person is told that a source may hold."""


FORMATS: dict[str, Format] = {
    "tables": Format(TABLES, HEADS),
    "lines": Format(LINES),
    "words": Format(WORD_FILES, WORD_HEADS),
    "interactions": Format({".inter": read_inter}, {".inter": inter_columns}),
    "pictures": Format(
        named=(
            Named("IDX", lambda path: is_idx(path) and not is_idx_labels(path), read_idx, lambda *_: list(COLUMNS)),
            Named("CIFAR", is_cifar, read_cifar),
        ),
        said=("folders of pictures", "IDX or CIFAR files"),
    ),
}
"""Where two of those that are taken read the same ending, the later one does. Folders of pictures: see `sources`."""

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


def format_of(path: Path, formats: Sequence[str]) -> str:
    """What a file is written in, going by its name: its ending, or the name of a format; empty where it is none of
    `formats`."""
    named = next((one.name for one in _named(formats) if one.is_one(path)), "")
    return named or (suffix(path) if suffix(path) in _readers(formats) else "")


def _named(formats: Sequence[str]) -> list[Named]:
    return [one for name in formats for one in FORMATS[name].named]


def _readers(formats: Sequence[str]) -> dict[str, Reader]:
    return {end: read for name in formats for end, read in FORMATS[name].readers.items()}


def data_files(files: Iterable[Path], source: str, formats: Sequence[str] = ("tables",)) -> list[Path]:
    """Those of the files that are of a known format; the others, as a README, are not opened.

    Raises:
        UserError: there is none.
    """
    files = without_notes(files)
    if not (known := [path for path in files if format_of(path, formats)]):
        refuse_pickles(files)
        raise UserError(_no_data(files, source, _taken(formats)))
    return known


def _taken(formats: Sequence[str]) -> list[str]:
    """What a person is told that a source may hold."""
    return [*_readers(formats), *(said for name in formats for said in FORMATS[name].said)]


def read_batches(path: Path, reading: Reading) -> Iterator[Batch]:
    """All rows of a file, some at a time.

    Args:
        path: A file whose format is known.
        reading: The columns that are wanted, the budget, and how CSV files are written.

    Raises:
        UserError: the file cannot be read (the sentence names the row), or a column is missing or there twice.
        MemoryError: the budget is spent.
    """
    with readable(path), path.open("rb") as file:
        yield from _with_partitions(path, DataFile(path, file), reading)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """One sentence in place of what a library says of a file that it cannot read.

    Raises:
        UserError: that sentence.
    """
    try:
        yield
    except MemoryError:
        raise
    except UNREADABLE as error:
        raise UserError(_unreadable(path, error)) from None


def _with_partitions(path: Path, file: DataFile, reading: Reading) -> Iterator[Batch]:
    """The rows, and what the folders above say of them all."""
    named = next((one.read for one in _named(reading.formats) if one.is_one(path)), None)
    reader, values = named or _readers(reading.formats)[suffix(path)], partition_values(path)
    if reading.names is not None:
        values = {name: value for name, value in values.items() if name in reading.names}
        reading = replace(reading, names=[name for name in reading.names if name not in values])
    for batch in reader(file, reading):
        yield batch.with_values(values) if values else batch


def column_names(path: Path, reading: Reading) -> list[str] | None:
    """The columns that a file's head tells; None where it does not tell them all, or cannot be read."""
    heads = {end: head for name in reading.formats for end, head in FORMATS[name].heads.items()}
    named = next((one for one in _named(reading.formats) if one.is_one(path)), None)
    if (head := named.head if named else heads.get(suffix(path))) is None:
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


def _no_data(files: list[Path], source: str, taken: Sequence[str]) -> str:
    """What is there instead, and what to make of it."""
    taken = f"it must hold {', '.join(taken)} (or these as .gz)"
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
