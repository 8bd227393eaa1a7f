"""Where memory does not suffice, micro-batches are halved and the batch stays the same.

Tolerance: the same gradients are added up in other groups, and float32 sums depend on their order in the last bits
(relative 6e-8 each). AdamW divides by the gradient's own size, so that after some tens of steps at a learning rate of
0.02 weights differ by less than 1e-5. Dropout is off there: its masks are drawn for a micro-batch as a whole.
"""

import logging
import os
import signal
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import nn

from stillhouse.components.training.preemption import Preempted
from stillhouse.errors import UserError

Toy = Any
"""conftest.Toy"""
Loss = Callable[[nn.Module, Mapping[str, torch.Tensor]], tuple[torch.Tensor, int]]
TOLERANCE = 1e-5


def run_out() -> None:
    raise torch.OutOfMemoryError("simulated")


def beyond(loss: Loss, tokens: int) -> Loss:
    """A loss for which memory suffices up to so many tokens of a micro-batch, padding included."""

    def limited(model: nn.Module, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, int]:
        if batch["input_ids"].numel() > tokens:
            run_out()
        return loss(model, batch)

    return limited


def at_call(loss: Loss, number: int, *, backward: bool) -> Loss:
    """A loss for which memory runs out once, at its so-manieth call: in the forward pass or in the backward pass."""
    calls = 0

    def once(model: nn.Module, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, int]:
        nonlocal calls
        calls += 1
        if calls == number and not backward:
            run_out()
        value, count = loss(model, batch)
        if calls == number:
            value.register_hook(lambda gradient: run_out())
        return value, count

    return once


@pytest.mark.parametrize("limit", [100, 64, 30])
def test_the_losses_and_weights_are_those_of_a_run_with_enough_memory(toy: Toy, limit: int) -> None:
    enough = toy.make(epochs=6, noise=True)
    enough.run()
    expected = toy.record.curve("train/loss")
    short = toy.make(epochs=6, noise=True)
    short.loss = beyond(short.loss, limit)
    short.run()

    assert 0 < short.history.micro_batch_units <= limit
    assert toy.record.curve("train/loss") == pytest.approx(expected, abs=TOLERANCE)
    assert 0 < toy.difference(toy.weights(short), toy.weights(enough)) < TOLERANCE


@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("number", [1, 2])
def test_the_failed_pass_leaves_no_trace(toy: Toy, number: int, backward: bool) -> None:
    """In its gradients, its random state (dropout is on) and its figures: as if the budget had been small at once."""
    halved = toy.make(dropout=0.3, micro_batch_tokens=60)
    halved.loss = at_call(halved.loss, number, backward=backward)
    halved.run()
    points = toy.record.curve("train/loss")
    small = toy.make(dropout=0.3, micro_batch_tokens=60)
    small.history.micro_batch_units = halved.history.micro_batch_units
    small.run()

    assert toy.difference(toy.weights(halved), toy.weights(small)) == 0
    assert points == toy.record.curve("train/loss")
    assert halved.history.padded_units == small.history.padded_units
    assert halved.history.units == small.history.units


def test_halving_begins_at_the_size_that_failed_and_not_at_the_setting(toy: Toy) -> None:
    training = toy.make(micro_batch_tokens=10**9)
    sizes: list[int] = []
    limited = beyond(training.loss, 64)

    def noted(model: nn.Module, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, int]:
        sizes.append(batch["input_ids"].numel())
        return limited(model, batch)

    training.loss = noted
    training.run()
    assert sum(size > 64 for size in sizes) <= 3


@pytest.mark.parametrize("stop_after", [1, 3, 10])
@pytest.mark.parametrize("num_workers", [0, 2])
def test_the_halved_size_outlasts_a_stop(toy: Toy, stop_after: int, num_workers: int) -> None:
    def make(**options: Any) -> Any:
        training = toy.make(dropout=0.3, num_workers=num_workers, **options)
        enough, limited = training.loss, beyond(training.loss, 60)
        # The first two steps have the memory that the later ones lack.
        training.loss = lambda *given: (limited if training.history.step > 1 else enough)(*given)
        return training

    unbroken = make()
    unbroken.run()
    stopped = make(checkpoints=toy.checkpoints())
    toy.record.after_step = lambda step: os.kill(os.getpid(), signal.SIGTERM) if step == stop_after else None
    with pytest.raises(Preempted):
        stopped.run()
    resumed = make(checkpoints=toy.checkpoints())
    resumed.run()
    assert resumed.history.micro_batch_units == unbroken.history.micro_batch_units
    assert toy.difference(toy.weights(resumed), toy.weights(unbroken)) == 0


def test_a_line_says_that_it_halved(toy: Toy, caplog: pytest.LogCaptureFixture) -> None:
    training = toy.make(micro_batch_tokens=60)
    training.loss = at_call(training.loss, 1, backward=False)
    with caplog.at_level(logging.WARNING):
        training.run()
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("memory ran out at step 0 with ")
    assert f"they have {training.history.micro_batch_units} at most" in line


def test_a_single_row_that_does_not_fit_is_one_sentence(toy: Toy) -> None:
    training = toy.make()
    training.loss = beyond(training.loss, 20)
    with pytest.raises(
        UserError, match=r"^a single sample of 2\d tokens does not fit .*: lower loop.max_length or take"
    ):
        training.run()


def test_memory_that_does_not_suffice_for_the_optimizer_is_one_sentence(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = toy.make()
    monkeypatch.setattr(training.optimizer, "step", run_out)
    with pytest.raises(UserError, match="with its optimizer does not fit into the memory of the cpu: take a smaller"):
        training.run()
