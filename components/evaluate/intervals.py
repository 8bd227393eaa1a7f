"""How sure the measured numbers are: bootstrap intervals, paired differences and McNemar's test."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from stillhouse.components.targets.bounds import margin
from stillhouse.components.targets.measure import Measure, Statistics, values_of
from stillhouse.components.targets.resamples import blocks, draws


class Measured(NamedTuple):
    """One model on some examples."""

    values: dict[str, float]
    """Of each measure that is defined there."""
    samples: dict[str, np.ndarray]
    """Of each measure float64 [resamples]; nan where it is undefined."""


def measured(
    models: Mapping[str, Statistics],
    measures: Sequence[Measure],
    examples: int,
    *,
    resamples: int,
    seed: int,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Measured]:
    """Measure every model on the examples, and on the same resamples of them.

    See Efron, 1979, doi:10.1214/aos/1176344552, for the bootstrap.

    Args:
        models: the statistics of each model's answers to the same `examples`.
        progress: is told the number of resamples measured so far.
    """
    parts: dict[str, dict[str, list[np.ndarray]]] = {name: {each.name: [] for each in measures} for name in models}
    done = 0
    for drawn in draws(examples, resamples, seed):
        for block in blocks(drawn):
            weights = block.T
            for name, statistics in models.items():
                for each in measures:
                    parts[name][each.name].append(each.value(statistics, weights))
        done += len(drawn)
        if progress is not None:
            progress(done)
    return {
        name: Measured(
            values_of(statistics, measures, examples),
            {metric: np.concatenate(values) for metric, values in parts[name].items()},
        )
        for name, statistics in models.items()
    }


def intervals(model: Measured, confidence: float) -> dict[str, dict[str, float]]:
    """Each measure's value with its two-sided percentile interval."""
    tails = [50 * (1 - confidence), 50 * (1 + confidence)]
    bounds = {metric: np.nanpercentile(model.samples[metric], tails) for metric in model.values}
    return {
        metric: {"value": value, "low": float(bounds[metric][0]), "high": float(bounds[metric][1])}
        for metric, value in model.values.items()
    }


def bounds(metric: Measure, model: Measured, errors: np.ndarray, confidence: float) -> dict[str, float]:
    """What one measure is at least (`lower`) and at most (`upper`); each holds alone with `confidence`.

    Not percentiles of the resamples: of rows that are all answered right these have no spread. See `targets/bounds.py`.

    Args:
        errors: of the model, float64 [rows]; 0 is right.
    """
    value, (spread, cost) = model.values[metric.name], _spread_and_cost(model.samples[metric.name], errors > 0)
    # A measure in the user's unit, as a mean absolute error, has no points of which a row could cost one.
    cost = max(cost, 1 / len(errors)) if metric.tolerance == "points" else cost
    off = margin(len(errors), spread, cost, 1 - confidence)
    return {"lower": value - off, "upper": value + off}


def _spread_and_cost(resampled: np.ndarray, wrong: np.ndarray) -> tuple[float, float]:
    """Standard error of a measure, or of a difference, and what one of the rows weighs that are `wrong`, bool [rows]:
    together they have that error."""
    finite, number = resampled[np.isfinite(resampled)], int(wrong.sum())
    spread = float(np.std(finite)) if len(finite) else 0.0
    return spread, spread / math.sqrt(number) if number else 0.0


def paired_difference(metric: str, first: Measured, second: Measured, confidence: float) -> dict[str, float]:
    """First minus second in one measure: difference, lower and upper (each holds alone with `confidence`).

    Args:
        first, second: from the same call of `measured`.
    """
    resampled = first.samples[metric] - second.samples[metric]
    resampled = resampled[np.isfinite(resampled)]  # there may be resamples with nothing to measure
    lower, upper = np.percentile(resampled, [100 * (1 - confidence), 100 * confidence])
    return {
        "difference": first.values[metric] - second.values[metric],
        "lower": float(lower),
        "upper": float(upper),
    }


def paired_estimate(
    metric: str, first: Measured, second: Measured, errors: tuple[np.ndarray, np.ndarray]
) -> dict[str, float]:
    """First minus second in one measure, with what a bound of any confidence needs (see `PairedEstimate`).

    The rows that differ have the standard error between them, so it tells what one of them weighs: 1 / rows in
    accuracy, more in a mean over labels of which one is rare.

    Args:
        first, second: from the same call of `measured`.
        errors: each model's, float64 [rows].
    """
    resampled = first.samples[metric] - second.samples[metric]
    rows, (spread, cost) = len(errors[0]), _spread_and_cost(resampled, errors[0] != errors[1])
    return {
        "rows": rows,
        "difference": first.values[metric] - second.values[metric],
        "standard_error": spread,
        "row_cost": max(1 / rows, cost),
    }


def mcnemar(first: np.ndarray, second: np.ndarray) -> float:
    """Exact two-sided p-value of both erring on equally many rows (McNemar, 1947, doi:10.1007/BF02295996).

    Where errors are more than right and wrong, a row counts for the model that errs less (the sign test).

    Args:
        first, second: each model's errors, float64 [rows]; 0 is right.
    """
    from scipy.stats import binomtest

    better, worse = int((first < second).sum()), int((first > second).sum())
    return float(binomtest(better, better + worse).pvalue) if better + worse else 1.0
