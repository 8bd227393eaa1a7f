"""From the raw values of a column to numbers, moments and names, whatever type and file they came in.

What a value means depends on the value alone, never on its neighbours: a row reads alike in any batch.
"""

import datetime
import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from stillhouse.components.config.settings import Settings
from stillhouse.components.formats.missing import Missing
from stillhouse.components.targets.numbers import parse_number

if TYPE_CHECKING:
    import pyarrow as pa

    Column = pa.Array | pa.ChunkedArray

DAY = 86_400.0
"""Seconds."""
LARGEST = 1e150
"""Beyond it no variance can be taken, and programs mean no value by it (the largest float)."""
_EPOCH = datetime.datetime(1970, 1, 1)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d(?:\.\d{1,9})?))?")
_WHOLE = re.compile(r"([+-]?\d+)\.0+")
_PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
_TRUTHS = {"true": "true", "false": "false", "1": "true", "0": "false", "1.0": "true", "0.0": "false"}


class Reading(Settings):
    """How cells that are text are read."""

    decimal: str = "."
    """Mark of a fraction."""
    thousands: str = ""
    """Mark between groups of three digits; empty for none."""
    missing: list[str] | None = None
    """Words for no value, as a recipe gives them; None: the usual ones."""


class Cells(NamedTuple):
    """A column, read as one kind."""

    values: np.ndarray
    """float64 [rows], nan where there is none; or objects [rows], None where there is none."""
    unread: np.ndarray
    """bool [rows]: something is there, and it is not of the kind."""


def plain(column: "Column") -> "pa.Array":
    """One array of values, whichever way Arrow keeps them."""
    import pyarrow as pa
    import pyarrow.compute

    pc: Any = pyarrow.compute
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
        if isinstance(column, pa.ChunkedArray):  # of no chunk, or of too much text for one
            column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    if pa.types.is_run_end_encoded(column.type):
        column = pc.run_end_decode(column)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(pa.string()) if pa.types.is_string_view(column.type) else column


def is_nested(column: "Column") -> bool:
    """Whether it holds more than one value a row."""
    import pyarrow as pa

    return pa.types.is_nested(plain(column).type)


def column_of(values: Sequence[Any]) -> "pa.Array":
    """Values of a field of many examples as a column; as their texts where they are of several types.

    Raises:
        NotText: one is a list or an object.
    """
    import pyarrow as pa

    from stillhouse.components.formats.values import NotText, text

    for row, value in enumerate(values):
        if isinstance(value, list | tuple | dict | set):
            raise NotText(f"holds a {type(value).__name__}, and one plain value is needed", row)
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) <= 1 or kinds == {int, float}:
        try:
            return pa.array(values, from_pandas=True)
        except (pa.ArrowException, OverflowError):  # a whole number of more than 64 bits
            pass
    return pa.array([text(value) for value in values], pa.string())


def numbers(column: "Column", reading: Reading) -> Cells:
    """The column as numbers: float64, nan where there is none. Truth values are 0 and 1, lengths of time are seconds.

    Infinite values and those beyond LARGEST are not numbers, and neither are dates.
    """
    import pyarrow as pa

    column, missing = plain(column), Missing(reading.missing)
    kind, types = column.type, pa.types
    if _is_text(column):
        parse = partial(parse_number, decimal=reading.decimal, thousands=reading.thousands)
        return _within(*_of_texts(column, parse, missing))
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        values = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False).astype(np.float64)
    elif types.is_duration(kind):
        values = _int64(column) / _PER_SECOND[kind.unit]
    elif types.is_null(kind):
        return Cells(np.full(len(column), np.nan), np.zeros(len(column), bool))
    else:
        return _none(column)
    values = _without(values, missing, parse_number)
    return _within(values, np.zeros(len(values), bool))


def moments(column: "Column", reading: Reading) -> Cells:
    """Dates, moments and times of day as float64 seconds since 1970 in UTC, nan where there is none.

    Text is read as ISO 8601 has it; what names no time zone is taken as UTC.
    """
    import pyarrow as pa

    column = plain(column)
    kind, types = column.type, pa.types
    if _is_text(column):
        return _of_texts(column, _seconds, Missing(reading.missing))
    if types.is_date32(kind):
        values = _int64(column.cast(pa.int32())) * DAY
    elif types.is_date64(kind):
        values = _int64(column) / 1e3
    elif types.is_timestamp(kind) or types.is_time(kind):
        values = _int64(column.cast(pa.int32()) if types.is_time32(kind) else column) / _PER_SECOND[kind.unit]
    elif types.is_null(kind):
        values = np.full(len(column), np.nan)
    else:
        return _none(column)
    return Cells(values, np.zeros(len(column), bool))


def names(column: "Column", reading: Reading) -> Cells:
    """Names of categories: objects, None where there is none. Case counts; white space at the ends does not, nor how
    Unicode composes a letter.

    Raises:
        NotText: the column holds lists, objects or bytes.
    """
    from stillhouse.components.formats.values import texts

    missing = Missing(reading.missing)
    uniques, places = _uniques(texts(plain(column)))
    cleaned = [None if text is None or missing.is_name_missing(text) else clean(text) for text in uniques]
    return Cells(np.array([*cleaned, None], object)[places], np.zeros(len(places), bool))


def truths(column: "Column", reading: Reading) -> Cells:
    """`true` and `false` in any case, and 1 and 0: objects `true`, `false` and None.

    Raises:
        NotText: as above.
    """
    found = names(column, reading).values
    values = np.array([None if name is None else _TRUTHS.get(name.lower()) for name in found], object)
    return Cells(values, _is_there(found) & ~_is_there(values))


def clean(name: str) -> str:
    """One spelling for one name."""
    return unicodedata.normalize("NFC", " ".join(name.split()))


def spellings(name: str) -> list[str]:
    """The name, and what other types and files write for it: 7 for 7.0, true for True."""
    whole = _WHOLE.fullmatch(name)
    return [name, whole[1]] if whole else [name, name.lower()] if name.lower() in ("true", "false") else [name]


def _is_text(column: "pa.Array") -> bool:
    import pyarrow as pa

    return pa.types.is_string(column.type) or pa.types.is_large_string(column.type)


def _within(values: np.ndarray, unread: np.ndarray) -> Cells:
    beyond = np.abs(values) > LARGEST
    return Cells(np.where(beyond, np.nan, values), unread | beyond)


def _is_there(values: np.ndarray) -> np.ndarray:
    return np.array([value is not None for value in values], bool)


def _none(column: "pa.Array") -> Cells:
    """Values of a type that is another kind."""
    return Cells(np.full(len(column), np.nan), column.is_valid().to_numpy(zero_copy_only=False))


def _int64(column: "pa.Array") -> np.ndarray:
    """The whole numbers behind a type of time, as float64 with nan for null."""
    import pyarrow as pa

    return column.cast(pa.int64()).to_numpy(zero_copy_only=False).astype(np.float64)


def _uniques(column: "Column") -> tuple[list[str | None], np.ndarray]:
    """The different texts, and for each row which it is (int64; -1 for null)."""
    encoded = plain(column).dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)


def _of_texts(column: "pa.Array", parse: Callable[[str], float | None], missing: Missing) -> Cells:
    uniques, places = _uniques(column)
    parsed, unread = np.full(len(uniques) + 1, np.nan), np.zeros(len(uniques) + 1, bool)
    for i, text in enumerate(uniques):
        if text is None:
            continue
        value = parse(text)
        if value is not None:
            parsed[i] = value
        else:
            unread[i] = not missing.is_key_missing(text)
    return Cells(_without(parsed, missing, parse)[places], unread[places])


def _without(values: np.ndarray, missing: Missing, parse: Callable[[str], float | None]) -> np.ndarray:
    """The values, nan in place of those that a recipe calls no value, as -999."""
    words = [value for word in missing.keys if (value := parse(word)) is not None]
    return np.where(np.isin(values, words), np.nan, values) if words else values


def _seconds(text: str) -> float | None:
    """Seconds since 1970 in UTC of a date, a moment or a time of day in ISO 8601; None for other text."""
    from stillhouse.components.formats.values import moment

    text = text.strip()
    if time := _TIME.fullmatch(text):
        return int(time[1]) * 3600.0 + int(time[2]) * 60.0 + float(time[3] or 0)
    if not _DAY.match(text):
        return None
    try:
        found = datetime.datetime.fromisoformat(moment(text))
        found = found.astimezone(datetime.UTC).replace(tzinfo=None) if found.tzinfo else found
    except (ValueError, OverflowError):  # no such day, or none in UTC's calendar
        return None
    return (found - _EPOCH).total_seconds()
