"""How a CSV file is written: as its settings say and, where they do not, as the file itself shows."""

import csv
import io
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from stillhouse.components.formats.csv_scan import BLOCK, Layout, Marks, scan, whole_lines
from stillhouse.components.formats.settings import NONE, CsvSettings
from stillhouse.components.safety.data_files import refuse_other_encodings
from stillhouse.errors import UserError

HEAD = 256 << 10
"""Bytes that tell the separator."""
_SEPARATORS = (",", ";", "\t", "|")
_FITS = 0.8
"""Share of the first lines that must have as many fields as the header for a separator to be the one."""
_BOM = b"\xef\xbb\xbf"
_HINT = re.compile(rb"sep=([^\r\n])\r?\n", re.IGNORECASE)
"""First line by which spreadsheets tell each other the separator."""


@dataclass(frozen=True)
class Dialect:
    """How a file is written, and where its rows are."""

    marks: Marks
    names: list[str]
    """Of the columns."""
    first: int
    """Number of the first row of data, as an editor shows it."""
    skipped: int
    """Bytes of the unpacked file before it."""
    has_header: bool = True
    by_lines: bool = False
    """Each line is a row of its own: some hold quotes that close nothing, which are text."""
    layout: Layout = field(default_factory=Layout)

    def describe(self) -> str:
        """In words, for the data card."""
        marks = {"\t": "tab", "": NONE}
        shown = {name: marks.get(value, f"'{value}'") for name, value in vars(self.marks).items()}
        words = [f"separator {shown['separator']}", f"quote {shown['quote']}"]
        if self.marks.escape:
            words.append(f"escape {shown['escape']}")
        words.append("header" if self.has_header else "no header")
        return ", ".join(words) + (", one row a line: quotes that close nothing are text" if self.by_lines else "")

    def numbers(self) -> Sequence[int]:
        """The number of each row; blank ones are none, and counted."""
        blank = np.concatenate(self.layout.blank) if self.layout.blank else []
        if not len(blank):
            return range(self.first, self.first + self.layout.rows)
        numbers = np.setdiff1d(np.arange(self.layout.total), blank, assume_unique=True) + self.first
        return numbers.tolist()


def find_dialect(
    path: Path, open_data: Callable[[], BinaryIO], settings: CsvSettings, wanted: Sequence[str] | None
) -> Dialect:
    """Read the file once, in pieces, and tell how it is written; `wanted` are columns that it should have.

    Raises:
        UserError: a row has too many or too few fields, quotes can be read in two ways or in none, or it is not UTF-8;
            the sentence names the row.
    """
    start = head_dialect(path, open_data, settings, wanted)

    def look(marks: Marks) -> Dialect:
        with _after(open_data, start.skipped) as stream:
            layout = scan(stream, marks, len(start.names))
        if layout.undecodable is not None:
            row, byte = layout.undecodable
            raise UserError(
                f"{path}, row {start.first + row}: cannot be read (byte 0x{byte:02x} is invalid UTF8 data); "
                "save the file as UTF-8."
            )
        return Dialect(marks, start.names, start.first, start.skipped, start.has_header, False, layout)

    quote = '"' if settings.quote is None else settings.quote
    escapes = ["", "\\"] if settings.escape is None else [settings.escape]
    first = dialect = look(Marks(start.marks.separator, quote, escapes[0]))
    if not dialect.layout.is_sound and len(escapes) > 1:
        dialect = look(Marks(start.marks.separator, quote, escapes[1]))
    if dialect.layout.is_sound:
        if settings.quote is None and dialect.layout.is_doubtful:
            raise UserError(_doubt(path, dialect))
        return dialect
    if settings.quote is None:
        with _after(open_data, start.skipped) as stream:
            layout = scan_lines(stream, start.marks.separator, len(start.names))
        if layout.is_sound:
            if layout.doubtful is not None:
                raise UserError(_doubt_among_strays(path, start.first, layout.doubtful))
            marks = Marks(start.marks.separator, quote, "")
            return Dialect(marks, start.names, start.first, start.skipped, start.has_header, True, layout)
    raise UserError(_complaint(path, first))


def head_dialect(
    path: Path, open_data: Callable[[], BinaryIO], settings: CsvSettings, wanted: Sequence[str] | None
) -> Dialect:
    """What the beginning of a file tells: separator and names of columns.

    Raises:
        UserError: the file is empty, or in another encoding; or it has not as many columns as the settings name.
    """
    refuse_other_encodings(path)
    with open_data() as stream:
        head = stream.read(HEAD)
        whole = len(head) < HEAD
    skipped = len(_BOM) if head.startswith(_BOM) else 0
    before = 0
    hint = _HINT.match(head, skipped)
    if hint:
        skipped, before = hint.end(), 1
    head = head[skipped:]
    if not head.strip(b"\r\n"):
        raise UserError(f"{path}: cannot be read (Empty CSV file); fix the file or take it out.")
    if not whole:
        head = head[: max(head.rfind(b"\n"), head.rfind(b"\r")) + 1] or head
    default = "\t" if ".tsv" in path.suffixes or ".TSV" in path.suffixes else ","
    if settings.separator is None and hint:
        settings = settings.model_copy(update={"separator": hint[1].decode("latin-1")})
    separator = settings.separator or _likely_separator(head, default, settings, wanted)
    fields, lines, end = _first_row(head, separator, settings)
    quote = '"' if settings.quote is None else settings.quote
    marks = Marks(separator, quote, settings.escape or "")
    if settings.header is True:
        names = _named([name.strip() for name in fields])
        return Dialect(marks, names, before + lines + 1, skipped + end)
    names = [str(number) for number in range(1, len(fields) + 1)]
    if settings.header is not False:
        if len(settings.header) != len(fields):
            raise UserError(
                f"{path}: csv.header names {len(settings.header)} columns, and the first row has {len(fields)} fields; "
                "name them all, or correct csv.separator."
            )
        names = list(settings.header)
    return Dialect(marks, names, before + 1, skipped, has_header=False)


def _named(names: list[str]) -> list[str]:
    """Where several columns have no name, as spreadsheets leave them at the end, each is called by its place."""
    if names.count("") < 2:
        return names
    return [name or str(place) for place, name in enumerate(names, start=1)]


def _likely_separator(head: bytes, default: str, settings: CsvSettings, wanted: Sequence[str] | None) -> str:
    def rank(separator: str) -> tuple[bool, bool, bool, bool, bool, int]:
        fields, _, end = _first_row(head, separator, settings)
        share = _share_that_fits(head[end:], separator, len(fields), settings)
        names = {name.strip() for name in fields}
        named = settings.header is True and wanted is not None and len(wanted) > 0 and names.issuperset(wanted)
        several = len(fields) > 1
        return named and several, several and share >= _FITS, several, share == 1, separator == default, len(fields)

    return max((default, *(mark for mark in _SEPARATORS if mark != default)), key=rank)


def _share_that_fits(rows: bytes, separator: str, num_fields: int, settings: CsvSettings) -> float:
    """The share of the rows that have `num_fields` fields, by the reading of quotes that suits best."""
    quote = '"' if settings.quote is None else settings.quote
    for escape in ["", "\\"] if settings.escape is None else [settings.escape]:
        if scan(io.BytesIO(rows), Marks(separator, quote, escape), num_fields).is_sound:
            return 1.0
    lines = [line for line in rows.splitlines() if line]
    good = sum(line_as_row(line, separator, num_fields) is not None for line in lines)
    return good / max(len(lines), 1)


def _first_row(head: bytes, separator: str, settings: CsvSettings) -> tuple[list[str], int, int]:
    """The fields of the first row that is not blank; the lines up to its end, and the bytes."""
    csv.field_size_limit(sys.maxsize)
    quote = '"' if settings.quote is None else settings.quote
    reader = csv.reader(
        io.StringIO(head.decode("utf-8", "replace"), newline=""),
        delimiter=separator,
        quotechar=quote or None,
        escapechar=settings.escape or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
    )
    fields = next((fields for fields in reader if fields), [""])
    lines = head.splitlines(keepends=True)[: reader.line_num]
    return fields, reader.line_num, sum(map(len, lines))


def scan_lines(stream: BinaryIO, separator: str, num_fields: int) -> Layout:
    """Look at a file each line of which is a row, whatever its quotes."""
    layout = Layout()
    blank = []
    across = _QuoteAcrossLines(separator, num_fields)
    for piece in whole_lines(stream):
        for line in piece.splitlines():
            if not line and num_fields > 1:
                blank.append(layout.total)
            elif line_as_row(line, separator, num_fields) is None:
                layout.ragged = (
                    layout.total,
                    line.count(separator.encode()) + 1,
                    line[:400].decode("utf-8", "replace"),
                )
                return layout
            if layout.doubtful is None and b'"' in line:
                layout.doubtful = across.row_that_ends(layout.total, line)
            layout.total += 1
    layout.blank = [np.array(blank, np.int64)]
    layout.rows = layout.total - len(blank)
    return layout


def line_as_row(line: bytes, separator: str, num_fields: int) -> bytes | None:
    """The line as one row whose quotes keep to the rules; None if it has another number of fields.

    A line that keeps to them is as it was. In another all quotes are text.
    """
    mark = separator.encode()
    if b'"' not in line:
        return line if line.count(mark) + 1 == num_fields else None
    one, other = _one_field(separator), re.escape(mark)
    if re.fullmatch(one + rb"(?:" + other + one + rb"){%d}" % (num_fields - 1), line):
        return line
    if line.count(mark) + 1 != num_fields:
        return None
    return mark.join(b'"' + part.replace(b'"', b'""') + b'"' for part in line.split(mark))


class _QuoteAcrossLines:
    """Looks for a row of several lines in a file each line of which could be a row.

    That is a field whose quote opens it in one line and closes it in a later one, with nothing against it in between.
    """

    def __init__(self, separator: str, num_fields: int) -> None:
        one, other = _one_field(separator), re.escape(separator.encode())
        inside = rb'(?:[^"]++|"")*+'
        self._whole_fields = re.compile(one + other)
        self._further_fields = re.compile(other + one)
        self._inside = re.compile(inside)
        self._opens = re.compile(rb"((?:" + one + other + rb')*+)"' + inside)
        self._closes = re.compile(inside + rb'"((?:' + other + one + rb")*+)")
        self._num_fields = num_fields
        self._open: tuple[int, int] | None = None
        """The line that opens it, and the fields before it."""

    def row_that_ends(self, number: int, line: bytes) -> tuple[int, int] | None:
        """The first line, and the number of lines, of a row of several lines that ends with this one; else None."""
        if self._open is not None:
            if self._inside.fullmatch(line):
                return None
            first, before = self._open
            closes = self._closes.fullmatch(line)
            if closes and before + 1 + len(self._further_fields.findall(closes[1])) == self._num_fields:
                return first, number - first + 1
        opens = self._opens.fullmatch(line)
        self._open = (number, len(self._whole_fields.findall(opens[1]))) if opens else None
        return None


def _one_field(separator: str) -> bytes:
    """The pattern of a field whose quotes keep to the rules."""
    return rb'(?:"(?:[^"]++|"")*+"|[^"' + re.escape(separator.encode()) + rb"]*+)"


def _after(open_data: Callable[[], BinaryIO], skipped: int) -> BinaryIO:
    stream = open_data()
    stream.read(skipped)
    return stream


def _doubt(path: Path, dialect: Dialect) -> str:
    assert dialect.layout.doubtful is not None
    row, lines = dialect.layout.doubtful
    return (
        f"{path}, row {dialect.first + row}: a quoted field goes over {lines} lines, and each of them could be a row "
        f"of its own; set csv.quote to '\"' if they are one row, to {NONE} if quotes are text."
    )


def _doubt_among_strays(path: Path, first: int, doubtful: tuple[int, int]) -> str:
    row, lines = doubtful
    return (
        f"{path}, row {first + row}: a quoted field may go over {lines} lines, or each of them is a row of its own, "
        f"for other quotes in the file close nothing; set csv.quote to {NONE} if quotes are text, or else double those "
        "that are text within a field."
    )


def _complaint(path: Path, dialect: Dialect) -> str:
    layout, expected = dialect.layout, len(dialect.names)
    if layout.overlong is not None:
        return (
            f"{path}, row {dialect.first + layout.overlong}: the row has no end within {BLOCK >> 20} MB; look whether "
            f"a quote opens there that closes nothing (csv.quote: {NONE} takes quotes as text)."
        )
    if layout.ragged and (layout.broken is None or layout.ragged[0] < layout.broken):
        row, fields, text = layout.ragged
        return (
            f"{path}, row {dialect.first + row}: cannot be read (Expected {expected} columns, got {fields}: "
            f"{text[:120]}); fix the row, or say how the file is written with csv.separator, csv.quote and csv.escape."
        )
    assert layout.broken is not None
    return (
        f"{path}, row {dialect.first + layout.broken}: a quote opens or closes within a field; double the quotes that "
        f"are text, set csv.quote to {NONE} if all are, or name the character before them with csv.escape."
    )
