"""CSV and its kin: fields between separators."""

import io
import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO, cast

import pyarrow as pa

from stillhouse.components.formats.batch import Batch, DataFile, Reading, check_columns, checked
from stillhouse.components.formats.csv_dialect import Dialect, find_dialect, head_dialect, line_as_row
from stillhouse.components.formats.csv_scan import BLOCK, CHUNK, whole_lines
from stillhouse.errors import UserError


def read_delimited(file: DataFile, reading: Reading) -> Iterator[Batch]:
    """Rows of a CSV file; the first row of the file is row 1.

    Every value is a string: a type guessed from the first rows would lose what it stands for (007, NA).
    """
    from pyarrow import csv

    dialect = find_dialect(file.path, file.again, reading.csv, reading.names)
    reading.notes.append(dialect.describe())
    check_columns(file.path, reading.names, dialect.names, header_hint(reading.names, dialect))
    numbers = dialect.numbers()
    if not dialect.layout.rows:
        return
    names = dialect.names if reading.names is None else list(reading.names)
    # By position: names that nobody asks for may be empty, or there twice.
    places = [str(dialect.names.index(name)) for name in names]
    marks = dialect.marks
    parse = csv.ParseOptions(
        delimiter=marks.separator,
        quote_char=marks.quote or False,
        escape_char=marks.escape or False,
        newlines_in_values=bool(marks.quote or marks.escape),
        ignore_empty_lines=len(dialect.names) > 1,
    )
    read = csv.ReadOptions(
        use_threads=False, block_size=BLOCK, column_names=[str(place) for place in range(len(dialect.names))]
    )
    convert = csv.ConvertOptions(include_columns=places, column_types=dict.fromkeys(places, pa.string()))
    count = 0
    file.data.read(dialect.skipped)
    with csv.open_csv(_plain(file.data, dialect), read, parse, convert) as table:
        batches = (batch.rename_columns(names) for batch in table)
        for batch in checked(file, batches, None, numbers, reading.budget):
            count += len(batch)
            yield batch
    if count != dialect.layout.rows:
        raise UserError(
            f"{file.path}: {dialect.layout.rows:,} rows were counted and {count:,} could be read; say how the file is "
            "written with csv.separator, csv.quote and csv.escape."
        )


def delimited_columns(file: DataFile, reading: Reading) -> list[str]:
    """The names of the columns, as the beginning of the file tells them."""
    return head_dialect(file.path, file.again, reading.csv, reading.names).names


def header_hint(names: Sequence[str] | None, dialect: Dialect) -> str:
    """What to do where columns are missing because the first row is data, or was said to be."""
    if not dialect.has_header:
        return "columns without a header are called 1, 2, 3 and so on, or as csv.header lists them"
    if names and not set(names) & set(dialect.names):
        data = "if its first row is data, set csv.header to false or to a list of names"
        separator = "if another character separates its fields, name it with csv.separator"
        return f"{separator}; {data}" if len(dialect.names) == 1 else data
    return ""


def _plain(stream: BinaryIO, dialect: Dialect) -> BinaryIO:
    """The rows as Arrow's reader understands them."""
    if dialect.by_lines:
        return io.BufferedReader(_Stream(_lines_as_rows(stream, dialect)), CHUNK)
    if dialect.marks.escape:
        return io.BufferedReader(_Stream(_kept_escapes(stream, dialect)), CHUNK)
    return stream


def _lines_as_rows(stream: BinaryIO, dialect: Dialect) -> Iterator[bytes]:
    for piece in whole_lines(stream):
        if b'"' not in piece:
            yield piece
            continue
        lines = (line_as_row(line, dialect.marks.separator, len(dialect.names)) for line in piece.splitlines())
        yield b"".join((line or b"") + b"\n" for line in lines)


def _kept_escapes(stream: BinaryIO, dialect: Dialect) -> Iterator[bytes]:
    """Double the escapes before characters that need none, as in C:\\temp: Arrow's reader takes all of them away."""
    escape = dialect.marks.escape.encode()
    needed = f"{dialect.marks.separator}{dialect.marks.quote}{dialect.marks.escape}\r\n".encode()
    pair = re.compile(re.escape(escape) + rb"(.)", re.DOTALL)

    def keep(found: re.Match[bytes]) -> bytes:
        return found[0] if found[1] in needed else escape + found[0]

    rest = b""
    while chunk := stream.read(CHUNK):
        piece = rest + chunk
        open_end = (len(piece) - len(piece.rstrip(escape))) % 2
        rest = piece[len(piece) - open_end :]
        piece = piece[: len(piece) - open_end]
        yield pair.sub(keep, piece)
    yield rest


class _Stream(io.RawIOBase):
    """What an iterator of bytes gives, as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        target = memoryview(cast(bytearray, buffer)).cast("B")
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
