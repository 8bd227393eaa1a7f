"""Batches by token budget are a pure function of the lengths, the seed and the epoch."""

from typing import Any

import numpy as np
import pytest

from stillhouse.components.training import batches as module
from stillhouse.components.training.batches import Plan, plan_epoch, split_by_padded_tokens

BUDGET = 2048


@pytest.fixture(scope="module")
def ragged() -> np.ndarray:
    """Lengths as real texts have them: most short, some many times longer."""
    return np.random.default_rng(3).lognormal(4, 0.9, size=3000).astype(int).clip(4, 512)


def plan(lengths: np.ndarray, seed: int = 1, epoch: int = 0, micro_batch_tokens: int = BUDGET) -> list[np.ndarray]:
    return plan_epoch(lengths, batch_tokens=BUDGET, micro_batch_tokens=micro_batch_tokens, seed=seed, epoch=epoch)


def cut(lengths: np.ndarray, budget: int = BUDGET) -> list[np.ndarray]:
    """The micro-batches of an epoch."""
    return [rows for batch in plan(lengths) for rows in split_by_padded_tokens(batch, lengths, budget)]


def orders(batches: list[np.ndarray]) -> list[list[int]]:
    return [rows.tolist() for rows in batches]


@pytest.mark.parametrize("micro_batch_tokens", [BUDGET, BUDGET // 3, 16])
@pytest.mark.parametrize("num_rows", [1, 2, 7, 3000])
def test_every_row_comes_exactly_once(ragged: np.ndarray, num_rows: int, micro_batch_tokens: int) -> None:
    batches = plan(ragged[:num_rows], micro_batch_tokens=micro_batch_tokens)
    assert sorted(np.concatenate(batches)) == list(range(num_rows))
    assert all(len(rows) for rows in batches)


def test_every_batch_holds_about_the_budget_in_real_tokens(ragged: np.ndarray) -> None:
    tokens = np.array([ragged[rows].sum() for rows in plan(ragged)])
    assert np.abs(tokens - BUDGET).max() <= ragged.max() + BUDGET * 0.05


def test_a_batch_of_several_passes_holds_every_range_of_lengths_as_a_random_one_would(ragged: np.ndarray) -> None:
    def spread(batches: list[np.ndarray]) -> float:
        """How far the mean lengths of batches lie apart."""
        return float(np.std([ragged[rows].mean() for rows in batches]))

    assert spread(plan(ragged, micro_batch_tokens=BUDGET // 4)) < 0.25 * spread(plan(ragged))


def test_batches_of_several_passes_are_padded_little_too(ragged: np.ndarray) -> None:
    batches = plan(ragged, micro_batch_tokens=BUDGET // 2)
    passes = [rows for batch in batches for rows in split_by_padded_tokens(batch, ragged, BUDGET // 2)]
    assert ragged.sum() / sum(len(rows) * ragged[rows].max() for rows in passes) > 0.85


def test_the_rows_of_a_batch_are_sorted_by_length(ragged: np.ndarray) -> None:
    assert all((np.diff(ragged[rows]) >= 0).all() for rows in plan(ragged, micro_batch_tokens=BUDGET // 3))


def test_the_padded_size_of_a_micro_batch_stays_within_its_budget(ragged: np.ndarray) -> None:
    assert all(len(rows) * ragged[rows].max() <= 700 for rows in cut(ragged, 700))


def test_a_row_longer_than_the_budgets_passes_alone() -> None:
    lengths = np.array([10] * 50 + [5000] + [10] * 50)
    micro_batches = orders(cut(lengths))
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

    sorted_in_windows = fill_ratio(cut(ragged))
    at_random = fill_ratio(np.array_split(np.random.default_rng(1).permutation(3000), len(plan(ragged))))
    assert at_random < 0.4
    assert sorted_in_windows > 0.95


def test_short_and_long_batches_come_in_random_order(ragged: np.ndarray) -> None:
    longest = [ragged[rows].max() for rows in plan(ragged)]
    assert abs(np.corrcoef(longest, np.arange(len(longest)))[0, 1]) < 0.3


@pytest.mark.parametrize("done", [0, 1, 40, 60, 121])
def test_the_steps_that_are_left_are_the_last_of_all(ragged: np.ndarray, done: int) -> None:
    whole = Plan(ragged, batch_tokens=BUDGET, micro_batch_tokens=BUDGET, seed=1, num_epochs=2)
    every = [(step.epoch, step.index, step.rows.tolist()) for step in whole.steps()]
    assert [(step.epoch, step.index, step.rows.tolist()) for step in whole.steps(done)] == every[done:]
    assert len(every) == whole.num_steps == sum(whole.sizes)
    assert [rows for epoch, _, rows in every if epoch == 1] == orders(plan(ragged, epoch=1))


def test_batches_of_past_epochs_are_not_planned_again(ragged: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    planned: list[int] = []

    def counted(*arguments: Any, epoch: int, **options: Any) -> list[np.ndarray]:
        planned.append(epoch)
        return plan_epoch(*arguments, epoch=epoch, **options)

    monkeypatch.setattr(module, "plan_epoch", counted)
    whole = Plan(ragged, batch_tokens=BUDGET, micro_batch_tokens=BUDGET, seed=1, num_epochs=5)
    planned.clear()
    steps = whole.steps(whole.sizes[0] + whole.sizes[1] + 3)
    assert next(steps).epoch == 2
    assert planned == [2]
