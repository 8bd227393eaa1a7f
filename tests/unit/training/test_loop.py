"""What the one loop promises to each step that trains."""

import copy
import math
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from stillhouse.components.training import loop
from stillhouse.components.training.loop import Evaluation, Unfreezing
from stillhouse.components.training.score import mean_loss
from stillhouse.errors import UserError

Toy = Any
"""conftest.Toy"""
NAN, INF = float("nan"), float("inf")


def scripted(values: list[float], seen: list[dict[str, torch.Tensor]] | None = None) -> Evaluation:
    """An evaluation that finds `values` one after another, and keeps the weights it was shown."""
    left = iter(values)

    def measure(model: nn.Module) -> dict[str, float]:
        if seen is not None:
            seen.append(copy.deepcopy(model.state_dict()))
        return {"score": next(left)}

    return Evaluation(measure, "score")


def asked_of(training: Any) -> list[list[int]]:
    """Rows of each micro-batch in the order they were asked for."""
    return training.samples.asked


def test_a_toy_is_learnt(toy: Toy) -> None:
    training = toy.make(epochs=15, evaluation=toy.accuracy())
    before = mean_loss(training.model, training.samples, training.loss, training.settings)
    training.run()
    after = mean_loss(training.model, training.samples, training.loss, training.settings)
    assert before > 0.6
    assert after < 0.2
    assert training.history.points[-1]["accuracy"] > 0.9


def test_the_history_holds_the_curve_of_the_loss(toy: Toy) -> None:
    training = toy.make()
    training.run()
    curve = toy.record.curve("train/loss")
    assert training.history.losses == [list(point) for point in curve.items()]
    assert training.history.losses[-1][0] == training.num_steps


def test_two_trainings_from_one_seed_are_bit_equal(toy: Toy) -> None:
    one, other = toy.make(dropout=0.3), toy.make(dropout=0.3)
    one.run()
    other.run()
    assert toy.difference(toy.weights(one), toy.weights(other)) == 0


def test_another_seed_makes_another_model(toy: Toy) -> None:
    one, other = toy.make(seed=1), toy.make(seed=2)
    one.run()
    other.run()
    assert toy.difference(toy.weights(one), toy.weights(other)) > 0.01


def test_dropout_does_not_depend_on_what_was_drawn_before(toy: Toy) -> None:
    one, other = toy.make(dropout=0.3), toy.make(dropout=0.3)
    one.run()
    torch.rand(17)
    other.run()
    assert toy.difference(toy.weights(one), toy.weights(other)) == 0


def test_accumulated_micro_batches_equal_one_large_batch(toy: Toy) -> None:
    large, small = toy.make(), toy.make()
    small.history.micro_batch_units = 40  # the same batches: it is as if memory had run out
    large.run()
    small.run()
    assert len(asked_of(small)) > 3 * small.num_steps
    assert toy.difference(toy.weights(large), toy.weights(small)) < 1e-6


def test_the_best_weights_are_left_in_the_model(toy: Toy) -> None:
    seen: list[dict[str, torch.Tensor]] = []
    training = toy.make(epochs=4, evaluation=scripted([0.1, 0.9, 0.5, 0.8], seen))
    history = training.run()
    assert toy.difference(toy.weights(training), seen[1]) == 0
    assert toy.difference(toy.weights(training), seen[3]) > 0
    assert (history.best, history.best_step) == (0.9, sum(training.plan.sizes[:2]))


def test_the_latest_weights_within_a_standard_error_of_the_best_can_be_kept(toy: Toy) -> None:
    seen: list[dict[str, torch.Tensor]] = []
    values = scripted([0.1, 0.9, 0.85, 0.7], seen).measure
    evaluation = Evaluation(values, "score", standard_error=lambda: 0.1)
    training = toy.make(epochs=4, keep="latest", evaluation=evaluation)
    history = training.run()
    assert toy.difference(toy.weights(training), seen[2]) == 0
    assert (history.best, history.best_step) == (0.85, sum(training.plan.sizes[:3]))


def test_the_standard_error_counts_from_the_best_value_and_not_from_the_weights_that_are_kept(toy: Toy) -> None:
    values = scripted([0.9, 0.85, 0.77]).measure
    evaluation = Evaluation(values, "score", standard_error=lambda: 0.1)
    assert toy.make(epochs=3, keep="latest", evaluation=evaluation).run().best == 0.85


@pytest.mark.parametrize(("keep", "best"), [("best", 1.0), ("latest", 1.5)])
def test_of_what_is_the_better_the_less_it_is_a_standard_error_lies_above(toy: Toy, keep: str, best: float) -> None:
    values = scripted([3.0, 1.0, 1.5]).measure
    evaluation = Evaluation(values, "score", greater_is_better=False, standard_error=lambda: 0.6)
    assert toy.make(epochs=3, keep=keep, evaluation=evaluation).run().best == best


def test_a_measure_can_be_the_better_the_less_it_is(toy: Toy) -> None:
    seen: list[dict[str, torch.Tensor]] = []
    down = scripted([3.0, 1.0, 2.0], seen)
    training = toy.make(epochs=3, evaluation=Evaluation(down.measure, "score", greater_is_better=False))
    assert training.run().best == 1.0
    assert toy.difference(toy.weights(training), seen[1]) == 0


@pytest.mark.parametrize("values", [[NAN, 0.9, 0.5], [0.1, 0.9, NAN], [INF, 0.9, 0.1]])
@pytest.mark.parametrize("greater", [True, False])
def test_an_evaluation_that_is_not_finite_is_never_the_best(toy: Toy, values: list[float], greater: bool) -> None:
    measure = scripted(values if greater else [-value for value in values]).measure
    training = toy.make(epochs=3, evaluation=Evaluation(measure, "score", greater_is_better=greater))
    training.run()
    assert training.history.best == (0.9 if greater else -0.9)
    assert training.history.best_step == training.history.points[1]["step"]


def test_where_a_value_does_not_tell_which_weights_are_better_the_last_finite_ones_are_kept(toy: Toy) -> None:
    measure = scripted([0.5, 0.9, 0.1, NAN]).measure
    training = toy.make(epochs=4, patience=2, evaluation=Evaluation(measure, "score", greater_is_better=None))
    training.run()
    assert (training.history.best, len(training.history.points)) == (0.1, 4)
    assert training.history.best_step == training.history.points[2]["step"]


def test_evaluations_that_are_not_finite_use_up_the_patience(toy: Toy) -> None:
    training = toy.make(epochs=20, patience=2, evaluation=scripted([0.5, NAN, NAN, 0.9]))
    training.run()
    assert (training.history.best, len(training.history.points)) == (0.5, 3)


def test_a_training_without_any_finite_evaluation_says_so(toy: Toy) -> None:
    training = toy.make(epochs=2, evaluation=scripted([NAN, INF]))
    with pytest.raises(UserError, match=r"^no evaluation gave a finite score: the training diverged; lower optim"):
        training.run()


def test_weights_that_are_not_finite_end_it_with_the_best_ones_before(toy: Toy) -> None:
    def measure(model: nn.Module) -> dict[str, float]:
        if training.history.points:
            with torch.no_grad():
                next(model.parameters())[5] = NAN
            return {"score": NAN}
        return {"score": 0.5}

    training = toy.make(epochs=20, evaluation=Evaluation(measure, "score"))
    training.run()
    assert len(training.history.points) == 2
    assert all(bool(weights.isfinite().all()) for weights in toy.weights(training).values())


def test_the_mean_loss_of_nothing_is_not_a_number(toy: Toy) -> None:
    training = toy.make()
    nothing = lambda model, batch: (torch.zeros(()), 0)  # noqa: E731
    assert math.isnan(mean_loss(training.model, training.samples, nothing, training.settings))


def test_without_an_evaluation_the_last_weights_stay(toy: Toy) -> None:
    one, other = toy.make(), toy.make(evaluation=scripted([1.0, 2.0, 3.0, 4.0]))
    one.run()
    other.run()
    assert toy.difference(toy.weights(one), toy.weights(other)) == 0


def test_it_stops_after_so_many_evaluations_without_a_better_one(toy: Toy) -> None:
    training = toy.make(epochs=20, patience=2, evaluation=scripted([0.5, 0.6, 0.6, 0.4, 0.9]))
    history = training.run()
    assert [point["score"] for point in history.points] == [0.5, 0.6, 0.6, 0.4]
    assert history.step == sum(training.plan.sizes[:4])


def test_an_evaluation_that_gets_better_starts_the_patience_anew(toy: Toy) -> None:
    history = toy.make(epochs=5, patience=2, evaluation=scripted([0.5, 0.4, 0.6, 0.5, 0.7])).run()
    assert len(history.points) == 5


def test_evaluations_are_spread_over_the_epoch_and_end_with_it(toy: Toy) -> None:
    history = toy.make(epochs=2, evaluations_per_epoch=3, evaluation=scripted([0.0] * 6)).run()
    epochs = [point["epochs"] for point in history.points]
    assert epochs == pytest.approx([1 / 3, 2 / 3, 1, 4 / 3, 5 / 3, 2], abs=0.1)
    assert epochs[2] == 1
    assert epochs[5] == 2


def test_dropout_is_on_while_it_learns_and_off_while_it_is_evaluated(toy: Toy) -> None:
    training = toy.make(epochs=2, evaluation=Evaluation(lambda model: {"score": float(model.training)}, "score"))
    learning: list[bool] = []
    toy.record.after_step = lambda step: learning.append(training.model.training)
    history = training.run()
    assert [point["score"] for point in history.points] == [0.0, 0.0]
    ends = [training.plan.sizes[0] - 1, training.num_steps - 1]
    assert [mode for step, mode in enumerate(learning) if step not in ends] == [True] * (training.num_steps - 2)


def test_frozen_parameters_do_not_change(toy: Toy) -> None:
    training = toy.make(unfreezing=Unfreezing(level=2))
    before = toy.weights(training)
    training.run()
    changed = {name for name, tensor in toy.weights(training).items() if not tensor.equal(before[name])}
    assert changed == {name for name in before if name.startswith(("encoder.layer.1", "words", "classifier"))}


def test_frozen_layers_learn_again_from_the_top(toy: Toy) -> None:
    seen: list[dict[str, torch.Tensor]] = []
    evaluation = scripted([0.1, 0.2, 0.3, 0.4], seen)
    training = toy.make(epochs=4, unfreezing=Unfreezing(level=3, every=1), evaluation=evaluation)
    states = [toy.weights(training)]
    training.run()
    states += seen
    learnt = [
        {name.rsplit(".", 2)[0] for name in states[0] if not later[name].equal(earlier[name])}
        for earlier, later in zip(states, seen, strict=False)
    ]
    assert all({"words", "classifier"} <= names for names in learnt)
    assert [names - {"words", "classifier"} for names in learnt] == [
        set(),
        {"encoder.layer.1"},
        {"encoder.layer.1", "encoder.layer.0"},
        {"encoder.layer.1", "encoder.layer.0", "embeddings"},
    ]


def test_unfreezing_follows_the_epochs() -> None:
    assert [Unfreezing(level=3, every=2).at(epoch) for epoch in range(9)] == [3, 3, 2, 2, 1, 1, 0, 0, 0]
    assert [Unfreezing(level=3).at(epoch) for epoch in range(3)] == [3, 3, 3]


def test_the_curves_hold_the_loss_of_the_steps_since_the_last_point(toy: Toy) -> None:
    training = toy.make(epochs=1)
    training.run()
    losses = toy.record.curve("train/loss")
    assert list(losses) == list(range(1, training.num_steps + 1))
    assert sum(losses.values()) / len(losses) == pytest.approx(0.69, abs=0.2)


def test_a_long_training_has_few_points_at_fixed_steps(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "CURVE_POINTS", 6)
    training = toy.make(epochs=5)
    training.run()
    steps = list(toy.record.curve("train/loss"))
    every = steps[0]
    assert len(steps) <= 7
    assert steps == sorted({*range(every, training.num_steps + 1, every), training.num_steps})


def test_every_evaluation_is_a_point_of_the_validation_curves(toy: Toy) -> None:
    training = toy.make(epochs=3, evaluation=scripted([0.3, 0.2, 0.4]))
    history = training.run()
    assert list(toy.record.curve("validation/score").values()) == [0.3, 0.2, 0.4]
    assert list(toy.record.curve("validation/score")) == [point["step"] for point in history.points]


def test_tokens_are_real_ones_and_the_fill_ratio_tells_the_rest(toy: Toy) -> None:
    training = toy.make(epochs=2, micro_batch_tokens=4096)
    figures = training.run().summary("token")
    lengths = training.samples.lengths
    padded = sum(len(step.rows) * lengths[step.rows].max() for step in training.plan.steps())
    assert figures["tokens"] == 2 * lengths.sum()
    assert figures["fill_ratio"] == pytest.approx(2 * lengths.sum() / padded)
    assert 0 <= figures["data_wait_share"] < 1


def test_the_mean_loss_does_not_depend_on_how_samples_are_cut(toy: Toy) -> None:
    training = toy.make()
    found = [
        mean_loss(training.model, training.samples, training.loss, toy.make(micro_batch_tokens=budget).settings)
        for budget in (16, 100, 10_000)
    ]
    assert np.ptp(found) < 1e-6


def test_a_slow_store_makes_checkpoints_rare_and_not_training_slow(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    free, keys = threading.Event(), []
    put_folder = toy.store.put_folder

    def slow(folder: Path, key: str) -> None:
        assert free.wait(60), "training waits for the store"
        keys.append(key)
        put_folder(folder, key)

    monkeypatch.setattr(toy.store, "put_folder", slow)
    training = toy.make(checkpoints=toy.checkpoints(), checkpoint_seconds=1e-9)
    toy.record.after_step = lambda step: free.set() if step == training.num_steps else None
    training.run()
    training.checkpoints.wait()
    assert keys[0].endswith("/000000001")
    assert len(keys) <= 2


def test_gradients_are_clipped_to_the_norm(toy: Toy) -> None:
    free, clipped = (
        toy.make(epochs=1, optimizer={"max_grad_norm": norm, "weight_decay": 0.0}) for norm in (1e3, 1e-12)
    )
    before = toy.weights(clipped)
    free.run()
    clipped.run()
    assert toy.difference(toy.weights(free), before) > 0.01
    assert toy.difference(toy.weights(clipped), before) < 1e-4
