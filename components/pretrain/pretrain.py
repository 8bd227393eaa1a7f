"""The step pretrain: learn a backbone from text without labels."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stillhouse.components.artifacts.chosen_base import base_of, objective_of
from stillhouse.components.artifacts.dataset import read_dataset_json, read_split, read_unlabelled
from stillhouse.components.pretrain.settings import PretrainSettings
from stillhouse.components.tasks import load_task
from stillhouse.errors import UserError

if TYPE_CHECKING:
    from torch import nn

    from stillhouse.components.models.loaded import LoadedModel
    from stillhouse.components.tasks import Task
    from stillhouse.components.tracking.run import StepRun
    from stillhouse.components.training.batches import Samples
    from stillhouse.components.training.loop import Evaluation

HELD_OUT_ROWS = 256
"""Validation texts that perplexity is measured on, at most."""


def pretrain(settings: PretrainSettings, *, dataset: str | Path, model: str | Path, run: "StepRun") -> dict[str, float]:
    """Train a language model on the texts of the unlabelled and the train split; write the folder `model`.

    With the objective `none`, or with `auto` and a base to start from, the folder says so, nothing else
    is done and torch is not imported.

    Returns:
        Perplexity on held-out text, if there is enough of it, and what the training cost.

    Raises:
        UserError: the task has no such objective, the base cannot be had, or the training diverged.
    """
    dataset, model = Path(dataset), Path(model)
    spec = None if settings.objective == "none" else read_dataset_json(dataset)
    if spec is not None:
        settings = settled(settings, spec)
    if spec is None or settings.objective == "none":
        model.mkdir(parents=True)
        (model / "model.json").write_text(json.dumps({"format": 1, "load": "nothing"}) + "\n")
        return {}
    task = load_task(settings.task)
    if settings.objective not in task.objectives:
        raise UserError(
            f"pretrain.objective is '{settings.objective}', which the task {settings.task} does not have; "
            f"use none or one of: {', '.join(task.objectives)}."
        )
    return _train(task, settings, spec, dataset, model, run)


def _train(
    task: "Task", settings: PretrainSettings, spec: dict[str, Any], dataset: Path, model: Path, run: "StepRun"
) -> dict[str, float]:
    # torch takes seconds to import: a step that is skipped does without.
    from stillhouse.components.artifacts.fetch import fetch_model
    from stillhouse.components.models.layers import num_layers
    from stillhouse.components.storage.digests import digest_folder
    from stillhouse.components.training.randomness import seed_everything
    from stillhouse.components.training_step.training_step import training_step

    run.params(settings.model_dump())
    texts = read_unlabelled(dataset) + read_split(dataset, "train").texts
    held_out = read_split(dataset, "validation").texts[:HELD_OUT_ROWS]
    seed_everything(settings.loop.seed)
    base = str(fetch_model(settings.base)) if settings.base else ""
    loaded = task.new_backbone(texts, settings.architecture, settings.objective, base)
    run.notes(loaded.notes)
    samples, fixed = (_samples(task, loaded, part, settings) for part in (texts, held_out))
    inputs = [spec["content_digest"], digest_folder(base) if base else ""]
    with training_step("pretrain", settings, inputs, run) as step:
        history = step.train(
            loaded.model,
            samples,
            task.pretraining_loss,
            num_layers=num_layers(loaded.model),
            evaluation=_perplexity(task, fixed, settings),
        )
        return step.write(
            model,
            loaded,
            history,
            metric="perplexity",
            figures={} if history.best is None else {"perplexity": history.best},
            info=_info(settings, spec, loaded),
            parents=[Path(base)] if base else [],
        )


def _samples(task: "Task", loaded: "LoadedModel", texts: list[str], settings: PretrainSettings) -> "Samples":
    return task.pretraining_samples(
        loaded,
        texts,
        settings.objective,
        mask_probability=settings.mask_probability,
        max_length=settings.loop.max_length,
        seed=settings.loop.seed,
    )


def _perplexity(task: "Task", fixed: "Samples", settings: PretrainSettings) -> "Evaluation | None":
    """Perplexity on held-out text. None where texts are so few or so short that none of their words is hidden: that is
    not enough to tell which weights are best.

    Args:
        fixed: the held-out texts, in one view.
    """
    from stillhouse.components.training.loop import Evaluation, mean_loss

    everything = np.arange(len(fixed.lengths))
    if not len(everything) or not bool((fixed.batch(everything, 0)["labels"] != -100).any()):
        return None

    def measure(network: "nn.Module") -> dict[str, float]:
        return {"perplexity": math.exp(min(mean_loss(network, fixed, task.pretraining_loss, settings.loop), 50.0))}

    return Evaluation(measure, "perplexity", greater_is_better=False)


def _info(settings: PretrainSettings, spec: dict[str, Any], loaded: "LoadedModel") -> dict[str, Any]:
    """What the backbone's model.json says beyond the weights."""
    return {
        "task": settings.task,
        "objective": settings.objective,
        "max_length": settings.loop.max_length,
        "settings": settings.model_dump(),
        "dataset_digest": spec["content_digest"],
        "notes": loaded.notes,
    }


def settled(settings: PretrainSettings, spec: dict[str, Any]) -> PretrainSettings:
    """The settings with the base that prepare chose, and the objective that follows from it, in place of `auto`."""
    base = base_of(settings.base, spec)
    return settings.model_copy(update={"base": base, "objective": objective_of(settings.objective, base)})
