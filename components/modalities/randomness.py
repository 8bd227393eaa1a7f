"""Randomness of a training view: a pure function of (seed, epoch, row), whatever the batch, the worker or the rank."""

import numpy as np


def uniform(seed: int, epoch: int, rows: np.ndarray, length: int, stream: int = 0) -> np.ndarray:
    """Uniform numbers in [0, 1) that are a pure function of (seed, epoch, row, position): float64 [rows, length].

    A hash instead of a generator, so that neither the batch nor the worker changes them (SplitMix64's mixer,
    Steele, Lea and Flood, 2014, doi:10.1145/2660193.2660195).
    """
    key = _mix(np.array([seed], np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(epoch * 64 + stream))
    row_keys = _mix(key + rows.astype(np.uint64) * np.uint64(0xD1342543DE82EF95))
    mixed = _mix(row_keys[:, None] + np.arange(1, length + 1, dtype=np.uint64)[None, :] * np.uint64(0x9E3779B97F4A7C15))
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mix(x: np.ndarray) -> np.ndarray:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
