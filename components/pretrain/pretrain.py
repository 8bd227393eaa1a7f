"""The step pretrain: learn a backbone from text without labels."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stillhouse.components.artifacts.chosen_base import base_of, objective_of
from stillhouse.components.artifacts.dataset import read_dataset_json, read_split, read_unlabelled
from stillhouse.components.artifacts.trainings import described
from stillhouse.components.pretrain.settings import PretrainSettings
from stillhouse.components.tasks import load_task
from stillhouse.errors import UserError

if TYPE_CHECKING:
    from torch import nn

    from stillhouse.components.tracking.run import StepRun

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
    if settings.objective == "auto":
        settings = settled(settings, read_dataset_json(dataset))
    if settings.objective == "none":
        model.mkdir(parents=True)
        (model / "model.json").write_text(json.dumps({"format": 1, "load": "nothing"}) + "\n")
        return {}
    task = load_task(settings.task)
    if settings.objective not in task.objectives:
        raise UserError(
            f"pretrain.objective is '{settings.objective}', which the task {settings.task} does not have; "
            f"use none or one of: {', '.join(task.objectives)}."
        )
    # torch takes seconds to import: the skipped step above does without.
    from stillhouse.components.artifacts.fetch import fetch_model
    from stillhouse.components.artifacts.model import write_model
    from stillhouse.components.models.layers import num_layers
    from stillhouse.components.runtime.checkpoint_store import checkpoints_of
    from stillhouse.components.storage.digests import digest_folder
    from stillhouse.components.training.loop import Evaluation, Training, mean_loss
    from stillhouse.components.training.randomness import seed_everything

    about = read_dataset_json(dataset)
    settings = settled(settings, about)
    run.params(settings.model_dump())
    texts = read_unlabelled(dataset) + read_split(dataset, "train").texts
    held_out = read_split(dataset, "validation").texts[:HELD_OUT_ROWS]
    seed_everything(settings.loop.seed)
    base = str(fetch_model(settings.base)) if settings.base else ""
    loaded = task.new_backbone(texts, settings.architecture, settings.objective, base)
    run.notes(loaded.notes)
    samples, fixed = (
        task.pretraining_samples(
            loaded,
            these,
            settings.objective,
            mask_probability=settings.mask_probability,
            max_length=settings.loop.max_length,
            seed=settings.loop.seed,
        )
        for these in (texts, held_out)
    )

    # So few or so short texts that none of their words is hidden are not enough to tell which weights are best.
    everything = np.arange(len(held_out))
    is_measured = bool(held_out) and bool((fixed.batch(everything, 0)["labels"] != -100).any())

    def measure(network: "nn.Module") -> dict[str, float]:
        return {"perplexity": math.exp(min(mean_loss(network, fixed, task.pretraining_loss, settings.loop), 50.0))}

    given = [about["content_digest"], digest_folder(base) if base else ""]
    info = {
        "task": settings.task,
        "objective": settings.objective,
        "max_length": settings.loop.max_length,
        "settings": settings.model_dump(),
        "dataset_digest": about["content_digest"],
        "notes": loaded.notes,
    }
    with checkpoints_of("pretrain", settings.model_dump(), given, settings.loop.keep_checkpoints) as checkpoints:
        history = Training(
            loaded.model,
            samples,
            task.pretraining_loss,
            settings=settings.loop,
            optimizer=settings.optimizer,
            num_layers=num_layers(loaded.model),
            report=run,
            evaluation=Evaluation(measure, "perplexity", greater_is_better=False) if is_measured else None,
            checkpoints=checkpoints,
        ).run()
        figures = {**({} if history.best is None else {"perplexity": history.best}), **history.summary()}
        run.metrics(figures, step=history.step)  # before the model: where that is, all is done
        write_model(
            loaded,
            model,
            info=info,
            parents=[Path(base)] if base else [],
            hashes=np.zeros(0, np.int64),
            trainings=[described("pretrain", history, "perplexity")],
        )
    return figures


def settled(settings: PretrainSettings, about: dict[str, Any]) -> PretrainSettings:
    """The settings with the base that prepare chose, and the objective that follows from it, in place of `auto`."""
    base = base_of(settings.base, about)
    return settings.model_copy(update={"base": base, "objective": objective_of(settings.objective, base)})
