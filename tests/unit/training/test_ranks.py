"""Processes that train together do what one does with the same global batch.

Tolerance: the same gradients are added up in other groups, and float32 sums depend on their order in the last bits
(relative 6e-8 each). AdamW divides by the gradient's own size, so that after some tens of steps at a learning rate of
0.02 losses and weights differ by less than 1e-5. Dropout is off there: each process draws masks of its own.
"""

import os
import signal
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import nn

from stillhouse.components.training.loop import Unfreezing
from stillhouse.components.training.preemption import Preempted
from stillhouse.components.training.ranks import Ranks

Toy = Any
"""conftest.Toy"""
Together = Callable[..., Any]
"""conftest.together"""
TOLERANCE = 1e-5
COUNTED = ("step", "units", "loss_weight", "best_step", "stale", "stopped")


def trained(toy: Toy, **options: Any) -> dict[str, Any]:
    """What a training of the toy leaves behind."""
    training = toy.make(**options)
    history = training.run()
    return {
        "weights": toy.weights(training),
        "losses": toy.record.curve("train/loss"),
        "validation": toy.record.curve("validation/loss"),
        "counted": {name: getattr(history, name) for name in COUNTED},
        "micro_batch_tokens": history.micro_batch_units,
    }


def on_rank(rank: int, act: Callable[[], Any]) -> None:
    if Ranks.current().rank == rank:
        act()


@pytest.fixture
def same(toy: Toy, together: Together) -> Callable[..., None]:
    """Asserts that a training is the same in one process and in several."""

    def compare(size: int = 2, **options: Any) -> None:
        alone, shared = trained(toy, **options), together(lambda: trained(toy, **options), size)
        assert shared["losses"] == pytest.approx(alone["losses"], rel=TOLERANCE, abs=0)
        assert shared["validation"] == pytest.approx(alone["validation"], rel=TOLERANCE, abs=0)
        assert toy.difference(shared["weights"], alone["weights"]) < TOLERANCE
        assert shared["counted"] == alone["counted"]

    return compare


@pytest.mark.parametrize("size", [2, 3])
def test_losses_weights_and_tokens_are_those_of_one_process(same: Callable[..., None], size: int) -> None:
    same(size, epochs=6, noise=True)


def test_batches_of_several_micro_batches_add_up(same: Callable[..., None]) -> None:
    same(micro_batch_tokens=40)


def test_a_process_without_a_row_of_a_small_batch_takes_part(same: Callable[..., None], toy: Toy) -> None:
    assert any(len(step.rows) == 1 for step in toy.make(batch_tokens=20, epochs=1).plan.steps())
    same(batch_tokens=20, epochs=1)


def test_the_first_one_evaluates_and_all_stop_early(same: Callable[..., None], toy: Toy) -> None:
    options = {"evaluation": toy.accuracy(), "patience": 2, "epochs": 40}
    same(**options)
    assert trained(toy, **options)["counted"]["stopped"]


def test_layers_are_unfrozen_in_all(same: Callable[..., None]) -> None:
    same(unfreezing=Unfreezing(level=3, every=1))


def test_a_parameter_without_a_gradient_is_left_alone(toy: Toy, together: Together) -> None:
    """Weight decay would move it if its gradient were taken for zero."""

    def unused() -> float:
        training = toy.make(optimizer={"weight_decay": 0.5})
        training.model.register_parameter("unused", nn.Parameter(torch.ones(2, 2)))
        training.run()
        return training.model.get_parameter("unused").sum().item()

    assert together(unused) == 4.0


@pytest.mark.parametrize("rank", [0, 1])
def test_where_memory_runs_out_in_one_all_halve_their_micro_batches(toy: Toy, together: Together, rank: int) -> None:
    def short() -> dict[str, Any]:
        training = toy.make()
        training.loss = limited(training.loss)
        training.run()
        return {"weights": toy.weights(training), "micro_batch_tokens": training.history.micro_batch_units}

    def limited(loss: Any) -> Any:
        def loss_or_not(model: nn.Module, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, int]:
            if batch["input_ids"].numel() > 40:
                on_rank(rank, run_out)
            return loss(model, batch)

        return loss_or_not

    found, enough = together(short), trained(toy)
    assert 0 < found["micro_batch_tokens"] <= 40
    assert 0 < toy.difference(found["weights"], enough["weights"]) < TOLERANCE


def run_out() -> None:
    raise torch.OutOfMemoryError("simulated")


def test_a_signal_to_one_stops_all_after_the_same_step_with_a_checkpoint(toy: Toy, together: Together) -> None:
    """And they go on from there, with dropout, to the very weights of an unbroken training in two processes."""
    options = {"dropout": 0.3, "noise": True, "evaluation": toy.accuracy(), "checkpoint_seconds": 1e9}

    def stopped() -> tuple[str, int]:
        training = toy.make(**options, checkpoints=toy.checkpoints())
        toy.record.after_step = lambda step: (
            on_rank(1, lambda: os.kill(os.getpid(), signal.SIGTERM)) if step == 9 else None
        )
        with pytest.raises(Preempted) as error:
            training.run()
        return str(error.value), training.history.step

    said, step = together(stopped)
    assert said == f"stopped at step {step} of 28; the same command goes on from there"
    assert step in (9, 10)
    resumed = together(lambda: trained(toy, **options, checkpoints=toy.checkpoints()))
    unbroken = together(lambda: trained(toy, **options))
    assert toy.difference(resumed["weights"], unbroken["weights"]) == 0
    assert resumed["counted"] == unbroken["counted"]


def test_with_dropout_each_draws_masks_of_its_own(toy: Toy, together: Together) -> None:
    def masks() -> list[float]:
        drawn: list[float] = []
        training = toy.make(dropout=0.5, epochs=1)
        loss = training.loss

        def noted(model: nn.Module, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, int]:
            drawn.append(torch.rand(1).item())
            return loss(model, batch)

        training.loss = noted
        report = training.report.progress
        every: list[list[float]] = []

        def at_step(*given: Any) -> None:
            every.append(Ranks.current().gather(drawn[-1]))
            report(*given)

        vars(training.report)["progress"] = at_step
        training.run()
        return [len(set(step)) for step in every]

    assert set(together(masks)) == {2}


def test_a_checkpoint_of_one_process_is_taken_over_by_two(toy: Toy, together: Together) -> None:
    unbroken = trained(toy)
    half = toy.make(checkpoints=toy.checkpoints())
    toy.record.after_step = lambda step: os.kill(os.getpid(), signal.SIGTERM) if step == 9 else None
    with pytest.raises(Preempted):
        half.run()
    resumed = together(lambda: trained(toy, checkpoints=toy.checkpoints()))
    assert min(resumed["losses"]) == 10
    assert 0 < toy.difference(resumed["weights"], unbroken["weights"]) < TOLERANCE
