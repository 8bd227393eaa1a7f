"""Times of rows, whichever way they are written."""

import math

import numpy as np
import pytest

from stillhouse.components.formats.times import NotTimes, Times, parse_times

DAY = 86_400_000_000


def test_dates_and_moments_are_microseconds_in_utc() -> None:
    found = parse_times(
        ["1970-01-02", "1970-01-02 00:00:00.5", "1970-01-02T02:00:00+02:00", "1970-01-02T00:00:00Z", " ", None]
    )

    assert found.are_dates
    assert found.values[:4].tolist() == [DAY, DAY + 500_000, DAY, DAY]
    assert np.isnan(found.values[4:]).all()


@pytest.mark.parametrize("texts", [["2019", "2020.5", "-1e3"], ["20260131", "20260201"]])
def test_digits_are_numbers(texts: list[str]) -> None:
    found = parse_times(texts)

    assert (found.are_dates, found.values.tolist()) == (False, [float(text) for text in texts])


@pytest.mark.parametrize(
    ("texts", "row", "number"),
    [
        (["2026-01-31", "yesterday", "2026-02-31", "2026-02-01"], 1, 2),
        (["2026-01-31", "7", "2026-02-01"], 1, 1),
        (["7", "8", "2026-01-31"], 2, 1),
        (["7", "inf", "8"], 1, 1),
        (["31.01.2026"], 0, 1),
    ],
)
def test_what_is_not_of_the_kind_of_most_is_counted_from_the_first_one(texts: list[str], row: int, number: int) -> None:
    with pytest.raises(NotTimes) as error:
        parse_times(texts)

    assert (error.value.row, error.value.number) == (row, number)


@pytest.mark.parametrize("texts", [["2026-01-31T12:00:00.123456", None, "2026-02-01"], ["7", None, "8.5"]])
def test_a_column_of_them_is_read_as_it_was_written(texts: list[str | None]) -> None:
    import pyarrow as pa

    times = parse_times(texts)
    again = Times.of(pa.chunked_array([times.array()]))

    assert again.are_dates == times.are_dates
    np.testing.assert_array_equal(again.values, times.values)
    assert [times.number(times.written(value)) for value in times.values if value == value] == [
        value for value in times.values.tolist() if not math.isnan(value)
    ]


def test_a_time_of_another_kind_is_none() -> None:
    dates, numbers = parse_times(["2026-01-31"]), parse_times(["7"])

    assert dates.written(dates.values[0]) == "2026-01-31T00:00:00+00:00"
    assert (dates.number(7.0), numbers.number("2026-01-31"), numbers.number(None)) == (None, None, None)
