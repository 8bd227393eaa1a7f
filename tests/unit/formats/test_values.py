"""One text for one value: every type of Arrow by value, and what files without types write for the same."""

import datetime as dt
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from stillhouse.components.formats.values import NotText, keys, moment, text, texts, truths

DAY = 1_767_312_000
"""2026-01-02 in seconds since 1970."""
UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
UUID = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")


def extension(kind: Any, storage: pa.Array) -> pa.Array:
    return pa.ExtensionArray.from_storage(kind, storage)


COLUMNS: dict[str, tuple[pa.Array, Sequence[str | None]]] = {
    "null": (pa.nulls(2), [None, None]),
    "bool": (pa.array([True, False, None]), ["true", "false", None]),
    **{
        f"int{bits}": (pa.array([-7, 0, None], getattr(pa, f"int{bits}")()), ["-7", "0", None])
        for bits in (8, 16, 32, 64)
    },
    **{f"uint{bits}": (pa.array([7, None], getattr(pa, f"uint{bits}")()), ["7", None]) for bits in (8, 16, 32, 64)},
    "uint64 max": (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
    "float16": (pa.array(np.array([7, 0.5, np.nan], np.float16)), ["7", "0.5", None]),
    "float32": (pa.array([7, 0.1, 16777216, float("nan"), None], pa.float32()), ["7", "0.1", "16777216", None, None]),
    "float64": (
        pa.array([7.0, -0.0, 0.1, 1e-7, 1e15, 2.0**53, 1e300, float("inf"), float("nan"), None]),
        ["7", "0", "0.1", "1e-7", "1000000000000000", "9007199254740992", "1e+300", "inf", None, None],
    ),
    **{
        f"decimal{bits}": (
            pa.array([Decimal("1.10"), Decimal("-100"), None], getattr(pa, f"decimal{bits}")(7, 2)),
            ["1.10", "-100.00", None],
        )
        for bits in (32, 64, 128, 256)
    },
    "decimal with an exponent": (pa.array([Decimal("0E-9"), None], pa.decimal128(12, 9)), ["0.000000000", None]),
    "decimal of hundreds": (pa.array([Decimal("100")], pa.decimal128(5, -2)), ["100"]),
    "string": (pa.array(["007", " x ", "", None]), ["007", " x ", "", None]),
    "large_string": (pa.array(["x", None], pa.large_string()), ["x", None]),
    "string_view": (pa.array(["x", None], pa.string_view()), ["x", None]),
    "binary": (pa.array([b"abc", "é".encode(), None]), ["abc", "é", None]),
    "large_binary": (pa.array([b"abc", None], pa.large_binary()), ["abc", None]),
    "binary_view": (pa.array([b"abc", None], pa.binary_view()), ["abc", None]),
    "fixed_size_binary": (pa.array([b"abc", None], pa.binary(3)), ["abc", None]),
    "date32": (pa.array([dt.date(2026, 1, 2), dt.date(1, 1, 1), None]), ["2026-01-02", "0001-01-01", None]),
    "date64": (pa.array([dt.date(2026, 1, 2), None], pa.date64()), ["2026-01-02", None]),
    **{
        f"timestamp[{unit}]": (
            pa.array([DAY * per, (DAY + 3723) * per, None], pa.timestamp(unit)),
            ["2026-01-02", "2026-01-02 01:02:03", None],
        )
        for unit, per in UNITS.items()
    },
    **{
        f"timestamp[{unit}, {zone}]": (
            pa.array([DAY * per, (DAY + 3723) * per, None], pa.timestamp(unit, zone)),
            ["2026-01-02 00:00:00+00:00", "2026-01-02 01:02:03+00:00", None],
        )
        for unit, per in UNITS.items()
        for zone in ("UTC", "Europe/Zurich", "-03:30")
    },
    **{
        f"half a second in {unit}": (
            pa.array([DAY * per + per // 2], pa.timestamp(unit)),
            ["2026-01-02 00:00:00.500000"],
        )
        for unit, per in UNITS.items()
        if unit != "s"
    },
    "timestamp of a nanosecond": (pa.array([DAY * 10**9 + 1], pa.timestamp("ns")), ["2026-01-02 00:00:00.000000001"]),
    "timestamp before 1970": (pa.array([-1], pa.timestamp("us")), ["1969-12-31 23:59:59.999999"]),
    "timestamp beyond Python's years": (pa.array([253402300800], pa.timestamp("s")), ["10000-01-01"]),
    **{
        f"time[{unit}]": (
            pa.array([3723 * UNITS[unit], None], (pa.time32 if unit in ("s", "ms") else pa.time64)(unit)),
            ["01:02:03", None],
        )
        for unit in UNITS
    },
    "time with a fraction": (pa.array([1500], pa.time32("ms")), ["00:00:01.500000"]),
    **{
        f"duration[{unit}]": (pa.array([90 * per, -per, None], pa.duration(unit)), ["90", "-1", None])
        for unit, per in UNITS.items()
    },
    "duration with a fraction": (pa.array([-1_500_000, 1], pa.duration("us")), ["-1.5", "0.000001"]),
    "dictionary": (pa.array(["a", None, "a"]).dictionary_encode(), ["a", None, "a"]),
    "dictionary of floats": (pa.array([7.0, None]).dictionary_encode(), ["7", None]),
    "dictionary of truth values": (pa.array([True, None]).dictionary_encode(), ["true", None]),
    "dictionary of large strings": (pa.array(["a"], pa.large_string()).dictionary_encode(), ["a"]),
    "run ends": (pa.RunEndEncodedArray.from_arrays([2, 3], ["a", "b"]), ["a", "a", "b"]),
    "uuid": (extension(pa.uuid(), pa.array([UUID.bytes, None], pa.binary(16))), [str(UUID), None]),
    "json": (extension(pa.json_(), pa.array(['{"a": 1}', None])), ['{"a": 1}', None]),
    "bool8": (extension(pa.bool8(), pa.array([1, 0, None], pa.int8())), ["true", "false", None]),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_every_type_has_one_text(name: str) -> None:
    column, expected = COLUMNS[name]
    assert texts(column).to_pylist() == list(expected)
    assert texts(pa.chunked_array([column, column])).to_pylist() == [*expected, *expected]
    assert texts(column[:0]).to_pylist() == []
    assert pa.types.is_string(texts(column).type)


@pytest.mark.parametrize("name", [name for name in COLUMNS if "beyond" not in name])
def test_a_value_in_python_has_the_text_that_its_column_has(name: str) -> None:
    column, expected = COLUMNS[name]
    if pa.types.is_float32(column.type) or pa.types.is_float16(column.type):
        assert [text(value) for value in column.to_numpy(zero_copy_only=False)] == list(expected)
    else:
        assert [text(value) for value in column.to_pylist()] == list(expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.True_, "true"),
        (np.int8(-3), "-3"),
        (np.float32(0.1), "0.1"),
        (np.float64(7), "7"),
        (1 << 70, "1180591620717411303424"),
        (Decimal("1E+3"), "1000"),
        (Decimal("NaN"), None),
        (float("nan"), None),
        (pd.NA, None),
        (pd.NaT, None),
        (np.datetime64("NaT"), None),
        (pd.Timestamp("2026-01-02 01:02:03.000000004"), "2026-01-02 01:02:03.000000004"),
        (pd.Timestamp("2026-01-02 01:02:03.000000004", tz="Asia/Tokyo"), "2026-01-01 16:02:03.000000004+00:00"),
        (pd.Timestamp("2026-01-02", tz="Europe/Zurich"), "2026-01-01 23:00:00+00:00"),
        (pd.Timedelta(90, "s"), "90"),
        (pd.Timedelta(1), "0.000000001"),
        (np.datetime64("2026-01-02"), "2026-01-02"),
        (np.datetime64("2026-01-02T03", "h"), "2026-01-02 03:00:00"),
        (np.timedelta64(2, "h"), "7200"),
        (np.timedelta64(2, "D"), "172800"),
        (np.str_("x"), "x"),
        (bytearray(b"x"), "x"),
        ("cut \ud83d", "cut \ufffd"),
        ("\ud83d\ude00", "😀"),
    ],
    ids=repr,
)
def test_values_of_numpy_and_pandas_have_the_same_texts(value: Any, expected: str | None) -> None:
    assert text(value) == expected


@pytest.mark.parametrize(
    ("column", "row", "what"),
    [
        (pa.array([["x"]]), None, r"holds list<item: string>, and one value is needed"),
        (pa.array([["x"]], pa.large_list(pa.string())), None, r"holds large_list<item: string>, and one"),
        (pa.array([{"a": 1}]), None, r"holds struct<a: int64>, and one value is needed"),
        (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), None, r"holds map<string, int64>, and one"),
        (pa.array([(1, 2, 3)], pa.month_day_nano_interval()), None, r"holds month_day_nano_interval, and one"),
        (pa.array([b"ok", None, b"\xff"]), 2, r"holds bytes that are not text in UTF-8"),
        (pa.array([2**30], pa.date32()), 0, r"holds a moment beyond the calendar \(1073741824\)"),
        (pa.array([0, 2**62], pa.timestamp("s")), 1, r"holds a moment beyond the calendar \(4611686018427387904\)"),
    ],
)
def test_what_has_no_text_is_said_with_its_row(column: pa.Array, row: int | None, what: str) -> None:
    with pytest.raises(NotText, match=what) as caught:
        texts(column)
    assert caught.value.row == row


@pytest.mark.parametrize("value", [[1], {"a": 1}, ("a",), object(), pd.Period("2026-01")])
def test_a_value_that_is_several_has_no_text(value: Any) -> None:
    with pytest.raises(NotText, match=r"holds a value of the type \w+, and one plain value is needed"):
        text(value)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-01-02T01:02:03", "2026-01-02 01:02:03"),
        ("2026-01-02 01:02:03.000", "2026-01-02 01:02:03"),
        ("2026-01-02T01:02:03.000000000", "2026-01-02 01:02:03"),
        ("2026-01-02T01:02", "2026-01-02 01:02:00"),
        ("2026-01-02T01:02:03.5", "2026-01-02 01:02:03.500000"),
        ("2026-01-02 01:02:03.000000004", "2026-01-02 01:02:03.000000004"),
        ("2026-01-02T00:00:00.000", "2026-01-02"),
        ("2026-01-02T00:00:00Z", "2026-01-02 00:00:00+00:00"),
        ("2026-01-02T01:00:00+01:00", "2026-01-02 00:00:00+00:00"),
        ("2026-01-02 01:00:00+0100", "2026-01-02 00:00:00+00:00"),
        ("2026-01-01 20:30:00.250-03:30", "2026-01-02 00:00:00.250000+00:00"),
        ("2026-01-02T01:00:00+01", "2026-01-02 00:00:00+00:00"),
        *(
            (same, same)
            for same in ("2026-01-02", "2026-02-31 00:00:00", "0001-01-01 00:00:00+01:00", "12:30", "", "x")
        ),
    ],
)
def test_a_written_moment_has_the_text_of_a_typed_one(written: str, expected: str) -> None:
    assert moment(written) == expected


def test_keys_are_spelt_as_typed_columns_are() -> None:
    assert keys(["2026-01-02T01:02:03Z", " a ", "", "  ", None, "007", "7.0"]) == [
        "2026-01-02 01:02:03+00:00", "a", None, None, None, "007", "7.0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["7.0", "10", None, "-1.00"], ["7", "10", None, "-1"]),
        (["7.0", "7.1"], ["7.0", "7.1"]),
        (["007", "7"], ["007", "7"]),
    ],
)
def test_keys_that_are_all_whole_numbers_have_no_fraction(values: list[Any], expected: list[Any]) -> None:
    assert keys(values) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["True", "false", None, "TRUE"], ["true", "false", None, "true"]),
        ([True, "False", "unknown", None], ["true", "false", "unknown", None]),
        (["True", "unknown"], ["True", "unknown"]),
        (["True", "unknown", "true"], ["true", "unknown", "true"]),
        ([1, 0], [1, 0]),
        ([None, None], [None, None]),
        ([["a"], None], [["a"], None]),
        ([], []),
    ],
)
def test_truth_values_have_one_spelling(values: list[Any], expected: list[Any]) -> None:
    assert truths(values) == expected
