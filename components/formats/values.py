"""From a raw value to its text: one spelling for one value, whatever type, unit and file it came in.

It imports nothing of Stillhouse: MLflow keeps the file beside a registered model, whose texts it writes too.
"""

import datetime
import re
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

pc: Any = pyarrow.compute  # its functions are made at run time, where no type checker sees them
Column = pa.Array | pa.ChunkedArray

WHOLE = 2**53
"""Up to here a float holds every whole number."""
TRUTHS = {"true", "false"}
_MOMENT = re.compile(
    r"\s*(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(Z|z|[+-]\d\d(?::?\d\d)?)?\s*"
)
"""A date and a time of day as ISO 8601 has them, with or without an offset."""

_WHOLE = re.compile(r"-?\d+(\.0+)?")


class NotText(ValueError):
    """A value that has no text; the message says what it is and what to do."""

    def __init__(self, what: str, row: int | None = None) -> None:
        super().__init__(what)
        self.row = row
        """Its place in the column, from 0; None where it is the whole column."""


def texts(column: Column) -> Column:
    """The texts of a column; null where it has no value.

    Returns:
        Strings, as many as there were values:

        - truth values are `true` and `false`;
        - whole numbers have no fraction and no exponent (7.0 of a float column is `7`), other floats the fewest digits
          that tell them from their neighbours, decimals all digits of their scale; nan is null;
        - moments are `2026-01-02 03:04:05`, with 6 digits of a second's fraction where it has one and 9 where it needs
          them; midnight is the day alone, `2026-01-02`. Moments of a time zone are given in UTC and end in `+00:00`;
        - times of day are `03:04:05` with such a fraction, lengths of time are seconds (`90`, `0.5`);
        - bytes are text in UTF-8.

    Raises:
        NotText: lists, objects and other types that are more than one value; bytes that are not UTF-8; a moment beyond
            the calendar.
    """
    kind, types = column.type, pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return _extension(column)
    if types.is_run_end_encoded(kind):
        return texts(pc.run_end_decode(column))
    if types.is_dictionary(kind):
        return texts(pc.cast(column, kind.value_type))
    write = next((write for is_kind, write in _WRITERS if is_kind(kind)), None)
    if write is None:
        raise NotText(f"holds {kind}, and one value is needed")
    return write(column)


def text(value: Any) -> str | None:
    """The text of one value of Python, NumPy or pandas, as `texts` has it for a column; None for no value.

    Raises:
        NotText: it is a list, an object or another thing that has no one text.
    """
    if isinstance(value, str):
        return without_surrogates(str(value))
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, int | np.integer) and not isinstance(value, np.timedelta64):
        return str(int(value))
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else None if value.is_nan() else format(float(value))
    if isinstance(value, uuid.UUID):
        return str(value)
    kinds = (
        float, np.floating, bytes, bytearray, memoryview,
        datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64,
    )  # fmt: skip
    if not isinstance(value, kinds):
        raise NotText(f"holds a value of the type {type(value).__name__}, and one plain value is needed")
    return texts(_array(value))[0].as_py()


def keys(values: Sequence[str | None]) -> list[str | None]:
    """Texts of a column whose equal values belong together, each in the spelling that a typed column would have.

    A CSV or JSON file has `2026-01-02T03:04:05.000Z` where Parquet has a moment, `True` where it has a truth value, and
    `7.0` for a whole number beside gaps; where all are whole numbers they lose the fraction, for 7.0 and 7 are one.
    White space at the ends is cut off; blank text is no value.
    """
    found = truths([None if value is None else moment(value.strip()) or None for value in values])
    if all(value is None or _WHOLE.fullmatch(value) for value in found):
        return [None if value is None else value.partition(".")[0] for value in found]
    return found


def truths(values: Sequence[Any], is_missing: Callable[[Any], bool] = lambda value: value is None) -> list[Any]:
    """The values, those that are `true` or `false` in any case of letters in small ones, if all are that are there.

    Where others are among them, `True` is a name like any other: unless a truth value is there too, or one name is
    written in two ways.
    """
    present = [value for value in values if not is_missing(value)]
    written = {value for value in present if isinstance(value, str) and value.lower() in TRUTHS}
    is_twice = len({value.lower() for value in written}) < len(written)
    are_all = all(isinstance(value, bool) or (isinstance(value, str) and value in written) for value in present)
    if is_twice or are_all or any(isinstance(value, bool) for value in present):
        return [_truth(value) for value in values]
    return list(values)


def moment(written: str) -> str:
    """A date with a time of day as `texts` has it; other text as it is."""
    # Most text is shorter than a date or no digit leads it: the pattern is for the rest.
    found = _MOMENT.fullmatch(written) if len(written) >= 16 and written[:4].isdigit() else None
    if found is None:
        return written
    day, minutes, seconds, fraction, zone = found.groups()
    digits = (fraction or "").ljust(9, "0")
    try:
        naive = datetime.datetime.fromisoformat(f"{day} {minutes}:{seconds or '00'}")
        if zone:
            offset = datetime.datetime.strptime("+0000" if zone in "Zz" else zone.replace(":", "").ljust(5, "0"), "%z")
            naive = naive - (offset.utcoffset() or datetime.timedelta())
    except (ValueError, OverflowError):  # the 31st of February
        return written
    found = _short(f"{naive.isoformat(' ')}.{digits}") + ("+00:00" if zone else "")
    return found if zone else found.removesuffix(" 00:00:00")


def without_surrogates(written: str) -> str:
    """`written` with U+FFFD in place of lone surrogates, which JSON can name and no encoding can write."""
    if written.isascii():
        return written
    return written.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _truth(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.lower() if isinstance(value, str) and value.lower() in TRUTHS else value


def _array(value: Any) -> pa.Array:
    """An array of the one value."""
    if isinstance(value, np.datetime64 | np.timedelta64):
        if np.isnat(value):
            return pa.nulls(1)
        unit, _ = np.datetime_data(value.dtype)
        coarse = unit in ("Y", "M", "W", "h", "m") or (unit == "D" and isinstance(value, np.timedelta64))
        return pa.array(np.array([value.astype(f"{value.dtype.kind}8[s]") if coarse else value]))
    if isinstance(value, bytearray | memoryview):
        value = bytes(value)
    kind = None
    if getattr(value, "nanosecond", 0):  # of pandas' own moments, which Arrow would cut
        kind = pa.timestamp("ns", None if value.tzinfo is None else "UTC")
    elif getattr(value, "nanoseconds", 0):
        kind = pa.duration("ns")
    try:
        return pa.array([value], kind, from_pandas=True)
    except (pa.ArrowException, OverflowError, ValueError) as error:
        raise NotText(f"holds {value!r}, which has no text ({error})") from None


def _floats(column: Column) -> Column:
    """Whole numbers as such, others as Arrow writes them: the fewest digits."""
    column = pc.if_else(pc.is_nan(column), None, column)
    whole = pc.and_(pc.equal(column, pc.trunc(column)), pc.less_equal(pc.abs(column), float(WHOLE)))
    written = pc.cast(column, pa.string())
    if not pc.any(whole).as_py():
        return written
    integers = pc.cast(pc.if_else(whole, pc.cast(column, pa.float64()), None), pa.int64())
    return pc.coalesce(pc.cast(integers, pa.string()), written)


def _half_floats(column: Column) -> Column:
    return _floats(pc.cast(column, pa.float32()))


def _decimals(column: Column) -> Column:
    written = pc.cast(column, pa.string())
    if not pc.any(pc.match_substring(written, "E")).as_py():
        return written
    plain = [None if value is None else format(value, "f") for value in column.to_pylist()]
    return pa.array(plain, pa.string())


def _moments(column: Column) -> Column:
    zone = column.type.tz
    if zone is not None:
        column = pc.cast(column, pa.timestamp(column.type.unit, "UTC"))
    written = _fractions(pc.replace_substring_regex(_in_calendar(column), "Z$", ""))
    written = pc.replace_substring_regex(written, " 00:00:00$", "") if zone is None else written
    return written if zone is None else pc.binary_join_element_wise(written, "+00:00", "")


def _times(column: Column) -> Column:
    return _fractions(pc.cast(column, pa.string()))


def _fractions(written: Column) -> Column:
    """A second's fraction with 6 digits, 9 where it needs them, none where it is zero."""
    written = pc.replace_substring_regex(written, r"(\.\d{3})$", r"\1000")
    written = pc.replace_substring_regex(written, r"(\.\d{6})000$", r"\1")
    return pc.replace_substring_regex(written, r"\.000000$", "")


def _short(written: str) -> str:
    """The same for one moment with 9 digits."""
    whole, _, digits = written.partition(".")
    if digits.endswith("000"):
        digits = digits[:6]
    return f"{whole}.{digits}" if digits.strip("0") else whole


def _in_calendar(column: Column) -> Column:
    """Dates and moments as Arrow writes them.

    Raises:
        NotText: one is beyond the years that Arrow can write.
    """
    written = pc.cast(column, pa.string())
    beyond = pc.index(pc.starts_with(written, "<"), True).as_py()
    if beyond >= 0:
        found = written[beyond].as_py().strip("<>").rpartition(" ")[2]
        raise NotText(f"holds a moment beyond the calendar ({found})", beyond)
    return written


_PER_SECOND = {"s": 0, "ms": 3, "us": 6, "ns": 9}


def _durations(column: Column) -> Column:
    digits = _PER_SECOND[column.type.unit]
    counts = pc.cast(column, pa.int64()).to_pylist()
    return pa.array([None if count is None else _seconds(count, digits) for count in counts], pa.string())


def _seconds(count: int, digits: int) -> str:
    whole, part = divmod(abs(count), 10**digits)
    fraction = str(part).rjust(digits, "0").rstrip("0") if part else ""
    return ("-" if count < 0 else "") + str(whole) + (f".{fraction}" if fraction else "")


def _bytes(column: Column) -> Column:
    try:
        return pc.cast(column, pa.string())
    except pa.ArrowInvalid:
        values = column.to_pylist()
        row = next(i for i, value in enumerate(values) if value is not None and not _is_utf8(value))
        raise NotText("holds bytes that are not text in UTF-8", row) from None


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _extension(column: Column) -> Column:
    """Types that Arrow builds on others: UUIDs and truth values of a byte have texts of their own."""
    name = column.type.extension_name
    if name in ("arrow.uuid", "arrow.bool8"):
        return pa.array([text(value) for value in column.to_pylist()], pa.string())
    if name == "arrow.json":
        return texts(pc.cast(column, pa.string()))
    raise NotText(f"holds {name}, and one value is needed")


def _plain(column: Column) -> Column:
    return pc.cast(column, pa.string())


_WRITERS: list[tuple[Callable[[pa.DataType], bool], Callable[[Column], Column]]] = [
    (pa.types.is_string, lambda column: column),
    (pa.types.is_large_string, _plain),
    (pa.types.is_string_view, _plain),
    (pa.types.is_null, _plain),
    (pa.types.is_boolean, _plain),
    (pa.types.is_integer, _plain),
    (pa.types.is_float16, _half_floats),
    (pa.types.is_floating, _floats),
    (pa.types.is_decimal, _decimals),
    (pa.types.is_date, _in_calendar),
    (pa.types.is_timestamp, _moments),
    (pa.types.is_time, _times),
    (pa.types.is_duration, _durations),
    (pa.types.is_binary, _bytes),
    (pa.types.is_large_binary, _bytes),
    (pa.types.is_binary_view, _bytes),
    (pa.types.is_fixed_size_binary, _bytes),
]
