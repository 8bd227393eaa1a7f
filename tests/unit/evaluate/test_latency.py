"""Timing takes turns and tells the slow from the quick."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from stillhouse.components.evaluate.latency import bounds_of, percentiles, ratio_bounds, time_rows


def test_models_take_turns_text_by_text_and_change_who_is_first() -> None:
    calls: list[tuple[str, str]] = []

    def scorer(name: str) -> Callable[[Sequence[str]], None]:
        return lambda texts: calls.append((name, texts[0]))

    time_rows({"a": scorer("a"), "b": scorer("b")}, ["x", "y"], rounds=2)
    timed = calls[4:]  # after the warm-up
    turns = ["".join(name for name, _ in timed[i : i + 2]) for i in range(0, len(timed), 2)]
    assert [text for _, text in timed] == ["x", "x", "y", "y"] * 2
    assert turns == ["ab", "ba", "ab", "ba"]


def test_the_slow_model_is_slower_in_milliseconds() -> None:
    told: list[int] = []
    found = time_rows(
        {"slow": lambda texts: time.sleep(0.02), "quick": lambda texts: None},
        ["x", "y", "z"],
        rounds=2,
        progress=told.append,
    )
    assert found["slow"].shape == (2, 3)
    told_of = {name: percentiles(times, confidence=0.95, seed=1) for name, times in found.items()}
    slow, quick = told_of["slow"], told_of["quick"]
    assert slow["p50"] >= 20
    assert quick["p50"] < slow["p50"]
    assert slow["p50"] <= slow["p90"] <= slow["p95"]
    assert slow["p95_bounds"][0] <= slow["p95"] <= slow["p95_bounds"][1]
    assert told == [1, 2, 3, 4, 5, 6]


def test_bounds_of_a_ratio_hold_the_true_one() -> None:
    """Two models of the same speed, and one that takes 1.3 times as long, on a machine with noise."""
    generator, held = np.random.default_rng(1), 0
    for seed in range(40):
        rows = generator.lognormal(1.0, 0.4, 64)
        mine, same = (rows * generator.lognormal(0, 0.1, (2, 64)) for _ in range(2))
        low, high = ratio_bounds(mine, same, confidence=0.95, seed=seed)
        held += low <= 1 <= high
        assert low < high
        assert ratio_bounds(1.3 * mine, same, confidence=0.95, seed=seed)[0] > 1
    assert held >= 32  # 90 % by the two bounds together


def test_the_same_times_give_the_same_bounds() -> None:
    times = np.arange(1.0, 17.0).reshape(2, 8)
    assert ratio_bounds(times, times, confidence=0.95, seed=3) == [1.0, 1.0]
    assert ratio_bounds(times, times + 1, confidence=0.95, seed=3) == ratio_bounds(
        times, times + 1, confidence=0.95, seed=3
    )


def test_bounds_of_percentiles_hold_the_true_ones() -> None:
    """95 of 100 rows of a log-normal are below 8.69, the half below 2.72."""
    generator, held = np.random.default_rng(2), np.zeros(2)
    for seed in range(40):
        found = bounds_of(generator.lognormal(1.0, 0.7, (1, 200)), confidence=0.95, seed=seed)
        held += [
            found["p50_bounds"][0] <= 2.718 <= found["p50_bounds"][1],
            found["p95_bounds"][0] <= 8.597 <= found["p95_bounds"][1],
        ]
    assert held.min() >= 32  # 90 % by the two bounds together


def test_rounds_of_one_row_are_no_further_rows() -> None:
    times = np.random.default_rng(3).lognormal(1.0, 0.7, (1, 30))
    once, often = (bounds_of(np.repeat(times, rounds, axis=0), confidence=0.95, seed=1) for rounds in (1, 50))
    assert often["p50_bounds"] == once["p50_bounds"]
