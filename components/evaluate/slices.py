"""The main measure on each slice of the test rows."""

from collections.abc import Mapping, Sequence

import numpy as np

from stillhouse.components.evaluate.intervals import bounds, intervals, measured
from stillhouse.components.targets.measure import Measure, Statistics, part_of


def measure_slices(
    metric: Measure,
    statistics: Statistics,
    slices: Mapping[str, Sequence[str]],
    errors: np.ndarray,
    *,
    resamples: int,
    confidence: float,
    seed: int,
) -> dict[str, dict[str, float | int]]:
    """Rows, value, interval and one-sided bounds of a measure under each `column=value`, the largest of a column first.

    Args:
        statistics: of a model's answers to all test rows.
        slices: of each column the values [test rows].
        errors: how wrong each answer is, float64 [test rows]; 0 is right.
    """
    found: dict[str, dict[str, float | int]] = {}
    for column, values in slices.items():
        names, slice_of, sizes = np.unique(values, return_inverse=True, return_counts=True)
        for index in np.argsort(-sizes, kind="stable"):
            here, rows = part_of(statistics, slice_of == index), int(sizes[index])
            model = measured({"model": here}, [metric], rows, resamples=resamples, seed=seed)["model"]
            if metric.name in model.values:  # else nothing there is measured by it
                sure = bounds(metric, model, errors[slice_of == index], confidence)
                found[f"{column}={names[index]}"] = {"rows": rows, **intervals(model, confidence)[metric.name], **sure}
    return found
