"""A training that was stopped goes on to the very bits of one that was not."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from stillhouse.components.training.loop import Evaluation, Training, Unfreezing
from stillhouse.components.training.preemption import Preempted

Toy = Any
"""conftest.Toy"""

TRAININGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "dropout": {"dropout": 0.3},
    "another view in each epoch": {"noise": True},
    "micro-batches": {"micro_batch_tokens": 40},
    "tied weights": {"tied": True},
    "unfreezing": {"unfreezing": Unfreezing(level=3, every=1)},
    "momentum": {"optimizer": {"name": "sgd", "learning_rate": 0.1}, "unfreezing": Unfreezing(level=3, every=1)},
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


def in_a_process(work: Callable[[], object]) -> int:
    """How a fork of this process that does `work` ends: its exit code, or minus the signal."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dies_after_step(toy: Toy, count: int) -> None:
    toy.record.after_step = lambda step: die() if step == count else None


def dies_while_it_writes(toy: Toy, count: int) -> None:
    """Before something is forced to the disk: a file, the manifest, the folder or the one above."""
    fsync, left = os.fsync, iter(range(count - 1, -1, -1))

    def last(fd: Any) -> None:
        if threading.current_thread().name.startswith("checkpoint") and next(left) == 0:
            die()
        fsync(fd)

    os.fsync = last  # in the process that dies


@pytest.mark.parametrize(
    ("dies", "count", "num_workers"),
    [
        (dies_after_step, 2, 0),
        (dies_after_step, 15, 2),
        (dies_while_it_writes, 2, 0),
        (dies_while_it_writes, 8, 0),
        (dies_while_it_writes, 9, 2),
        (dies_while_it_writes, 16, 0),
    ],
)
def test_after_kill_9_it_goes_on_bit_equal(toy: Toy, dies: Callable[..., None], count: int, num_workers: int) -> None:
    options = {"noise": True, "dropout": 0.3, "micro_batch_tokens": 40, "num_workers": num_workers}
    unbroken = toy.make(evaluation=toy.accuracy(), **options)
    unbroken.run()
    expected = outcome(toy, unbroken)

    options |= {"checkpoints": toy.checkpoints(), "checkpoint_seconds": 1e-9}
    killed = toy.make(evaluation=toy.accuracy(), **options)

    def work() -> None:
        dies(toy, count)
        killed.run()

    assert in_a_process(work) == -signal.SIGKILL
    resumed = toy.make(evaluation=toy.accuracy(), **options)
    resumed.run()

    assert toy.difference(toy.weights(resumed), toy.weights(unbroken)) == 0
    found = outcome(toy, resumed)
    assert found["history"] == expected["history"]
    assert found["curves"].items() <= expected["curves"].items()
    if num_workers == 0:  # else others are asked
        assert found["asked"] == expected["asked"][-len(found["asked"]) :]


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
