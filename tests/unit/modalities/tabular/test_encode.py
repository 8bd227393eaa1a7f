"""Rows as arrays, those among them that nobody has seen before."""

import datetime as dt
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stillhouse.components.modalities.tabular.columns import (
    CategoryColumn,
    Columns,
    DateColumn,
    NumberColumn,
    fit_columns,
)
from stillhouse.components.modalities.tabular.encode import (
    Feature,
    cardinalities,
    encode,
    features,
    for_trees,
    read_values,
)
from stillhouse.errors import UserError

NUMBER = NumberColumn(name="n", mean=10.0, spread=2.0, quantiles=[4.0, 10.0, 16.0], missing=0)
WITH_GAPS = NumberColumn(name="g", mean=0.0, spread=1.0, quantiles=[-1.0, 0.0, 1.0], missing=3)
DATE = DateColumn(
    name="d", mean=0.0, spread=86_400.0, quantiles=[-864_000.0, 0.0, 864_000.0], missing=0, parts=["hour", "weekday"]
)
COLOUR = CategoryColumn(name="c", names=["red", "7"], missing=1)
FLAG = CategoryColumn(kind="truth", name="t", names=["false", "true"], missing=0)


def _numbers(column: NumberColumn | DateColumn, values: Any) -> list[list[float]]:
    return encode(Columns(columns=[column]), {column.name: pa.array(values)}).numbers.tolist()


def _categories(column: CategoryColumn, values: Any) -> list[int]:
    return encode(Columns(columns=[column]), {column.name: pa.array(values)}).categories[:, 0].tolist()


def test_numbers_are_standardised() -> None:
    assert _numbers(NUMBER, [10, 12, 7]) == [[0.0], [1.0], [-1.5]]


def test_numbers_out_of_the_training_rows_range_are_cut_to_it() -> None:
    assert _numbers(NUMBER, [1e9, -1e9]) == [[3.0], [-3.0]]


def test_what_is_no_number_is_the_mean() -> None:
    assert _numbers(NUMBER, [None, math.nan, math.inf, -math.inf]) == [[0.0]] * 4
    assert _numbers(NUMBER, ["", "many", "12"]) == [[0.0], [0.0], [1.0]]


def test_a_missing_number_is_told_where_training_rows_lacked_some() -> None:
    assert _numbers(WITH_GAPS, [0.5, None]) == [[0.5, 0.0], [0.0, 1.0]]
    assert features(Columns(columns=[WITH_GAPS])) == [Feature("g", "value"), Feature("g", "missing")]


def test_dates_are_numbers_and_points_on_circles() -> None:
    found = _numbers(DATE, [dt.datetime(1970, 1, 2, 6), None])
    # A quarter of a day, and 1.25 of the 7 days of a week: they begin on the Thursday of 1970-01-01.
    week = 2 * math.pi * 1.25 / 7
    assert found[0] == pytest.approx([1.25, 1.0, 0.0, math.sin(week), math.cos(week)], abs=1e-6)
    assert found[1] == [0.0, 0.0, 0.0, 0.0, 0.0]
    assert [feature.part for feature in features(Columns(columns=[DATE]))] == [
        "value",
        "sin of hour",
        "cos of hour",
        "sin of weekday",
        "cos of weekday",
    ]


def test_categories_have_places_for_the_unknown_and_for_none() -> None:
    assert _categories(COLOUR, ["red", "7", "blue", None, " red ", "Red"]) == [2, 3, 0, 1, 2, 0]
    assert cardinalities(Columns(columns=[COLOUR, FLAG])) == [4, 4]


def test_a_category_is_the_same_from_any_type() -> None:
    assert _categories(COLOUR, [7, None]) == [3, 1]
    assert _categories(COLOUR, [7.0]) == [3]
    assert _categories(COLOUR, ["7.0"]) == [3]
    assert _categories(FLAG, [True, False]) == [3, 2]
    assert _categories(FLAG, ["TRUE", "0"]) == [3, 2]


def test_no_value_is_unknown_where_no_training_row_lacked_one() -> None:
    assert _categories(FLAG, [None, True]) == [0, 3]


def test_a_column_that_is_not_there_is_refused() -> None:
    with pytest.raises(UserError) as error:
        encode(Columns(columns=[NUMBER, COLOUR]), {"n": pa.array([1]), "other": pa.array([1])})
    assert str(error.value) == (
        "column 'c' is missing, and the model was trained with it; the data has n, other: add it, empty where there is "
        "no value."
    )


def test_a_column_of_nulls_and_one_of_another_kind_are_missing_values() -> None:
    assert encode(Columns(columns=[WITH_GAPS]), {"g": pa.nulls(2)}).numbers.tolist() == [[0.0, 1.0]] * 2
    assert _numbers(WITH_GAPS, [dt.date(2026, 1, 1)]) == [[0.0, 1.0]]


def test_no_rows_have_arrays_of_the_same_width() -> None:
    found = encode(
        Columns(columns=[WITH_GAPS, COLOUR]), {"g": pa.array([], pa.float64()), "c": pa.array([], pa.string())}
    )
    assert (found.numbers.shape, found.categories.shape) == ((0, 2), (0, 1))
    assert (found.numbers.dtype, found.categories.dtype) == (np.float32, np.int64)


def test_a_row_is_encoded_alike_in_any_batch() -> None:
    table = {
        "n": pa.array([str(value) for value in np.random.default_rng(0).normal(10, 2, 200)]),
        "c": pa.array(["7.0", "7", "x", None, "True"] * 40),
        "d": pa.array([f"1970-01-0{i % 9 + 1}T0{i % 7}:00" for i in range(200)]),
    }
    columns = fit_columns(table)
    whole = encode(columns, table)
    for rows in ([3], [77, 12, 150]):
        part = encode(columns, {name: column.take(pa.array(rows)) for name, column in table.items()})
        assert part.numbers.tobytes() == whole.numbers[rows].tobytes()
        assert part.categories.tolist() == whole.categories[rows].tolist()


def test_trees_see_the_datas_own_units() -> None:
    columns = Columns(columns=[COLOUR, NUMBER, DATE])
    table = {
        "n": pa.array([12.0, None]),
        "d": pa.array([dt.datetime(1970, 1, 9, 6), None]),
        "c": pa.array(["7", "blue"]),
    }
    rows = for_trees(columns, read_values(columns, table))
    assert rows[0].tolist() == [3.0, 12.0, 8.25 * 86_400, 6 * 3600.0, 1.0]  # category, number, date, hour, weekday
    assert rows[1, 0] == 0.0
    assert np.isnan(rows[1, 1:]).all()
