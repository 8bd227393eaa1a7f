"""The targets of classes, label sets and numbers as arrays."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

    from stillhouse.components.targets.parse import Target

NO_CLASS = -100
"""Stands for a label that is not known, as torch's cross-entropy has it; in floating point that is nan."""


def target_column(target: str, values: "Sequence[Target | None]", num_labels: int) -> "pa.Array":
    """Targets as a dataset's column: int64 class indices, float64 numbers, or multi-hot vectors, lists of float32."""
    import pyarrow as pa

    if target == "multi_label":
        hot = [[float(i in value) for i in range(num_labels)] for value in values if isinstance(value, tuple)]
        return pa.array(hot, pa.list_(pa.float32()))
    return pa.array(values, pa.int64() if target == "classes" else pa.float64())


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
