"""CSV and its kin: fields between separators, a row a line."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from stillhouse.components.formats.batch import Batch, DataFile, check_columns, checked, suffix, unpacked
from stillhouse.components.storage.memory import Budget
from stillhouse.components.tables import refuse_other_encodings

if TYPE_CHECKING:
    from pyarrow import csv

BLOCK = 64 << 20
"""Bytes a row may take at most."""


def read_delimited(file: DataFile, names: Sequence[str] | None, budget: Budget) -> Iterator[Batch]:
    """Rows of a CSV file; the header is row 1.

    Every value is a string: a type guessed from the first rows would lose what it stands for (007, NA).
    """
    from pyarrow import csv

    refuse_other_encodings(file.path)
    with file.path.open("rb") as head:
        present = delimited_columns(DataFile(file.path, head))
    check_columns(file.path, names, present)
    wanted = list(names or present)
    # Threads would take the row numbers out of pyarrow's messages.
    read = csv.ReadOptions(use_threads=False, block_size=BLOCK)
    convert = csv.ConvertOptions(include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()))
    with csv.open_csv(file.data, read, _parse_options(file.path), convert) as table:
        yield from checked(file, table, wanted, 2, budget)


def delimited_columns(file: DataFile) -> list[str]:
    """The names of the columns, out of the header."""
    from pyarrow import csv

    read = csv.ReadOptions(use_threads=False, block_size=BLOCK)
    with csv.open_csv(unpacked(file.path, file.packed), read, _parse_options(file.path)) as table:
        return table.schema.names


def _parse_options(path: Path) -> "csv.ParseOptions":
    from pyarrow import csv

    return csv.ParseOptions(delimiter="\t" if suffix(path) == ".tsv" else ",", newlines_in_values=True)
