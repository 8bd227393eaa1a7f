"""How sure the measured numbers are: bootstrap intervals, paired differences and McNemar's test."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from stillhouse.components.targets.label_metrics import Measures, main_metric, measure, predictions

_CELLS = 4_000_000
"""Weights held at once: 16 MB."""


def bootstrap(
    target: str,
    scores: dict[str, np.ndarray],
    targets: np.ndarray,
    labels: list[str],
    *,
    resamples: int,
    seed: int,
    only: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> dict[str, dict[str, np.ndarray]]:
    """Measure every model on the same resamples of the rows (Efron, 1979, doi:10.1214/aos/1176344552).

    Args:
        scores: of each model, float [rows, labels].
        only: the one measure that is wanted; None for all.
        progress: is told the number of resamples measured so far.

    Returns:
        Of each model and measure a float array [resamples].
    """
    measures = {name: Measures(target, model_scores, targets, labels) for name, model_scores in scores.items()}
    parts: dict[str, list[dict[str, np.ndarray]]] = {name: [] for name in scores}
    done = 0
    for weights in _draws(len(targets), resamples, seed):
        for name in scores:
            parts[name].append(measures[name].under(weights, only))
        done += len(weights)
        if progress is not None:
            progress(done)
    return {
        name: {metric: np.concatenate([part[metric] for part in measured]) for metric in measured[0]}
        for name, measured in parts.items()
    }


def intervals(
    values: dict[str, float], samples: dict[str, np.ndarray], confidence: float
) -> dict[str, dict[str, float]]:
    """Each measure's value with its two-sided percentile interval."""
    tails = [50 * (1 - confidence), 50 * (1 + confidence)]
    bounds = {metric: np.nanpercentile(samples[metric], tails) for metric in values}
    return {
        metric: {"value": value, "low": float(bounds[metric][0]), "high": float(bounds[metric][1])}
        for metric, value in values.items()
    }


def paired_difference(
    target: str,
    student: tuple[np.ndarray, dict[str, np.ndarray]],
    other: tuple[np.ndarray, dict[str, np.ndarray]],
    targets: np.ndarray,
    labels: list[str],
    confidence: float,
) -> dict[str, Any]:
    """Student minus other in the main metric, with one-sided bounds and McNemar's p-value.

    Args:
        student: its scores [rows, labels] and what `bootstrap` measured of it.
        other: the same of the other model, from the same call.

    Returns:
        rows, difference, lower and upper (each holds alone with `confidence`) and p_value.
    """
    metric = main_metric(target)
    resampled = student[1][metric] - other[1][metric]
    values = [measure(target, scores, targets, labels)[metric] for scores in (student[0], other[0])]
    lower, upper = np.percentile(resampled, [100 * (1 - confidence), 100 * confidence])
    return {
        "rows": len(targets),
        "difference": values[0] - values[1],
        "lower": float(lower),
        "upper": float(upper),
        "p_value": mcnemar(target, student[0], other[0], targets),
    }


def mcnemar(target: str, first: np.ndarray, second: np.ndarray, targets: np.ndarray) -> float:
    """Exact two-sided p-value of both erring on equally many rows (McNemar, 1947, doi:10.1007/BF02295996).

    For numbers a row counts for the model whose answer is nearer (the sign test).
    """
    from scipy.stats import binomtest

    errors = [_errors(target, scores, targets) for scores in (first, second)]
    better, worse = int((errors[0] < errors[1]).sum()), int((errors[0] > errors[1]).sum())
    return float(binomtest(better, better + worse).pvalue) if better + worse else 1.0


def _errors(target: str, scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    answers = predictions(target, scores)
    if target == "number":
        return np.abs(answers - targets)
    wrong = answers != targets
    return wrong.any(axis=1) if target == "multi_label" else wrong


def _draws(rows: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Weights [some resamples, rows]: how often each resample drew each row."""
    generator = np.random.default_rng(seed)
    at_once = max(1, _CELLS // rows)
    for start in range(0, resamples, at_once):
        count = min(at_once, resamples - start)
        drawn = generator.integers(0, rows, (count, rows)) + np.arange(count)[:, None] * rows
        yield np.bincount(drawn.ravel(), minlength=count * rows).reshape(count, rows).astype(np.int32)
