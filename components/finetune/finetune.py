"""The step finetune: a new head on a backbone, trained on the labelled rows."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stillhouse.components.artifacts.chosen_base import base_of
from stillhouse.components.artifacts.dataset import Split, read_dataset_json, read_split
from stillhouse.components.artifacts.model import notes_of
from stillhouse.components.artifacts.trainings import trainings_of
from stillhouse.components.finetune.settings import FinetuneSettings
from stillhouse.components.targets.number_scale import NumberScale
from stillhouse.components.training_step.validation import token_counts, validation_of

if TYPE_CHECKING:
    from stillhouse.components.models.loaded import LoadedModel
    from stillhouse.components.tasks import Task
    from stillhouse.components.tracking.run import StepRun
    from stillhouse.components.training.batches import Samples
    from stillhouse.components.training.history import History
    from stillhouse.components.training.loop import Evaluation, Unfreezing
    from stillhouse.components.training_step.training_step import TrainingStep


def finetune(
    settings: FinetuneSettings,
    *,
    dataset: str | Path,
    model: str | Path,
    run: "StepRun",
    backbone: str | Path | None = None,
) -> dict[str, float]:
    """Fine-tune the backbone that pretrain wrote (or the base, or random weights) and write the teacher to `model`.

    The weights are those of the evaluation with the best main metric on the validation split.

    Returns:
        Metrics on the validation split and what the training cost.

    Raises:
        UserError: the base cannot be had.
    """
    from stillhouse.components.artifacts.fetch import fetch_model
    from stillhouse.components.finetune.derive import floor_of
    from stillhouse.components.storage.digests import digest_folder
    from stillhouse.components.tasks import load_task
    from stillhouse.components.training_step.training_step import training_step, used

    task, dataset, backbone = load_task(settings.task), Path(dataset), Path(backbone) if backbone else None
    spec = read_dataset_json(dataset)
    settings = settings.model_copy(update={"base": base_of(settings.base, spec)})
    train, validation = read_split(dataset, "train"), read_split(dataset, "validation")
    base = str(fetch_model(settings.base)) if settings.base else None
    start = start_of(backbone, base)
    loaded = _new_model(task, settings, start, train, spec)
    run.notes(loaded.notes)
    attempts = _attempts(task, settings, loaded, train, is_pretrained=base is not None)
    run.params(used(attempts[0]))
    scale = NumberScale.of(spec["target"], train.targets, loaded.model)
    samples = _samples(task, attempts[0], loaded, train, spec, scale)
    inputs = [spec["content_digest"], digest_folder(start) if start else ""]
    while True:
        settings = attempts.pop(0)
        with training_step("finetune", settings, inputs, run) as step:
            evaluation = validation_of(task, loaded, validation, spec, settings.loop.max_length, scale)
            history = _train(step, task, settings, loaded, samples, train, spec["target"], evaluation)
            if attempts and not (floor := floor_of(spec, train.targets, validation.targets)).is_passed(history.best):
                run.notes({"learning_rate": floor.sentence(history.best, settings, attempts[0])})
                loaded = _new_model(task, settings, start, train, spec)
                continue
            scale.fold_into(loaded.model)
            return step.write_labelled(
                Path(model),
                loaded,
                history,
                spec=spec,
                notes=(notes_of(backbone) if backbone else {}) | loaded.notes,
                parents=[Path(start)] if start else [],
                earlier=trainings_of(backbone) if backbone else [],
                splits=[train, validation],
            )


def _new_model(
    task: "Task", settings: FinetuneSettings, start: str | None, train: Split, spec: dict[str, Any]
) -> "LoadedModel":
    """The backbone at `start` under a new head; the same random weights each time."""
    from stillhouse.components.training.randomness import seed_everything

    seed_everything(settings.loop.seed)
    return task.with_new_head(start, train.texts, settings.architecture, spec, settings.dropout)


def _attempts(
    task: "Task", settings: FinetuneSettings, loaded: "LoadedModel", train: Split, *, is_pretrained: bool
) -> list[FinetuneSettings]:
    """Settings to train with, the next ones for where nothing is learnt with those before."""
    from stillhouse.components.finetune.derive import attempts_from_data

    if settings.derive is None:
        return [settings]
    lengths = token_counts(task, loaded, train.texts)
    return attempts_from_data(settings, loaded, lengths, is_pretrained=is_pretrained)


def _samples(
    task: "Task",
    settings: FinetuneSettings,
    loaded: "LoadedModel",
    train: Split,
    spec: dict[str, Any],
    scale: NumberScale,
) -> "Samples":
    return task.labelled_samples(
        loaded,
        train.texts,
        scale.standardise(train.targets),
        max_length=settings.loop.max_length,
        augment=spec["augment"],
        seed=settings.loop.seed,
    )


def _train(
    step: "TrainingStep",
    task: "Task",
    settings: FinetuneSettings,
    loaded: "LoadedModel",
    samples: "Samples",
    train: Split,
    target: str,
    evaluation: "Evaluation",
) -> "History":
    """One attempt."""
    from stillhouse.components.finetune.linear_probe import fit_head
    from stillhouse.components.models.layers import num_layers

    if settings.head == "linear_probe" and target == "classes":
        fit_head(task, loaded.model, samples, train.targets)
    weights = balanced_weights(target, train.targets) if settings.class_weights == "balanced" else None
    return step.train(
        loaded.model,
        samples,
        task.loss(target, class_weights=weights, label_smoothing=settings.label_smoothing),
        num_layers=num_layers(loaded.model),
        evaluation=evaluation,
        unfreezing=unfreezing_of(settings, num_layers(loaded.model)),
    )


def start_of(backbone: Path | None, base: str | None) -> str | None:
    """Folder to start from: what pretrain wrote, else the base, else none: random weights."""
    return str(backbone) if backbone and (backbone / "config.json").is_file() else base


def unfreezing_of(settings: FinetuneSettings, layers: int) -> "Unfreezing":
    """What `freeze` and `unfreeze_every` mean for a model of so many layers."""
    from stillhouse.components.training.loop import Unfreezing

    if settings.freeze == "nothing":
        return Unfreezing()
    level = layers + 1 if settings.freeze == "backbone" else int(settings.freeze) + 1
    return Unfreezing(level, settings.unfreeze_every)


def balanced_weights(target: str, targets: np.ndarray) -> np.ndarray | None:
    """Weights that give each class the same say: rows / (classes * rows of the class); for several labels the ratio of
    rows without to rows with the label; none for a number."""
    if target == "classes":
        counts = np.bincount(targets)
        return len(targets) / (len(counts) * np.maximum(counts, 1))
    if target == "multi_label":
        positive = targets.sum(axis=0)
        return np.maximum(len(targets) - positive, 1) / np.maximum(positive, 1)
    return None
