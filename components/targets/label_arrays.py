"""The targets of classes, label sets and numbers as arrays."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

NO_CLASS = -100
"""Stands for a label that is not known, as torch's cross-entropy has it; in floating point that is nan."""


def label_array(target: str, column: "pa.ChunkedArray", num_labels: int) -> np.ndarray:
    """A dataset's column of targets: int64 [rows] class indices, float32 [rows, labels] multi-hot or float64 [rows].

    Rows without a label have NO_CLASS, or nan.
    """
    if target == "classes":
        return np.asarray(column.fill_null(NO_CLASS), np.int64)
    if target == "number":
        return np.asarray(column, np.float64)
    missing = [np.nan] * num_labels
    return np.array([missing if row is None else row for row in column.to_pylist()], np.float32).reshape(-1, num_labels)
