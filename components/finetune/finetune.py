"""The step finetune: a new head on a backbone, trained on the labelled rows."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stillhouse.components.artifacts.chosen_base import base_of
from stillhouse.components.artifacts.dataset import read_dataset_json, read_split
from stillhouse.components.artifacts.model import model_info, notes_of
from stillhouse.components.artifacts.trainings import described, trainings_of
from stillhouse.components.finetune.settings import FinetuneSettings
from stillhouse.components.targets.label_metrics import main_metric
from stillhouse.components.targets.number_scale import NumberScale
from stillhouse.components.training_step.validation import token_counts, validation_of

if TYPE_CHECKING:
    from stillhouse.components.models.loaded import LoadedModel
    from stillhouse.components.tracking.run import StepRun
    from stillhouse.components.training.loop import Unfreezing


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
    from stillhouse.components.artifacts.model import write_model
    from stillhouse.components.finetune.derive import attempts_from_data, floor_of
    from stillhouse.components.finetune.linear_probe import fit_head
    from stillhouse.components.models.layers import num_layers
    from stillhouse.components.runtime.checkpoint_store import checkpoints_of
    from stillhouse.components.storage.digests import digest_folder
    from stillhouse.components.tasks import load_task
    from stillhouse.components.training.loop import Training
    from stillhouse.components.training.randomness import seed_everything

    task, dataset, model = load_task(settings.task), Path(dataset), Path(model)
    about = read_dataset_json(dataset)
    settings = settings.model_copy(update={"base": base_of(settings.base, about)})
    train, validation = read_split(dataset, "train"), read_split(dataset, "validation")
    base = str(fetch_model(settings.base)) if settings.base else None
    start = start_of(Path(backbone) if backbone else None, base)

    def new_model() -> "LoadedModel":
        seed_everything(settings.loop.seed)
        return task.with_new_head(start, train.texts, settings.architecture, about, settings.dropout)

    loaded = new_model()
    run.notes(loaded.notes)
    attempts = [settings]
    if settings.derive:
        lengths = token_counts(task, loaded, train.texts)
        attempts = attempts_from_data(settings, loaded, lengths, is_pretrained=base is not None)
    settings = attempts[0]
    run.params(settings.model_dump(exclude={"derive"}))
    scale = NumberScale.of(about["target"], train.targets, loaded.model)
    samples = task.labelled_samples(
        loaded,
        train.texts,
        scale.standardise(train.targets),
        max_length=settings.loop.max_length,
        augment=about["augment"],
        seed=settings.loop.seed,
    )
    weights = balanced_weights(about["target"], train.targets) if settings.class_weights == "balanced" else None
    given = [about["content_digest"], digest_folder(start) if start else ""]
    while True:
        settings = attempts.pop(0)
        if settings.head == "linear_probe" and about["target"] == "classes":
            fit_head(task, loaded.model, samples, train.targets)
        used = settings.model_dump(exclude={"derive"})
        with checkpoints_of("finetune", used, given, settings.loop.keep_checkpoints) as checkpoints:
            history = Training(
                loaded.model,
                samples,
                task.loss(about["target"], class_weights=weights, label_smoothing=settings.label_smoothing),
                settings=settings.loop,
                optimizer=settings.optimizer,
                num_layers=num_layers(loaded.model),
                report=run,
                evaluation=validation_of(task, loaded, validation, about, settings.loop.max_length, scale),
                checkpoints=checkpoints,
                unfreezing=unfreezing_of(settings, num_layers(loaded.model)),
            ).run()
            if attempts and not (floor := floor_of(about, train.targets, validation.targets)).is_passed(history.best):
                run.notes({"learning_rate": floor.sentence(history.best, settings, attempts[0])})
                loaded = new_model()
                continue
            scale.fold_into(loaded.model)
            info = model_info(about, used, settings.loop.max_length)
            info["notes"] = (notes_of(Path(backbone)) if backbone else {}) | loaded.notes
            hashes = np.concatenate([train.hashes, validation.hashes])
            figures = {**history.best_point(), **history.summary()}
            run.metrics(figures, step=history.step)  # before the model: where that is, all is done
            write_model(
                loaded,
                model,
                info=info,
                parents=[Path(start)] if start else [],
                hashes=hashes,
                trainings=[
                    *(trainings_of(Path(backbone)) if backbone else []),
                    described("finetune", history, main_metric(about["target"])),
                ],
            )
        return figures


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
