"""Workers make micro-batches ahead and change nothing; what is past is not made again."""

import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data._utils import signal_handling

from stillhouse.components.training.loader import load
from stillhouse.components.training.preemption import Preempted, stop_request

Toy = Any
"""conftest.Toy"""
TRAINING = {"noise": True, "dropout": 0.2, "micro_batch_tokens": 40}


class Noted:
    """Samples that note in a file, whatever the process, which rows they were asked for."""

    def __init__(self, samples: Any, file: Path) -> None:
        self.samples, self.lengths, self.file = samples, samples.lengths, file
        file.touch()

    def batch(self, rows: np.ndarray, epoch: int) -> Any:
        """A micro-batch; its rows are a line of the file."""
        with self.file.open("a") as file:
            file.write(f"{epoch}:{rows.tolist()}\n")
        return self.samples.batch(rows, epoch)

    @property
    def asked(self) -> set[str]:
        """All that was asked for; each micro-batch comes once in a training."""
        lines = self.file.read_text().splitlines()
        assert len(lines) == len(set(lines))
        return set(lines)


@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_micro_batches_come_in_the_order_in_which_they_are_wanted(toy: Toy, num_workers: int) -> None:
    wanted = [(np.array(rows), epoch) for epoch in (0, 1) for rows in ([4, 2], [7], [1, 9, 30], [5], [6, 0])]
    expected = [toy.samples(noise=True).batch(*each)["input_ids"] for each in wanted]
    found = [batch["input_ids"] for batch in load(toy.samples(noise=True), wanted, num_workers)]
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize("num_workers", [1, 2])
def test_workers_change_no_bit(toy: Toy, num_workers: int) -> None:
    alone, helped = (toy.make(**TRAINING, num_workers=number) for number in (0, num_workers))
    alone.run()
    helped.run()
    assert toy.difference(toy.weights(alone), toy.weights(helped)) == 0


@pytest.mark.parametrize("num_workers", [0, 2])
def test_no_batch_from_before_the_stop_is_made_again(toy: Toy, num_workers: int, tmp_path: Path) -> None:
    asked = {}
    for name, stop_after in (("unbroken", 0), ("stopped", 16), ("resumed", 0)):
        checkpoints = None if name == "unbroken" else toy.checkpoints()
        training = toy.make(**TRAINING, num_workers=num_workers, checkpoints=checkpoints)
        training.samples = Noted(training.samples, tmp_path / name)
        if stop_after:
            toy.record.after_step = lambda step: os.kill(os.getpid(), signal.SIGTERM) if step == 16 else None
            with pytest.raises(Preempted):
                training.run()
        else:
            training.run()
        asked[name] = training.samples.asked
    learnt_before = {
        f"{step.epoch}:{rows.tolist()}" for step in list(training.plan.steps())[:16] for rows in training._cut(step)
    }
    assert asked["resumed"] == asked["unbroken"] - learnt_before
    assert learnt_before <= asked["stopped"]


@pytest.mark.parametrize("num_workers", [0, 1])
def test_loading_draws_nothing_from_the_state_that_dropout_draws_from(toy: Toy, num_workers: int) -> None:
    before = torch.get_rng_state()
    assert len(list(load(toy.samples(), [(np.array([0]), 0)], num_workers))) == 1
    assert torch.get_rng_state().equal(before)


def test_workers_end_with_the_training(toy: Toy) -> None:
    toy.make(num_workers=2).run()
    assert multiprocessing.active_children() == []


def test_workers_end_with_a_training_that_is_stopped(toy: Toy) -> None:
    training = toy.make(num_workers=2)
    toy.record.after_step = lambda step: os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(Preempted):
        training.run()
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_whole_group_leaves_the_workers_to_the_trainer(toy: Toy, number: signal.Signals) -> None:
    with stop_request():  # as around all of a training; a worker that has just been forked has its handlers
        batches = load(toy.samples(), [(np.array([row]), 0) for row in range(20)], 2)
        next(batches)
        for worker in multiprocessing.active_children():
            os.kill(worker.pid or 0, number)
        assert len(list(batches)) == 19


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_so_does_one_that_comes_before_a_worker_has_begun(
    toy: Toy, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin() -> None:
        torch_begins()  # with a handler of SIGTERM that ends the worker
        os.kill(os.getpid(), number)

    torch_begins = signal_handling._set_worker_signal_handlers
    monkeypatch.setattr(signal_handling, "_set_worker_signal_handlers", begin)
    assert len(list(load(toy.samples(), [(np.array([row]), 0) for row in range(20)], 2))) == 20


@pytest.mark.parametrize("num_workers", [1, 2])
def test_a_worker_that_is_killed_is_an_error_and_no_endless_wait(toy: Toy, num_workers: int) -> None:
    def kill_a_worker(step: int) -> None:
        worker = multiprocessing.active_children()[0]
        worker.kill()
        worker.join()

    training = toy.make(num_workers=num_workers)
    toy.record.after_step = kill_a_worker
    with pytest.raises(RuntimeError, match="DataLoader worker") as kept:
        training.run()
    # The others as well: the end of this process would wait for them.
    assert multiprocessing.active_children() == [], kept
