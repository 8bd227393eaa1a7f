"""Slices of a table's rows, column by column."""

import datetime as dt

import numpy as np
import pyarrow as pa

from stillhouse.components.modalities.tabular.columns import CategoryColumn, Columns, DateColumn, NumberColumn
from stillhouse.components.modalities.tabular.slices import table_slices

NUMBER = NumberColumn(name="age", mean=40.0, spread=10.0, quantiles=[20.0, 40.0, 60.0], missing=0)
DATE = DateColumn(name="seen", mean=0.0, spread=86_400.0, quantiles=[0.0, 1e9, 2e9], missing=0, parts=[])
COLOUR = CategoryColumn(name="colour", names=["red", "blue"], missing=1)


def test_numbers_and_dates_make_ranges_and_categories_values() -> None:
    days = [dt.date(2025, 1, 1) + dt.timedelta(days=row) for row in range(40)]
    table = {
        "age": pa.array([None if row < 10 else 20.0 + row for row in range(40)]),
        "seen": pa.array(days),
        "colour": pa.array(["red"] * 12 + ["blue"] * 11 + ["green"] * 5 + [None] * 12),
    }
    found = {name: int(mask.sum()) for name, mask in table_slices(Columns(columns=[NUMBER, DATE, COLOUR]), table)}
    assert {name: found[name] for name in ("age: none", "age: 30 to 37", "seen: 2025-01-01 to 2025-01-10")} == {
        "age: none": 10,
        "age: 30 to 37": 8,
        "seen: 2025-01-01 to 2025-01-10": 10,
    }
    assert {name: number for name, number in found.items() if name.startswith("colour")} == {
        "colour: 'red'": 12,
        "colour: 'blue'": 11,
        "colour: none": 12,
    }


def test_rows_are_marked_in_their_order() -> None:
    colours = ["red", "blue"] * 10
    (_, red), _ = table_slices(Columns(columns=[COLOUR]), {"colour": pa.array(colours)})
    assert np.flatnonzero(red).tolist() in (list(range(0, 20, 2)), list(range(1, 20, 2)))
