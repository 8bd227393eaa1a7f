"""Sums over rows under many resamples at once; a resample is how often it drew each row."""

from collections.abc import Iterator

import numpy as np

from stillhouse.components.targets.measure import Measure, Statistics

_CELLS = 500_000
"""Weights in the block of resamples that is worked on: 2 MB, which a processor's cache holds."""


DRAWN = 4_000_000
"""Weights held at once: 16 MB."""


def draws(rows: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Weights, int32 [some resamples, rows]: how often each resample drew each row (Efron, 1979,
    doi:10.1214/aos/1176344552)."""
    generator = np.random.default_rng(seed)
    at_once = max(1, DRAWN // rows)
    for start in range(0, resamples, at_once):
        count = min(at_once, resamples - start)
        drawn = generator.integers(0, rows, (count, rows)) + np.arange(count)[:, None] * rows
        yield np.bincount(drawn.ravel(), minlength=count * rows).reshape(count, rows).astype(np.int32)


def standard_error(statistics: Statistics, measure: Measure, examples: int, *, resamples: int, seed: int) -> float:
    """Of a measure: the spread of its values over resamples; 0 where it is defined for none."""
    found = (
        measure.value(statistics, block.T) for drawn in draws(examples, resamples, seed) for block in blocks(drawn)
    )
    values = np.concatenate(list(found))
    values = values[np.isfinite(values)]
    return float(np.std(values)) if len(values) else 0.0


def blocks(weights: np.ndarray) -> Iterator[np.ndarray]:
    """Whole numbers [resamples, rows] in int32 blocks [rows, some resamples]."""
    at_once = max(1, _CELLS // weights.shape[1])
    for start in range(0, len(weights), at_once):
        yield np.ascontiguousarray(weights[start : start + at_once].T, dtype=np.int32)


def add_up(block: np.ndarray, rows: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Sums, float64 [groups, resamples], of a block over the `rows`, int64 [rows], from `bounds[i]` to `bounds[i + 1]`;
    they are exact."""
    if block.shape[1] == 1:  # while a model trains, maybe where there is no SciPy
        running = np.concatenate([[0.0], np.cumsum(block[rows, 0], dtype=np.float64)])
        return np.diff(running[bounds])[:, None]
    from scipy.sparse import csr_matrix

    ones = np.ones(len(rows), np.int32)
    return (csr_matrix((ones, rows, bounds), shape=(len(bounds) - 1, len(block))) @ block).astype(np.float64)
