"""The main metric on each slice of the test rows."""

import numpy as np

from stillhouse.components.artifacts.dataset import Split
from stillhouse.components.evaluate.intervals import bootstrap, intervals
from stillhouse.components.targets.label_metrics import main_metric, measure


def measure_slices(
    target: str,
    scores: np.ndarray,
    test: Split,
    labels: list[str],
    *,
    resamples: int,
    confidence: float,
    seed: int,
) -> dict[str, dict[str, float | int]]:
    """Rows, value and interval of the main metric under each `column=value`, the largest slices first."""
    metric = main_metric(target)
    found: dict[str, dict[str, float | int]] = {}
    for column, values in test.slices.items():
        names, slice_of, sizes = np.unique(values, return_inverse=True, return_counts=True)
        for index in np.argsort(-sizes, kind="stable"):
            here = slice_of == index
            part, targets = scores[here], test.targets[here]
            samples = bootstrap(target, {"student": part}, targets, labels, resamples=resamples, seed=seed, only=metric)
            value = {metric: measure(target, part, targets, labels)[metric]}
            found[f"{column}={names[index]}"] = {
                "rows": int(sizes[index]),
                **intervals(value, samples["student"], confidence)[metric],
            }
    return found
