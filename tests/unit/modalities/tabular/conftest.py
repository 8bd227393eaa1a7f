"""A small table of every kind of column."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from stillhouse.components.modalities.tabular.columns import Columns, fit_columns
from stillhouse.components.modalities.tabular.encode import Encoded, encode

ROWS = 90


@pytest.fixture
def table() -> dict[str, pa.Array]:
    """Numbers with and without gaps, categories, truth values and dates: 90 rows."""
    random = np.random.default_rng(0)
    width = random.normal(5, 2, ROWS)
    return {
        "width": pa.array(width),
        "weight": pa.array([None if i % 10 == 0 else value for i, value in enumerate(random.normal(0, 1, ROWS))]),
        "colour": pa.array([("red", "green", "blue", None)[i % 4] for i in random.integers(0, 4, ROWS)]),
        "used": pa.array((width > 5).tolist()),
        "when": pa.array([dt.date(2025, 1, 1) + dt.timedelta(days=int(i)) for i in random.integers(0, 300, ROWS)]),
    }


@pytest.fixture
def columns(table: dict[str, pa.Array]) -> Columns:
    """What they are."""
    return fit_columns(table)


@pytest.fixture
def encoded(table: dict[str, pa.Array], columns: Columns) -> Encoded:
    """Their rows as arrays: 9 floats (width, weight and its gaps, when and 2 x 2 parts), 2 categories."""
    return encode(columns, table)
