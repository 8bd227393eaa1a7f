"""What each column is, found out from the training rows."""

import datetime as dt
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stillhouse.components.modalities.tabular.cells import Reading
from stillhouse.components.modalities.tabular.columns import (
    CategoryColumn,
    Columns,
    DateColumn,
    NumberColumn,
    TabularInput,
    fit_columns,
)
from stillhouse.errors import UserError

ROWS = 60
OTHER = pa.array([float(i % 7) for i in range(ROWS)])
"""A column that is always taken."""
DAYS = [dt.date(2024, 1, 1) + dt.timedelta(days=11 * i) for i in range(ROWS)]


def _fit(column: Any, **settings: Any) -> Columns:
    return fit_columns({"other": OTHER, "x": column}, TabularInput(**settings))


def _kind(column: Any) -> str | None:
    return next((each.kind for each in _fit(column).columns if each.name == "x"), None)


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pa.array([i % 9 for i in range(ROWS)]), "number"),
        (pa.array([1.5 * i for i in range(ROWS)]), "number"),
        (pa.array([f"{i}.5" for i in range(ROWS)]), "number"),
        (pa.array([str(i % 2) for i in range(ROWS)]), "number"),
        (pa.array([i % 2 == 0 for i in range(ROWS)]), "truth"),
        (pa.array(["true", "False", None] * 20), "truth"),
        (pa.array(["red", "green", "blue"] * 20), "category"),
        (pa.array(["01067", "80331", "10115"] * 20), "category"),  # postcodes: a number would lose the zero
        (pa.array(["1", "2", "1"] * 20).dictionary_encode(), "category"),
        (pa.array(DAYS), "date"),
        (pa.array([str(day) for day in DAYS]), "date"),
        (pa.array([dt.time(i % 24, i) for i in range(ROWS)]), "date"),
    ],
)
def test_kind_of_a_column(column: Any, kind: str) -> None:
    assert _kind(column) == kind


@pytest.mark.parametrize(
    ("column", "why"),
    [
        (pa.nulls(ROWS), "has no value in the training rows"),
        (pa.array([""] * ROWS), "has no value in the training rows"),
        (pa.array([3] * ROWS), "has the same value in all training rows"),
        (pa.array(["a"] * ROWS), "has the same value in all training rows"),
        (pa.array([True] * ROWS), "has the same value in all training rows"),
        (pa.array(range(1000, 1000 + ROWS)), "numbers the rows"),
        (pa.array([[1]] * ROWS), "holds more than one value a row"),
        (
            pa.array([f"user-{i}" for i in range(ROWS)]),
            "has 60 different values in 60 rows, as ids and free text have",
        ),
        (
            pa.array([f"{i % 28 + 1}.{i % 12 + 1}.{1950 + i}" for i in range(ROWS)]),
            "has 60 different values in 60 rows, as ids and free text have; its values look like dates: write them as "
            "2026-01-31",
        ),
        (
            pa.array([f"${i},000" for i in range(1, 1 + ROWS)]),
            "has 60 different values in 60 rows, as ids and free text have; its values look like numbers: write the "
            "bare number, 1000",
        ),
    ],
)
def test_what_can_teach_nothing_is_left_out_with_a_reason(column: Any, why: str) -> None:
    assert _fit(column).left_out == {"x": why}


@pytest.mark.parametrize("name", ["id", "user_id", "PassengerId", "customerID", "Unnamed: 0", "", "UUID", "row index"])
def test_whole_numbers_under_the_name_of_an_id_are_left_out(name: str) -> None:
    spaced = pa.array([i * i * 37 for i in range(ROWS)])
    left_out = fit_columns({"other": OTHER, name: spaced}).left_out
    assert left_out == {name: "is an id by its name, with 60 different values in 60 rows"}


@pytest.mark.parametrize("name", ["income", "width", "humid", "valid", "paid", "fluid"])
def test_different_whole_numbers_under_another_name_are_amounts(name: str) -> None:
    spaced = pa.array([i * i * 37 for i in range(ROWS)])
    assert fit_columns({"other": OTHER, name: spaced}).left_out == {}


def test_statistics_of_numbers_are_those_of_numpy_over_the_values_that_are_there() -> None:
    values = [float(i) ** 2 for i in range(ROWS - 1)]
    column = _fit(pa.array([*values, None])).columns[1]
    assert isinstance(column, NumberColumn)
    assert (column.mean, column.spread, column.missing) == (np.mean(values), np.std(values), 1)
    assert column.quantiles == np.quantile(values, np.linspace(0, 1, 65)).tolist()


def test_one_value_beside_gaps_has_a_spread_of_one() -> None:
    column = _fit(pa.array([0.1] * 57 + [None] * 3)).columns[1]
    assert column == NumberColumn(name="x", mean=0.1, spread=1.0, quantiles=[0.1] * 65, missing=3)


def test_categories_stand_by_frequency_and_rare_ones_have_no_place() -> None:
    column = _fit(pa.array(["b"] * 30 + ["a"] * 20 + ["c"] * 7 + ["once", None, None])).columns[1]
    assert column == CategoryColumn(name="x", names=["b", "a", "c"], missing=2, unknown=1)


def test_more_categories_than_there_are_places_for_are_told_of() -> None:
    found = _fit(pa.array(["a", "b", "c", "a", "b", "a"] * 10), max_categories=2)
    assert found.columns[1] == CategoryColumn(name="x", names=["a", "b"], missing=0, unknown=10)
    assert found.notes == [
        "Column 'x': of 3 categories the 2 most frequent have a place of their own; the others, in 10 of 60 rows, "
        "share one (input.max_categories)."
    ]


@pytest.mark.parametrize(
    ("days", "parts"),
    [
        (DAYS, ["weekday", "season"]),
        ([dt.date(2024, 1, 1) + dt.timedelta(weeks=i) for i in range(ROWS)], ["season"]),  # always a Monday
        ([dt.datetime(2024, 1, 1, i % 24, 0) + dt.timedelta(days=i // 24) for i in range(ROWS)], ["hour"]),
        ([dt.time(i % 24, 0) for i in range(ROWS)], ["hour"]),
    ],
)
def test_parts_of_dates_are_those_that_come_round_in_the_training_rows(days: list[Any], parts: list[str]) -> None:
    column = _fit(pa.array(days)).columns[1]
    assert isinstance(column, DateColumn)
    assert column.parts == parts


@pytest.mark.parametrize(
    ("texts", "hint"),
    [
        (["5%", "10%", "15%"], "its values look like numbers: write the bare number, 5"),
        (["1,5", "2,5", "3,0"], "its values look like numbers: write 1.5, or set data.csv.decimal to ','"),
        (["31.01.2026", "01.02.2026", "02.02.2026"], "its values look like dates: write them as 2026-01-31"),
    ],
)
def test_categories_that_look_like_another_kind_are_told_of(texts: list[str], hint: str) -> None:
    found = _fit(pa.array(texts * 20))
    assert found.columns[1].kind == "category"
    assert found.notes == [f"Column 'x' is taken as categories; {hint}."]
    assert _fit(pa.array(texts * 20), kinds={"x": "category"}).notes == []


def test_a_few_values_of_another_kind_count_as_missing_and_are_told_of() -> None:
    found = _fit(pa.array([f"{i}.5" for i in range(58)] + ["about 7", "?"]))
    assert isinstance(found.columns[1], NumberColumn)
    assert found.columns[1].missing == 2
    assert found.notes == ["Column 'x': 2 of 60 values are not numbers and count as missing; the first is 'about 7'."]


def test_the_recipe_says_what_a_column_is() -> None:
    codes = pa.array([1, 2, 1] * 20)
    assert _fit(codes, kinds={"x": "category"}).columns[1].kind == "category"
    assert _fit(codes, kinds={"x": "none"}).left_out == {"x": "is left out by input.kinds"}
    assert _fit(pa.array(range(ROWS)), kinds={"x": "number"}).columns[1].kind == "number"  # for all that it looks like


@pytest.mark.parametrize(
    ("column", "kind", "sentence"),
    [
        (
            pa.array(["a", "b", "c"] * 20),
            "number",
            "input.kinds takes the column 'x' as a number, but it holds no numbers (its first value is a); take it out "
            "of there, or fix the data.",
        ),
        (
            pa.array([[1]] * ROWS),
            "category",
            "input.kinds takes the column 'x' as a category, but it holds more than one value a row; take it out of "
            "there, or fix the data.",
        ),
    ],
)
def test_what_the_recipe_says_must_fit_the_data(column: Any, kind: str, sentence: str) -> None:
    with pytest.raises(UserError) as error:
        _fit(column, kinds={"x": kind})
    assert str(error.value) == sentence


def test_a_column_that_the_recipe_names_must_be_there() -> None:
    with pytest.raises(UserError) as error:
        _fit(OTHER, kinds={"y": "number"})
    assert str(error.value) == "input.kinds names the column 'y', which is not in the data; it has other, x."


def test_some_column_must_be_left() -> None:
    with pytest.raises(UserError) as error:
        fit_columns({"x": pa.nulls(3), "y": pa.array([1, 1, 1])})
    assert str(error.value) == (
        "no column is left to learn from: 'x' has no value in the training rows; 'y' has the same value in all "
        "training rows; name others in the recipe's columns or input.kinds."
    )


def test_columns_come_back_from_json_as_they_were() -> None:
    found = fit_columns(
        {"a": OTHER, "b": pa.array(DAYS), "c": pa.array(["x", "y", None] * 20), "d": pa.array([True, False] * 30)},
        reading=Reading(decimal=","),
    )
    assert Columns.parse(json.dumps(json.loads(found.model_dump_json()))) == found


def test_a_column_of_text_reads_as_the_typed_one_does() -> None:
    values = [0.1 * i for i in range(ROWS)]
    assert _fit(pa.array([str(value) for value in values])) == _fit(pa.array(values))
    assert _fit(pa.array([str(day) for day in DAYS])) == _fit(pa.array(DAYS))
