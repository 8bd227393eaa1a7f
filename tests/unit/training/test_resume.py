"""A training that was stopped goes on to the very bits of one that was not."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from stillhouse.components.training.loop import Evaluation, Thaw, Training
from stillhouse.components.training.preemption import Preempted

Toy = Any
"""conftest.Toy"""

TRAININGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "dropout": {"dropout": 0.3},
    "another view in each epoch": {"noise": True},
    "micro-batches": {"micro_batch_tokens": 40},
    "tied weights": {"tied": True},
    "thawing": {"thaw": Thaw(level=3, every=1)},
    "early stopping": {"epochs": 12, "patience": 3, "optimizer": {"learning_rate": 0.3}},
}


def outcome(toy: Toy, training: Training, **kept: Any) -> dict[str, Any]:
    """All that must be the same: points of the curves but times, history, which samples were asked for."""
    timed = {"train/tokens_per_second", "train/data_wait_share"}
    curves = {
        (step, name): value
        for step, values in [*kept.get("points", []), *toy.record.points]
        for name, value in values.items()
        if name not in timed
    }
    history = {name: value for name, value in vars(training.history).items() if "seconds" not in name}
    return {"curves": curves, "history": history, "asked": asked_of(training)}


def asked_of(training: Training) -> list[list[int]]:
    """Rows of each micro-batch in the order they were asked for."""
    samples: Any = training.samples
    return samples.asked


def run_stopped(toy: Toy, steps: int, stop: Callable[[], object], **options: Any) -> tuple[list[Any], list[Any]]:
    """Run until `stop` is called after so many steps; its points and the samples it asked for."""
    training = toy.make(**{"evaluation": toy.accuracy(), "checkpoints": toy.checkpoints(), **options})

    def after_step(step: int) -> None:
        training.checkpoints.wait()  # else the next one is left out
        if step == steps:
            stop()

    toy.record.after_step = after_step
    with pytest.raises((Preempted, ZeroDivisionError)):
        training.run()
    training.checkpoints.wait()
    return toy.record.points, asked_of(training)


def sigterm() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("stop_after", [1, 7, 10, 16])
@pytest.mark.parametrize("options", TRAININGS.values(), ids=TRAININGS)
def test_after_sigterm_it_goes_on_bit_equal(toy: Toy, options: dict[str, Any], stop_after: int) -> None:
    unbroken = toy.make(evaluation=toy.accuracy(), **options)
    unbroken.run()
    expected = outcome(toy, unbroken)

    points, asked = run_stopped(toy, stop_after, sigterm, **options)
    resumed = toy.make(evaluation=toy.accuracy(), checkpoints=toy.checkpoints(), **options)
    resumed.run()

    assert toy.difference(toy.weights(resumed), toy.weights(unbroken)) == 0
    found = outcome(toy, resumed, points=points)
    assert found["curves"] == expected["curves"]
    assert found["history"] == expected["history"]
    assert asked + found["asked"] == expected["asked"]


def test_it_was_within_an_epoch_and_at_its_end(toy: Toy) -> None:
    """The steps after which the test above stops."""
    assert toy.make().plan.sizes == [7, 7, 7, 7]


def test_the_best_weights_from_before_the_stop_are_restored(toy: Toy) -> None:
    start = toy.weights(toy.make())
    nearest = Evaluation(lambda model: {"nearness": -toy.difference(model.state_dict(), start)}, "nearness")
    unbroken = toy.make(evaluation=nearest)
    assert unbroken.run().best_step == 7

    run_stopped(toy, 16, sigterm, evaluation=nearest)
    resumed = toy.make(evaluation=nearest, checkpoints=toy.checkpoints())
    assert resumed.run().best_step == 7
    assert toy.difference(toy.weights(resumed), toy.weights(unbroken)) == 0


def test_after_a_crash_it_goes_on_from_the_periodic_checkpoint(toy: Toy) -> None:
    unbroken = toy.make(evaluation=toy.accuracy())
    unbroken.run()

    run_stopped(toy, 11, lambda: 1 // 0, checkpoint_seconds=1e-9)
    resumed = toy.make(evaluation=toy.accuracy(), checkpoints=toy.checkpoints())
    resumed.run()

    assert toy.record.steps == unbroken.num_steps - 10
    assert toy.difference(toy.weights(resumed), toy.weights(unbroken)) == 0


def test_a_damaged_newest_checkpoint_costs_the_steps_since_the_one_before(toy: Toy, tmp_path: Path) -> None:
    unbroken = toy.make(evaluation=toy.accuracy())
    unbroken.run()

    run_stopped(toy, 11, lambda: 1 // 0, checkpoint_seconds=1e-9)
    newest = tmp_path / "store/checkpoints/toy/000000010/tensors.safetensors"
    newest.write_bytes(newest.read_bytes()[:100])
    resumed = toy.make(evaluation=toy.accuracy(), checkpoints=toy.checkpoints())
    resumed.run()

    assert toy.record.steps == unbroken.num_steps - 9
    assert toy.difference(toy.weights(resumed), toy.weights(unbroken)) == 0


def test_it_can_be_stopped_again_and_again(toy: Toy) -> None:
    unbroken = toy.make(dropout=0.2, evaluation=toy.accuracy())
    unbroken.run()

    for steps in (3, 1, 9):
        run_stopped(toy, steps, sigterm, dropout=0.2)
    resumed = toy.make(dropout=0.2, evaluation=toy.accuracy(), checkpoints=toy.checkpoints())
    resumed.run()

    assert toy.record.steps == unbroken.num_steps - 13
    assert toy.difference(toy.weights(resumed), toy.weights(unbroken)) == 0


def test_a_training_that_is_resumed_at_its_end_has_nothing_left_to_do(toy: Toy) -> None:
    run_stopped(toy, 28, sigterm)
    resumed = toy.make(evaluation=toy.accuracy(), checkpoints=toy.checkpoints())
    history = resumed.run()
    assert toy.record.steps == 0
    assert history.step == 28


def test_without_checkpoints_sigterm_still_stops_it(toy: Toy) -> None:
    training = toy.make()
    toy.record.after_step = lambda step: sigterm() if step == 3 else None
    with pytest.raises(Preempted, match="stopped at step 3 of 28"):
        training.run()


def test_the_optimizer_goes_on_with_its_moments(toy: Toy) -> None:
    run_stopped(toy, 5, sigterm)
    resumed = toy.make(checkpoints=toy.checkpoints())
    resumed._resume()
    steps = {float(state["step"]) for state in resumed.optimizer.state.values()}
    assert steps == {5.0}
    assert all(torch.any(state["exp_avg"] != 0) for state in resumed.optimizer.state.values())
