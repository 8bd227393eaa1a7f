"""How long one row takes, model against model."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

Scorer = Callable[[Any], object]
"""Answers some examples."""
_WARM_UP_ROWS = 2
_RESAMPLES = 2000


def time_rows(
    scorers: dict[str, Scorer],
    rows: Sequence[Any],
    *,
    rounds: int,
    progress: Callable[[int], None] | None = None,
) -> dict[str, np.ndarray]:
    """Time every model on every row alone, in this process.

    The models take turns row by row and change who goes first, so that a busy or throttled machine
    slows them all alike.

    Args:
        rows: examples, one at a time as the models take them.

    Returns:
        Of each model the milliseconds of each row in each round, float64 [rounds, rows].
    """
    names = list(scorers)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for row in rows[:_WARM_UP_ROWS]:
        for name in names:
            scorers[name](row)
    for turn, row in enumerate(row for _ in range(rounds) for row in rows):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            start = time.perf_counter()
            scorers[name](row)
            seconds[name].append(time.perf_counter() - start)
        if progress is not None:
            progress(turn + 1)
    return {name: np.reshape(times, (rounds, len(rows))) * 1000 for name, times in seconds.items()}


def percentiles(milliseconds: np.ndarray, *, confidence: float, seed: int) -> dict[str, Any]:
    """The median and the times that 90 and 95 of 100 rows keep, of milliseconds, float64 [rounds, rows], with bounds.

    See `bounds_of` for these.
    """
    p50, p90, p95 = np.percentile(milliseconds, [50, 90, 95])
    bounds = bounds_of(milliseconds, confidence=confidence, seed=seed)
    return {"p50": float(p50), "p90": float(p90), "p95": float(p95), **bounds}


def bounds_of(measured: np.ndarray, *, confidence: float, seed: int) -> dict[str, list[float]]:
    """One-sided bounds, below and above, of median and 95th percentile of `measured`, float64 [rounds, rows].

    A bootstrap over the rows (Efron, 1979, doi:10.1214/aos/1176344552), each with all its rounds: two rounds of one row
    tell less than two rows. No bound is beyond what was seen: under about 60 rows the true 95th percentile may be.
    """
    chosen = np.random.default_rng(seed).integers(measured.shape[1], size=(_RESAMPLES, measured.shape[1]))
    resampled = measured[:, chosen].transpose(1, 0, 2).reshape(_RESAMPLES, -1)
    found = np.percentile(resampled, [50, 95], axis=1)
    low, high = np.quantile(found, [1 - confidence, confidence], axis=1)
    return {
        "p50_bounds": [float(low[0]), float(high[0])],
        "p95_bounds": [float(low[1]), float(high[1])],
    }


def latency_ratios(
    mine: np.ndarray, others: Mapping[str, np.ndarray], *, confidence: float, seed: int
) -> dict[str, dict[str, Any]]:
    """Ratio of the medians to each other model's, and its bounds, as evaluation.json names them; of milliseconds,
    float64 [rounds, rows]."""
    return {
        "latency_ratio": {name: float(np.median(mine) / np.median(theirs)) for name, theirs in others.items()},
        "latency_ratio_bounds": {
            name: ratio_bounds(mine, theirs, confidence=confidence, seed=seed) for name, theirs in others.items()
        },
    }


def ratio_bounds(mine: np.ndarray, other: np.ndarray, *, confidence: float, seed: int) -> list[float]:
    """One-sided bounds, below and above, of the ratio of two models' medians.

    A bootstrap over the rows, the same for both models (Efron & Tibshirani 1993, chapter 13: percentiles): two medians
    of few rows differ by some percent though nothing else does.

    Args:
        mine: milliseconds, float64 [rounds, rows], as `other`.
    """
    generator = np.random.default_rng(seed)
    chosen = generator.integers(mine.shape[1], size=(_RESAMPLES, mine.shape[1]))
    medians = [np.median(np.median(times, axis=0)[chosen], axis=1) for times in (mine, other)]
    low, high = np.quantile(medians[0] / medians[1], [1 - confidence, confidence])
    return [float(low), float(high)]
