"""The step pretrain: learn a backbone from examples without labels."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stillhouse.components.artifacts.chosen_base import base_of
from stillhouse.components.artifacts.dataset import read_split
from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec, read_spec
from stillhouse.components.pretrain.settings import PretrainSettings
from stillhouse.components.tasks import Task, task_of
from stillhouse.components.tasks.interface.task import View
from stillhouse.errors import UserError

if TYPE_CHECKING:
    from torch import nn

    from stillhouse.components.models.loaded import LoadedModel
    from stillhouse.components.tracking.run import StepRun
    from stillhouse.components.training.batches import Samples
    from stillhouse.components.training.loop import Evaluation

HELD_OUT_ROWS = 256
"""Validation rows that pretraining is judged by, at most."""


def pretrain(settings: PretrainSettings, *, dataset: str | Path, model: str | Path, run: "StepRun") -> dict[str, float]:
    """Train a backbone on the examples of the unlabelled and the train split; write the folder `model`.

    With the objective `none`, or with `auto` and a base to start from, the folder says so, nothing else
    is done and torch is not imported.

    Returns:
        The task's measure of pretraining (perplexity for text) on held-out examples, if there are enough of them, and
        what the training cost.

    Raises:
        UserError: the task has no such objective, the base cannot be had, or the training diverged.
    """
    dataset, model = Path(dataset), Path(model)
    spec = None if settings.objective == "none" else read_spec(dataset)
    if spec is not None:
        settings = settled(settings, spec)
    if spec is None or settings.objective == "none":
        model.mkdir(parents=True)
        (model / "model.json").write_text(json.dumps({"format": 1, "load": "nothing"}) + "\n")
        return {}
    task = task_of(spec)
    if settings.objective not in task.objectives:
        raise UserError(
            f"pretrain.objective is '{settings.objective}', which the task {spec.task} does not have; "
            f"use none{' or one of: ' if task.objectives else ''}{', '.join(task.objectives)}."
        )
    return _train(task, settings, dataset, model, run)


def _train(task: Task, settings: PretrainSettings, dataset: Path, model: Path, run: "StepRun") -> dict[str, float]:
    # torch takes seconds to import: a step that is skipped does without.
    from stillhouse.components.artifacts.fetch import fetch_model
    from stillhouse.components.models.layers import num_layers
    from stillhouse.components.pretrain.derive import from_data
    from stillhouse.components.storage.digests import digest_folder
    from stillhouse.components.training.derived import told
    from stillhouse.components.training.randomness import seed_everything
    from stillhouse.components.training_step.training_step import training_step, used

    examples = Examples.concat([read_split(dataset, "unlabelled"), read_split(dataset, "train")])
    held_out = read_split(dataset, "validation").head(HELD_OUT_ROWS)
    seed_everything(settings.loop.seed)
    base = str(fetch_model(settings.base)) if settings.base else ""
    loaded = task.backbone(base, settings.architecture, examples, settings.objective)
    settings = from_data(task, settings, loaded, examples)
    run.params(used(settings))
    run.notes(loaded.notes | told(settings, task.unit.name))
    samples, fixed = (_samples(task, loaded, part, settings) for part in (examples, held_out))
    inputs = [task.spec.content_digest, digest_folder(base) if base else ""]
    measure = task.measure_of(settings.objective)
    with training_step("pretrain", settings, inputs, run, task.unit.name) as step:
        history = step.train(
            loaded.model,
            samples,
            task.pretraining_loss,
            num_layers=num_layers(loaded.model),
            evaluation=_held_out_measure(task, fixed, settings),
        )
        if history.best is not None:
            _tell_collapse(task.collapse(loaded, fixed, settings.objective, history.best), loaded, run)
        return step.write(
            model,
            task,
            loaded,
            history,
            metric=measure.name,
            figures={} if history.best is None else {measure.name: history.best},
            keeps_last=not measure.less_is_better,
            info=_info(settings, task.spec, loaded, used(settings)),
            parents=[Path(base)] if base else [],
        )


def _tell_collapse(sentence: str, loaded: "LoadedModel", run: "StepRun") -> None:
    """Say it, if there is anything to say, where people look while it runs and later with the model."""
    if sentence:
        loaded.notes["collapse"] = sentence
        run.notes({"collapse": sentence})


def _samples(task: Task, loaded: "LoadedModel", examples: Examples, settings: PretrainSettings) -> "Samples":
    return task.pretraining_samples(
        loaded,
        examples,
        settings.objective,
        View(settings.loop.max_length, settings.loop.seed),
        mask_probability=settings.mask_probability,
    )


def _held_out_measure(task: Task, fixed: "Samples", settings: PretrainSettings) -> "Evaluation | None":
    """The measure on held-out examples. None where they are so few or so short that nothing of them is predicted: that
    is not enough to tell which weights are best.

    Args:
        fixed: the held-out examples, in one view.
    """
    from stillhouse.components.training.loop import Evaluation
    from stillhouse.components.training.score import mean_loss

    name, of_mean_loss, less_is_better = task.measure_of(settings.objective)
    everything = np.arange(len(fixed.lengths))
    if not len(everything) or not task.is_predicted(fixed.batch(everything, 0)):
        return None

    def measure(network: "nn.Module") -> dict[str, float]:
        return {name: of_mean_loss(mean_loss(network, fixed, task.pretraining_loss, settings.loop))}

    return Evaluation(measure, name, greater_is_better=False if less_is_better else None)


def _info(settings: PretrainSettings, spec: Spec, loaded: "LoadedModel", as_told: dict[str, Any]) -> dict[str, Any]:
    """What the backbone's model.json says beyond the weights.

    Args:
        as_told: the settings, as model.json has them.
    """
    return {
        "task": settings.task,
        "objective": settings.objective,
        "max_length": settings.loop.max_length,
        "settings": as_told,
        "dataset_digest": spec.content_digest,
        "notes": loaded.notes,
    }


def settled(settings: PretrainSettings, spec: Spec) -> PretrainSettings:
    """The settings with the base that prepare chose, and the objective that follows from it, in place of `auto`."""
    base = base_of(settings.base, spec)
    return settings.model_copy(update={"base": base, "objective": settings.objective_on(base)})
