"""What a cell means, whatever type and file it came in."""

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stillhouse.components.formats.values import NotText
from stillhouse.components.modalities.tabular.cells import Cells, Reading, column_of, moments, names, numbers, truths

PLAIN = Reading()


def _values(cells: Cells) -> list[Any]:
    """nan as None."""
    return [None if value is None or value != value else value for value in cells.values.tolist()]


@pytest.mark.parametrize(
    ("column", "wanted"),
    [
        (pa.array([1, None, -3], pa.int8()), [1.0, None, -3.0]),
        (pa.array([1.5, float("nan"), None]), [1.5, None, None]),
        (pa.array([Decimal("1.50"), None]), [1.5, None]),
        (pa.array([True, False, None]), [1.0, 0.0, None]),
        (pa.array([dt.timedelta(minutes=1), None]), [60.0, None]),
        (pa.array([2**63], pa.uint64()), [2.0**63]),
        (pa.array([1.5], pa.float16()), [1.5]),
        (pa.array(["+1.", " .5 ", "-1e3", None, "", "NaN", "n/a"]), [1.0, 0.5, -1000.0, None, None, None, None]),
        (pa.chunked_array([["1"], ["2"]]), [1.0, 2.0]),
        (pa.array(["1", "2", "1"]).dictionary_encode(), [1.0, 2.0, 1.0]),
        (pa.array(["1"], pa.large_string()), [1.0]),
        (pa.array(["1"], pa.string_view()), [1.0]),
        (pa.nulls(2), [None, None]),
        (pa.chunked_array([], pa.float64()), []),
    ],
)
def test_numbers_of_every_type(column: Any, wanted: list[float | None]) -> None:
    cells = numbers(column, PLAIN)
    assert _values(cells) == wanted
    assert cells.values.dtype == np.float64
    assert not cells.unread.any()


@pytest.mark.parametrize(
    "column",
    [
        pa.array([float("inf"), -float("inf"), 1.7976931348623157e308]),
        pa.array(["abc", "1,5", "inf"]),
        pa.array([dt.date(2026, 1, 1)] * 3),
        pa.array(["1e200", "-1e200", "0x10"]),
    ],
)
def test_what_is_not_a_number_is_unread_and_missing(column: pa.Array) -> None:
    cells = numbers(column, PLAIN)
    assert _values(cells) == [None, None, None]
    assert cells.unread.tolist() == [True, True, True]


def test_decimal_marks_and_words_for_no_value_are_those_of_the_recipe() -> None:
    reading = Reading(decimal=",", thousands=".", missing=["-999", "?"])
    assert _values(numbers(pa.array(["1.234,5", "-999", "?", "0,5"]), reading)) == [1234.5, None, None, 0.5]
    assert _values(numbers(pa.array([-999, -998]), reading)) == [None, -998.0]
    assert _values(names(pa.array(["?", "a", "NA"]), reading)) == [None, "a", "NA"]


@pytest.mark.parametrize(
    ("column", "wanted"),
    [
        (pa.array([dt.date(1970, 1, 3), None]), [172_800.0, None]),
        (pa.array([dt.date(1970, 1, 3)], pa.date64()), [172_800.0]),
        (pa.array([dt.datetime(1970, 1, 1, 0, 0, 1, 500_000)], pa.timestamp("us")), [1.5]),
        (pa.array([1_500_000_000], pa.timestamp("ns")), [1.5]),
        (pa.array([-1], pa.timestamp("s", "Europe/Berlin")), [-1.0]),
        (pa.array([dt.time(1, 0, 2)]), [3602.0]),
        (pa.array([3602], pa.time32("s")), [3602.0]),
        (pa.array(["1970-01-03", " 1970-01-01T00:00:01.5Z ", "1970-01-01 02:00+02:00"]), [172_800.0, 1.5, 0.0]),
        (pa.array(["01:00:02", "", None, "NaT"]), [3602.0, None, None, None]),
    ],
)
def test_moments_of_every_type(column: pa.Array, wanted: list[float | None]) -> None:
    cells = moments(column, PLAIN)
    assert _values(cells) == wanted
    assert not cells.unread.any()


@pytest.mark.parametrize("text", ["2026-02-30", "31.01.2026", "2026", "20260131", "25:00", "0001-01-01T00:00+12:00"])
def test_what_is_not_a_moment_of_iso_8601_is_unread(text: str) -> None:
    assert moments(pa.array([text]), PLAIN).unread.tolist() == [True]


def test_names_are_one_spelling_of_a_text() -> None:
    column = pa.array(["  Gröningen ", "Gro\u0308ningen", "a\u00a0 b", "", None, "NaN", "None"])
    assert _values(names(column, PLAIN)) == ["Gröningen", "Gröningen", "a b", None, None, None, "None"]
    assert _values(names(pa.array([7.0, 7.5, None]), PLAIN)) == ["7", "7.5", None]
    assert _values(names(pa.array([True, None]), PLAIN)) == ["true", None]
    with pytest.raises(NotText, match="holds list"):
        names(pa.array([[1]]), PLAIN)


def test_truth_values_are_written_in_several_ways() -> None:
    cells = truths(pa.array(["True", "FALSE", "1", "0.0", None, "maybe"]), PLAIN)
    assert _values(cells) == ["true", "false", "true", "false", None, None]
    assert cells.unread.tolist() == [False] * 5 + [True]
    assert _values(truths(pa.array([1, 0]), PLAIN)) == ["true", "false"]


def test_values_of_a_field_become_a_column_of_one_type() -> None:
    assert column_of([1, None, 2.5]).to_pylist() == [1.0, None, 2.5]
    assert column_of([1, "a", True, None]).to_pylist() == ["1", "a", "true", None]
    assert column_of([2**70]).to_pylist() == [str(2**70)]
    assert column_of([]).to_pylist() == []
    with pytest.raises(NotText, match="holds a dict"):
        column_of([{"a": 1}])
