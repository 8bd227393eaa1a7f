"""Batches by token budget are a pure function of the lengths, the seed and the epoch."""

import numpy as np
import pytest

from stillhouse.components.training.batches import Batch, plan_epoch

BUDGET = 2048


@pytest.fixture(scope="module")
def ragged() -> np.ndarray:
    """Lengths as real texts have them: most short, some many times longer."""
    return np.random.default_rng(3).lognormal(4, 0.9, size=3000).astype(int).clip(4, 512)


def plan(lengths: np.ndarray, seed: int = 1, epoch: int = 0, micro: int = BUDGET) -> list[Batch]:
    return plan_epoch(lengths, batch_tokens=BUDGET, micro_batch_tokens=micro, seed=seed, epoch=epoch)


def orders(batches: list[Batch]) -> list[list[int]]:
    return [batch.rows.tolist() for batch in batches]


@pytest.mark.parametrize("num_rows", [1, 2, 7, 3000])
def test_every_row_comes_exactly_once(ragged: np.ndarray, num_rows: int) -> None:
    rows = np.concatenate([batch.rows for batch in plan(ragged[:num_rows])])
    assert sorted(rows) == list(range(num_rows))


def test_every_batch_holds_about_the_budget_in_real_tokens(ragged: np.ndarray) -> None:
    tokens = np.array([ragged[batch.rows].sum() for batch in plan(ragged)])
    assert np.abs(tokens - BUDGET).max() <= ragged.max() + BUDGET * 0.05


def test_the_padded_size_of_a_micro_batch_stays_within_its_budget(ragged: np.ndarray) -> None:
    micro_batches = [rows for batch in plan(ragged, micro=700) for rows in batch.micro_batches]
    assert all(len(rows) * ragged[rows].max() <= 700 for rows in micro_batches)


def test_a_row_longer_than_the_budgets_passes_alone() -> None:
    lengths = np.array([10] * 50 + [5000] + [10] * 50)
    micro_batches = [rows.tolist() for batch in plan(lengths) for rows in batch.micro_batches]
    assert [50] in micro_batches
    assert all(micro_batches)


def test_the_same_seed_and_epoch_make_the_same_plan(ragged: np.ndarray) -> None:
    assert orders(plan(ragged, seed=4, epoch=2)) == orders(plan(ragged, seed=4, epoch=2))


@pytest.mark.parametrize(("seed", "epoch"), [(4, 3), (5, 2)])
def test_another_seed_or_epoch_makes_another_plan(ragged: np.ndarray, seed: int, epoch: int) -> None:
    assert orders(plan(ragged, seed=4, epoch=2)) != orders(plan(ragged, seed=seed, epoch=epoch))


def test_little_is_padded_where_random_batches_would_pad_most(ragged: np.ndarray) -> None:
    def fill_ratio(groups: list[np.ndarray]) -> float:
        return ragged.sum() / sum(len(rows) * ragged[rows].max() for rows in groups)

    sorted_in_windows = fill_ratio([rows for batch in plan(ragged) for rows in batch.micro_batches])
    at_random = fill_ratio(np.array_split(np.random.default_rng(1).permutation(3000), len(plan(ragged))))
    assert at_random < 0.4
    assert sorted_in_windows > 0.95


def test_short_and_long_batches_come_in_random_order(ragged: np.ndarray) -> None:
    longest = [ragged[batch.rows].max() for batch in plan(ragged)]
    assert abs(np.corrcoef(longest, np.arange(len(longest)))[0, 1]) < 0.3
