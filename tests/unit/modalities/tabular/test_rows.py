"""One row of a table: its canonical form, what it is known by, and how it is shown."""

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from stillhouse.components.formats.values import keys, text
from stillhouse.components.modalities.tabular.rows import identity, is_telling, likeness, num_values, show, standardise

BERLIN = dt.timezone(dt.timedelta(hours=1))


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("  a \n b ", "a b"),
        ("Gro\u0308ße", "Größe"),
        ("   ", None),
        (math.nan, None),
        (-math.inf, None),
        (1.7976931348623157e308, None),
        (-0.0, 0.0),
        (Decimal("1.50"), 1.5),
        (np.float32(0.5), 0.5),
        (np.int8(3), 3),
        (True, True),
        (2**70, 2**70),
        (dt.datetime(2026, 1, 2, 3, tzinfo=BERLIN), dt.datetime(2026, 1, 2, 2, tzinfo=dt.UTC)),
        (dt.date(2026, 1, 2), dt.date(2026, 1, 2)),
        (b"abc", "abc"),
        (np.datetime64("NaT"), None),
    ],
)
def test_a_value_has_one_canonical_form(value: Any, wanted: Any) -> None:
    found = standardise({"x": value, "y": 1})
    assert found == {"x": wanted, "y": 1}
    assert isinstance(found, dict)
    assert type(found["x"]) is type(wanted)
    assert str(found["x"]) == str(wanted)  # -0.0 equals 0.0


def test_standardising_twice_changes_nothing() -> None:
    once = standardise({"a": " x", "b": math.nan, "c": dt.datetime(2026, 1, 2, tzinfo=BERLIN), "d": Decimal(2)})
    assert isinstance(once, dict)
    assert standardise(once) == once


def test_a_row_without_any_value_is_dropped() -> None:
    assert standardise({"a": None, "b": " ", "c": math.nan}) == "empty"


@pytest.mark.parametrize("value", [[1], {"a": 1}, b"\xff"])
def test_what_is_not_one_plain_value_stays_and_tells_rows_apart(value: Any) -> None:
    assert standardise({"a": value, "b": 1}) == {"a": value, "b": 1}
    assert identity({"a": value}) == identity({"a": value}) != identity({"a": [2]})


def test_rows_of_equal_values_are_one_whatever_file_they_came_from() -> None:
    typed = {"a": 7, "b": True, "c": dt.datetime(2026, 1, 2, 3, 4, 5), "d": None, "e": "x"}
    text = {"e": "x", "a": "7.0", "b": "True", "c": "2026-01-02T03:04:05"}
    assert identity(typed) == identity(text)
    assert identity(typed) != identity({**typed, "a": 8})
    assert identity({"a": 1, "b": 2}) != identity({"a": 2, "b": 1})


@pytest.mark.parametrize(
    "value",
    [7, 7.0, -0.25, 1e-7, 1e22, 123456789.125, 0.0, True, "x y", "True", "7.0", "-7.50", "2026-01-02T03:04:05.500",
     dt.date(2026, 1, 2), dt.datetime(2026, 1, 2), dt.datetime(2026, 1, 2, 3, 4, 5, 600), dt.time(3, 4),
     dt.datetime(2026, 1, 2, 3, tzinfo=dt.UTC), dt.timedelta(1)],
)  # fmt: skip
def test_a_value_is_known_by_the_text_that_files_have_for_it(value: Any) -> None:
    assert identity({"a": value}) == identity({"a": keys([text(value)])[0]})


def test_near_copies_share_nearly_all_cells() -> None:
    row = {f"f{i}": 0.1 + i for i in range(10)} | {"sex": "f", "rooms": 3}
    one, other = likeness(row), likeness(row | {"f3": 8.25, "sex": "m"})
    assert one is not None
    assert other is not None
    assert one.dtype == np.uint64
    assert len(one) == 12
    assert len(np.intersect1d(one, other)) == 10
    from_csv = {name: str(value) for name, value in row.items()}
    assert likeness(from_csv) is not None
    assert likeness(from_csv).tolist() == one.tolist()  # type: ignore[union-attr]


def test_near_copies_are_not_looked_for_where_cells_recur_by_chance() -> None:
    assert likeness({f"f{i}": i for i in range(10)} | {f"c{i}": "red" for i in range(10)}) is None
    assert likeness({f"d{i}": dt.date(2026, 1, 2) for i in range(10)}) is None


def test_rows_with_the_same_weather_are_not_near_copies() -> None:
    weather = {f"w{i}": 0.1 + i for i in range(6)}
    one, other = (likeness(weather | {f"c{i}": value for i in range(6)}) for value in ("JFK", "LGA"))
    assert one is not None
    assert other is not None
    assert len(np.intersect1d(one, other)) == 6


def test_the_size_of_a_row_is_its_values() -> None:
    assert num_values({"a": 0, "b": None, "c": "x"}) == 2


def test_a_row_of_small_numbers_and_names_may_come_again_by_chance() -> None:
    assert not is_telling({"class": 3, "sex": "male", "age": 22.0, "fare": 7.25, "port": "S"})
    assert is_telling({f"f{i}": 0.1 + i for i in range(5)})


def test_a_row_is_shown_as_an_escaped_table() -> None:
    assert show({"<b>": "<i>&", "n": 0.1 + 0.2, "none": None}) == (
        '<table class="row"><tr><th>&lt;b&gt;</th><th>n</th><th>none</th></tr>'
        "<tr><td>&lt;i&gt;&amp;</td><td>0.3</td><td>–</td></tr></table>"
    )
    many = show({f"c{i}": "x" * 90 for i in range(20)})
    assert many.count("<td>") == 13
    assert "<th>8 more</th>" in many
    assert "x" * 41 not in many
