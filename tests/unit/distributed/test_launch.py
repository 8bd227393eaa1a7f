"""A step on two accelerators: torchrun's processes do the work, and the step's own process tells MLflow.

The accelerators are not there; gloo on the processor takes their place.
"""

import os
import signal
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from stillhouse.components.distributed.launch import on_accelerators
from stillhouse.components.distributed.rank_process import _share_processors
from stillhouse.components.finetune.finetune import finetune
from stillhouse.components.finetune.settings import FinetuneSettings
from stillhouse.components.training.ranks import Ranks
from stillhouse.errors import UserError

Workshop = Any
"""conftest.Workshop"""
Trained = Any
"""conftest.Trained"""
TOLERANCE = 1e-5
"""Relative, for losses and metrics: float32 sums in another order, through some tens of steps of AdamW."""
PLAIN: dict[str, dict[str, Any]] = {
    "pretrain": {"architecture": {"dropout": 0.0}},
    "finetune": {"dropout": 0.0},
    "distill": {"student": {"architecture": {"layers": 1, "width": 8, "heads": 2, "vocab_size": 300, "dropout": 0.0}}},
}
"""Without dropout, of which each process draws its own."""


@pytest.mark.parametrize("gpu_count", ["", "0", "1"])
def test_one_accelerator_or_none_is_the_step_itself(gpu_count: str) -> None:
    def step(**given: Any) -> dict[str, float]:
        return {}

    assert on_accelerators(step, gpu_count) is step


def test_several_nodes_are_asked_for_as_a_trainjob(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STILLHOUSE_NODES", "2")
    asked: list[Any] = []
    monkeypatch.setattr(
        "stillhouse.components.distributed.nodes.follow.run_on_nodes", lambda *given: asked.append(given) or {}
    )
    run, settings = SimpleNamespace(step="finetune"), FinetuneSettings(task="text_classification")
    assert on_accelerators(finetune, "8")(settings, dataset="/data", model="/model", run=run) == {}
    ((job, step, gpu_count, told),) = asked
    assert (step, gpu_count, told) == ("finetune", 8, run)
    assert job.step == "stillhouse.components.finetune.finetune:finetune"
    assert (job.settings["task"], job.paths) == ("text_classification", {"dataset": "/data", "model": "/model"})


def curves(done: Any) -> dict[tuple[str, int], float]:
    """Losses and validation metrics."""
    return {(name, step): value for name, step, value in done.points if name.startswith(("train/loss", "validation"))}


def test_torchrun_s_processes_make_the_model_of_one_and_tell_one_run(workshop: Workshop, trained: Trained) -> None:
    given = {"dataset": trained.dataset, "backbone": trained.backbone.model}
    alone = workshop.run("finetune", PLAIN["finetune"], **given)
    shared = workshop.run("finetune", PLAIN["finetune"], gpu_count="2", **given)
    assert [(name, step) for name, step, _ in shared.points] == [(name, step) for name, step, _ in alone.points]
    assert curves(shared) == pytest.approx(curves(alone), rel=TOLERANCE)
    assert (shared.info["settings"], shared.figures["tokens"]) == (alone.info["settings"], alone.figures["tokens"])
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize("step", PLAIN)
def test_each_step_has_the_losses_of_one_process(
    workshop: Workshop, trained: Trained, together: Callable[..., Any], step: str
) -> None:
    inputs = {
        "pretrain": {},
        "finetune": {"backbone": trained.backbone.model},
        "distill": {"teacher": trained.teacher.model},
    }

    def run() -> Any:
        # Forks have the home folder in common, and each the run of its own.
        name = f"{step}-{Ranks.current().rank}-of-{Ranks.current().size}"
        return curves(workshop.run(step, PLAIN[step], name=name, dataset=trained.dataset, **inputs[step]))

    alone, shared = run(), together(run)
    assert len(alone) > 10
    assert shared == pytest.approx(alone, rel=TOLERANCE)


def test_a_mistake_is_told_by_the_step_as_it_was_raised(workshop: Workshop, trained: Trained) -> None:
    with pytest.raises(UserError, match=r"^model folder '/nowhere' does not exist; check the path\.$"):
        workshop.run("pretrain", {"base": "/nowhere", "objective": "masked_lm"}, dataset=trained.dataset, gpu_count="2")


@pytest.mark.parametrize(("given", "processes", "expected"), [({}, 8, "1"), ({"OMP_NUM_THREADS": "12"}, 4, "3")])
def test_processes_share_the_threads_of_their_step(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], processes: int, expected: str
) -> None:
    monkeypatch.setattr("os.environ", {**given, "LOCAL_WORLD_SIZE": str(processes)})
    _share_processors()
    assert os.environ["OMP_NUM_THREADS"] == expected
