"""Targets of a dataset's column as arrays, and rows that have none."""

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stillhouse.components.targets.label_arrays import NO_CLASS, label_array

NAN = math.nan


def column(values: list[Any], kind: pa.DataType) -> pa.ChunkedArray:
    """In two chunks, as a table of several row groups has it."""
    middle = len(values) // 2
    return pa.chunked_array([pa.array(part, kind) for part in (values[:middle], values[middle:])], kind)


@pytest.mark.parametrize("kind", [pa.int64(), pa.int32(), pa.int8()])
def test_classes_are_whole_numbers_and_a_missing_one_is_that_of_no_class(kind: pa.DataType) -> None:
    found = label_array("classes", column([2, None, 0, 1], kind), 3)
    assert (found.dtype, found.tolist()) == (np.int64, [2, NO_CLASS, 0, 1])
    assert NO_CLASS == -100


@pytest.mark.parametrize("kind", [pa.list_(pa.float32()), pa.list_(pa.float64()), pa.list_(pa.float32(), 2)])
def test_label_sets_are_rows_of_zeros_and_ones_and_a_missing_one_is_a_row_of_nan(kind: pa.DataType) -> None:
    found = label_array("multi_label", column([[0.0, 1.0], None, [1.0, 1.0], [0.0, 0.0]], kind), 2)
    assert (found.dtype, found.shape) == (np.float32, (4, 2))
    np.testing.assert_array_equal(found, np.array([[0, 1], [NAN, NAN], [1, 1], [0, 0]], np.float32))


def test_numbers_keep_all_their_digits_and_a_missing_one_is_nan() -> None:
    found = label_array("number", column([0.1, None, 16_777_217.0], pa.float64()), 0)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, np.array([0.1, NAN, 16_777_217.0]))


@pytest.mark.parametrize(
    ("target", "kind", "dtype", "shape"),
    [
        ("classes", pa.int64(), np.int64, (0,)),
        ("multi_label", pa.list_(pa.float32()), np.float32, (0, 3)),
        ("number", pa.float64(), np.float64, (0,)),
    ],
)
def test_no_rows_are_an_empty_array_of_the_same_kind(
    target: str, kind: pa.DataType, dtype: type, shape: tuple[int, ...]
) -> None:
    found = label_array(target, column([], kind), 3)
    assert (found.dtype, found.shape) == (dtype, shape)


@pytest.mark.parametrize(
    ("target", "kind", "missing"),
    [
        ("classes", pa.int64(), [NO_CLASS] * 2),
        ("multi_label", pa.list_(pa.float32()), [[NAN, NAN]] * 2),
        ("number", pa.float64(), [NAN] * 2),
    ],
)
def test_rows_of_which_none_has_a_label_are_arrays_all_the_same(
    target: str, kind: pa.DataType, missing: list[Any]
) -> None:
    found = label_array(target, column([None, None], kind), 2)
    np.testing.assert_array_equal(found, np.array(missing))
