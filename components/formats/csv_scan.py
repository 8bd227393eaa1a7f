"""Where the rows of a CSV file end, how many fields each has, and whether its quotes keep to the rules.

The rules are those of RFC 4180: a quote opens a field at its very beginning, closes it at its very end, and is doubled
within. A file that keeps to them throughout can be read in one way only. Lines are looked at as arrays, not one by one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

CHUNK = 8 << 20
"""Bytes looked at together."""
BLOCK = 64 << 20
"""Bytes a row may take at most."""
_CR, _LF = 13, 10


@dataclass(frozen=True)
class Marks:
    """The characters that structure a file; empty where there is none."""

    separator: str
    quote: str
    escape: str


@dataclass
class Layout:
    """What a file looks like, read by some marks."""

    rows: int = 0
    """Rows that are not blank."""
    blank: list[np.ndarray] = field(default_factory=list)
    """Numbers of the blank rows, from 0."""
    total: int = 0
    """Rows in all."""
    lines: int = 0
    quoted: int = 0
    """Fields in quotes."""
    fields: int = 0
    broken: int | None = None
    """Number of the first row whose quotes break the rules, from 0."""
    ragged: tuple[int, int, str] | None = None
    """The first row with another number of fields than asked for: its number from 0, its fields, its beginning."""
    doubtful: tuple[int, int] | None = None
    """The first row of several lines each of which could be a row of its own: its number from 0, and its lines."""
    certain: bool = False
    """There are rows of several lines that cannot be several rows."""
    undecodable: tuple[int, int] | None = None
    """The first row that is not UTF-8, from 0, and the byte there."""
    overlong: int | None = None
    """The first row longer than BLOCK, from 0."""

    @property
    def is_sound(self) -> bool:
        """Whether all rows have their fields and all quotes keep to the rules."""
        return self.broken is None and self.ragged is None and self.overlong is None

    @property
    def is_doubtful(self) -> bool:
        """Whether its rows of several lines may as well be one row a line, with quotes that are text."""
        return self.doubtful is not None and not self.certain and self.quoted < self.fields


def scan(stream: BinaryIO, marks: Marks, num_fields: int) -> Layout:
    """Look at all rows of `stream`, each of which should have `num_fields` fields.

    It ends early where a row is broken: what follows cannot be told.
    """
    layout = Layout()
    rest, ended = b"", False
    while not ended:
        chunk = stream.read(CHUNK)
        ended = not chunk
        data = rest + chunk
        if not data:
            break
        done = _look_at(data, marks, num_fields, layout, ended)
        rest = data[done:]
        if layout.broken is not None:
            break
        if len(rest) > BLOCK:
            layout.overlong = layout.total
            break
    return layout


def _look_at(data: bytes, marks: Marks, num_fields: int, layout: Layout, ended: bool) -> int:
    """Add the whole rows of `data`, which begins with one, to `layout`; the bytes that they take."""
    held = np.frombuffer(data, np.uint8)
    taken = _escaped(held, marks.escape)
    quotes = _positions(held, marks.quote, taken)
    breaks = _line_ends(held, taken, ended)
    inside = np.searchsorted(quotes, breaks) % 2 == 1
    ends = breaks[~inside]
    if ended and (not len(ends) or ends[-1] < len(held) - 1):
        if len(quotes) % 2:
            layout.broken = layout.total + len(ends)
        ends = np.append(ends, len(held))
        breaks, inside = np.append(breaks, len(held)), np.append(inside, False)
    if not len(ends):
        return 0
    end = min(int(ends[-1]) + 1, len(held))
    quotes, kept = quotes[quotes < end], breaks < end if ends[-1] < len(held) else breaks <= end
    breaks, inside = breaks[kept], inside[kept]
    starts = np.concatenate(([0], ends[:-1] + 1))
    width = ends - starts
    carriage = (width > 0) & (held[np.minimum(ends, len(held)) - 1] == _CR) & (ends < len(held))
    blank = (width - carriage) == 0 if num_fields > 1 else np.zeros(len(ends), bool)

    separators = _positions(held[:end], marks.separator, taken)
    outside = separators[np.searchsorted(quotes, separators) % 2 == 0]
    counts = np.diff(np.searchsorted(outside, ends), prepend=0) + 1

    _check_quotes(held[:end], quotes, marks, ends, layout)
    wrong = np.flatnonzero((counts != num_fields) & ~blank)
    if layout.ragged is None and len(wrong):
        row = int(wrong[0])
        text = data[starts[row] : min(ends[row], starts[row] + 400)].decode("utf-8", "replace")
        layout.ragged = (layout.total + row, int(counts[row]), " ".join(text.split()))
    if inside.any():
        _look_at_long_rows(separators, quotes, breaks, inside, ends, num_fields, layout)
    _check_encoding(data[:end], ends, layout)
    doubled = int((np.diff(quotes) == 1)[1::2].sum()) if len(quotes) else 0
    layout.quoted += len(quotes) // 2 - doubled
    layout.fields += int(counts[~blank].sum())
    layout.blank.append(layout.total + np.flatnonzero(blank))
    layout.rows += int((~blank).sum())
    layout.lines += len(breaks)
    layout.total += len(ends)
    return end


def _positions(held: np.ndarray, mark: str, taken: np.ndarray) -> np.ndarray:
    """Where `mark` stands for itself."""
    if not mark:
        return np.empty(0, np.int64)
    found = np.flatnonzero(held == ord(mark))
    return np.setdiff1d(found, taken, assume_unique=True) if len(taken) else found


def _escaped(held: np.ndarray, escape: str) -> np.ndarray:
    """Positions of the characters that an escape takes their meaning from."""
    if not escape:
        return np.empty(0, np.int64)
    found = np.flatnonzero(held == ord(escape))
    if not len(found):
        return found
    begins = np.concatenate(([True], np.diff(found) != 1))
    run = found[np.maximum.accumulate(np.where(begins, np.arange(len(found)), 0))]
    return found[(found - run) % 2 == 0] + 1


def _line_ends(held: np.ndarray, taken: np.ndarray, ended: bool) -> np.ndarray:
    """Positions of the last byte of each line break, be it LF, CRLF or CR."""
    feeds = np.flatnonzero(held == _LF)
    returns = np.flatnonzero(held == _CR)
    if len(returns):
        follows = np.minimum(returns + 1, len(held) - 1)
        alone = held[follows] != _LF
        alone[returns == len(held) - 1] = ended  # else what follows may be its LF
        feeds = np.sort(np.concatenate((feeds, returns[alone])))
    return np.setdiff1d(feeds, taken, assume_unique=True) if len(taken) else feeds


def _check_quotes(held: np.ndarray, quotes: np.ndarray, marks: Marks, ends: np.ndarray, layout: Layout) -> None:
    if not len(quotes):
        return
    border = np.isin(held, np.frombuffer(f"{marks.separator}\r\n".encode(), np.uint8))
    opening, closing = quotes[0::2], quotes[1::2]
    adjacent = np.diff(quotes) == 1
    well_opened = (opening == 0) | border[np.maximum(opening - 1, 0)]
    well_opened[1:] |= adjacent[1::2][: len(opening) - 1]
    last = closing == len(held) - 1
    well_closed = last | border[np.minimum(closing + 1, len(held) - 1)]
    followed = adjacent[1::2]
    well_closed[: len(followed)] |= followed
    bad = np.concatenate((opening[~well_opened], closing[~well_closed]))
    if len(bad):
        row = layout.total + int(np.searchsorted(ends, bad.min()))
        layout.broken = row if layout.broken is None else min(row, layout.broken)


def _look_at_long_rows(
    separators: np.ndarray,
    quotes: np.ndarray,
    breaks: np.ndarray,
    inside: np.ndarray,
    ends: np.ndarray,
    num_fields: int,
    layout: Layout,
) -> None:
    """Tell rows of several lines that cannot be several rows from those that can."""
    row_of_line = np.searchsorted(ends, breaks)
    as_rows = np.diff(np.searchsorted(separators, breaks), prepend=0) + 1 == num_fields
    lines = np.bincount(row_of_line, minlength=len(ends))
    possible = np.bincount(row_of_line, weights=~as_rows, minlength=len(ends)) == 0
    doubled = quotes[1:][(np.diff(quotes) == 1) & (np.arange(1, len(quotes)) % 2 == 0)]
    possible[np.searchsorted(ends, doubled)] = False
    rows = np.unique(row_of_line[inside])
    if num_fields == 1 or not possible[rows].all():
        layout.certain = True
    if layout.doubtful is None and len(found := rows[possible[rows]]):
        layout.doubtful = (layout.total + int(found[0]), int(lines[found[0]]))


def _check_encoding(data: bytes, ends: np.ndarray, layout: Layout) -> None:
    if layout.undecodable is not None:
        return
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        layout.undecodable = (layout.total + int(np.searchsorted(ends, error.start)), data[error.start])


def whole_lines(stream: BinaryIO) -> Iterator[bytes]:
    """The stream in pieces that end with a line."""
    rest = b""
    while chunk := stream.read(CHUNK):
        head, end, tail = (rest + chunk).rpartition(b"\n")
        rest = tail
        if end:
            yield head + end
    if rest:
        yield rest
