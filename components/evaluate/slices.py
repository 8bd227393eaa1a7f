"""The main measure on each slice of the test rows."""

from collections.abc import Mapping, Sequence

import numpy as np

from stillhouse.components.evaluate.intervals import intervals, measured
from stillhouse.components.targets.measure import Measure, Statistics, part_of


def measure_slices(
    metric: Measure,
    statistics: Statistics,
    slices: Mapping[str, Sequence[str]],
    *,
    resamples: int,
    confidence: float,
    seed: int,
) -> dict[str, dict[str, float | int]]:
    """Rows, value and interval of a measure under each `column=value`, the largest slices of a column first.

    Args:
        statistics: of a model's answers to all test rows.
        slices: of each column the values [test rows].
    """
    found: dict[str, dict[str, float | int]] = {}
    for column, values in slices.items():
        names, slice_of, sizes = np.unique(values, return_inverse=True, return_counts=True)
        for index in np.argsort(-sizes, kind="stable"):
            here, rows = part_of(statistics, slice_of == index), int(sizes[index])
            model = measured({"model": here}, [metric], rows, resamples=resamples, seed=seed)["model"]
            if metric.name in model.values:  # else nothing there is measured by it
                found[f"{column}={names[index]}"] = {"rows": rows, **intervals(model, confidence)[metric.name]}
    return found
