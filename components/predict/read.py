"""Rows of a file, one after the other, however large: CSV, JSON lines, Parquet, Arrow and plain text."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from stillhouse.components.formats import tables
from stillhouse.components.formats.batch import Reading
from stillhouse.components.formats.columns import column_texts
from stillhouse.components.formats.settings import CsvSettings
from stillhouse.components.storage.layouts import data_names
from stillhouse.components.storage.memory import Budget
from stillhouse.components.storage.names import refuse_links_out
from stillhouse.components.storage.urls import local_path
from stillhouse.errors import UserError

MEMORY = 4 << 30
"""Bytes that reading one lot of rows may take."""


class Row(NamedTuple):
    """A row, and where it came from."""

    values: dict[str, Any]
    place: str
    """File and row, for messages."""
    share: float
    """How much of the file was read when the row was, 0 to 1."""
    texts: dict[str, str | None]
    """Of the columns that were asked for and that it has."""


def data_files(path: Path) -> list[Path]:
    """The file itself, or all files of a known format in the folder and its subfolders, sorted.

    Raises:
        UserError: there is none, or something in the folder leads out of it or is no file.
    """
    there = local_path(str(path))
    if there.is_dir():
        refuse_links_out(there)
    names = sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file())
    below = [path] if there.is_file() else [path / name for name in data_names(names, str(path))]
    return tables.data_files(below, str(path), ("tables", "lines"))


def rows(path: Path, csv: CsvSettings, columns: Sequence[str] = ()) -> Iterator[Row]:
    """All rows of the file; `csv` says how CSV files are written, and `columns` which are wanted as text.

    Raises:
        UserError: the file cannot be read, or a value of these columns has no text; the sentence names the row.
    """
    reading, number = Reading(None, Budget(MEMORY), csv), 0
    try:
        for batch in tables.read_batches(path, reading):
            found = batch.rows()
            there = [name for name in columns if any(name in values for values in found)]
            written = {name: column_texts(path, batch, name).to_pylist() for name in there}
            for i, (number, values) in enumerate(zip(batch.numbers, found, strict=True)):
                texts = {name: written[name][i] for name in there if name in values}
                yield Row(values, f"{path}, row {number}", batch.share, texts)
            reading.budget.renew()
    except MemoryError:
        raise UserError(
            f"{path}, after row {number}: the next rows take more memory than {MEMORY >> 30} GB; cut the file into "
            "smaller ones, or look what it holds."
        ) from None
