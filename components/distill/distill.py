"""The step distill: a small student learns the big teacher's soft answers."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stillhouse.components.artifacts.dataset import Split, read_dataset_json, read_split, read_unlabelled
from stillhouse.components.artifacts.model import model_info
from stillhouse.components.artifacts.trainings import described, trainings_of
from stillhouse.components.distill.settings import DistillSettings
from stillhouse.components.targets.label_metrics import main_metric
from stillhouse.components.targets.number_scale import NumberScale
from stillhouse.components.training_step.validation import token_counts, validation_of

if TYPE_CHECKING:
    import torch

    from stillhouse.components.distill.student import Pupil
    from stillhouse.components.models.loaded import LoadedModel
    from stillhouse.components.tasks import Task
    from stillhouse.components.tracking.run import StepRun
    from stillhouse.components.training.batches import Samples
    from stillhouse.components.training.checkpoints import Checkpoints
    from stillhouse.components.training.loop import Loss


def distill(
    settings: DistillSettings, *, dataset: str | Path, teacher: str | Path, model: str | Path, run: "StepRun"
) -> dict[str, float]:
    """Distill `teacher` into a student and write it to the folder `model`.

    Returns:
        Metrics on the validation split, what the training cost, and how the teacher's answers were kept.

    Raises:
        UserError: the student cannot be made of this teacher.
    """
    from stillhouse.components.artifacts.fetch import fetch_model
    from stillhouse.components.artifacts.model import write_model
    from stillhouse.components.distill.derive import from_data, student_from_teacher
    from stillhouse.components.distill.student import Pupil, check_comparable, make_student
    from stillhouse.components.models.layers import num_layers
    from stillhouse.components.models.loaded import LoadedModel
    from stillhouse.components.runtime.checkpoint_store import checkpoints_of
    from stillhouse.components.storage.digests import digest_folder
    from stillhouse.components.tasks import load_task
    from stillhouse.components.training.loop import Training, Unfreezing
    from stillhouse.components.training.precision import pick_device
    from stillhouse.components.training.randomness import seed_everything

    task, dataset, teacher, model = load_task(settings.task), Path(dataset), Path(teacher), Path(model)
    about = read_dataset_json(dataset)
    train, validation = read_split(dataset, "train"), read_split(dataset, "validation")
    seed_everything(settings.loop.seed)
    big = task.load_model(teacher, str(pick_device()))
    settings = student_from_teacher(settings, big)
    base = str(fetch_model(settings.student.base)) if settings.student.base else None
    small = make_student(task, big, settings.student, base, train.texts)
    run.notes(small.notes)
    unlabelled = read_unlabelled(dataset) if settings.use_unlabelled else []
    if settings.derive:
        settings = from_data(settings, big, small, token_counts(task, big, train.texts + unlabelled))
    used = settings.model_dump(exclude={"derive"})
    run.params(used)
    if settings.hidden_weight or settings.attention_weight:
        check_comparable(small, big, settings, train.texts)
    pupil = Pupil(small.model, big.model, match_hidden=settings.hidden_weight > 0)
    scale = NumberScale.of(about["target"], train.targets, big.model, small.model)
    scale.take_out_of(big.model)
    if settings.origin == "teacher":
        scale.take_out_of(small.model)
    train = replace(train, targets=scale.standardise(train.targets))
    given = [about["content_digest"], digest_folder(teacher), digest_folder(base) if base else ""]
    with checkpoints_of("distill", used, given, settings.loop.keep_checkpoints) as checkpoints:
        samples, kept = _samples_with_answers(task, big, small, settings, train, unlabelled, about, checkpoints, run)
        if settings.attention_weight:
            for network in (big.model, small.model):
                network.set_attn_implementation("eager")  # the only one that hands its maps out
        history = Training(
            pupil,
            samples,
            _loss(task, big, settings, about["target"]),
            settings=settings.loop,
            optimizer=settings.optimizer,
            num_layers=num_layers(small.model),
            report=run,
            evaluation=validation_of(
                task, small, validation, about, settings.loop.max_length, scale, network_of=lambda _: small.model
            ),
            checkpoints=checkpoints,
            unfreezing=Unfreezing(1 if settings.freeze_embeddings else 0),
        ).run()
        scale.fold_into(small.model)
        info = model_info(about, used, settings.loop.max_length)
        info["notes"] = small.notes
        hashes = np.concatenate([train.hashes, validation.hashes])
        figures = {**history.best_point(), **history.summary(), **kept}
        run.metrics(figures, step=history.step)  # before the model: where that is, all is done
        write_model(
            LoadedModel(small.model, small.tokenizer, info),
            model,
            info=info,
            parents=[teacher],
            hashes=hashes,
            trainings=[*trainings_of(teacher), described("distill", history, main_metric(about["target"]))],
        )
    return figures


def _samples_with_answers(
    task: "Task",
    big: "LoadedModel",
    small: "LoadedModel",
    settings: DistillSettings,
    train: Split,
    unlabelled: list[str],
    about: dict[str, Any],
    checkpoints: "Checkpoints",
    run: "StepRun",
) -> "tuple[Samples, dict[str, float]]":
    """Labelled and unlabelled rows together, with the teacher's answers unless they are too large to keep or more than
    logits is compared. Where there is no label the target says so (-100, nan)."""
    from stillhouse.components.distill.student import same_ids
    from stillhouse.components.distill.teacher import (
        NUM_VIEWS,
        AnsweredSamples,
        ViewedSamples,
        answer_bytes,
        answers,
    )

    missing = np.full((len(unlabelled), *train.targets.shape[1:]), -100 if about["target"] == "classes" else np.nan)
    targets = np.concatenate([train.targets, missing.astype(train.targets.dtype)])
    settled = {
        "max_length": settings.loop.max_length,
        "augment": about["augment"],
        "seed": settings.loop.seed,
    }
    samples = task.labelled_samples(small, train.texts + unlabelled, targets, **settled)
    num_views = NUM_VIEWS if about["augment"] else 1
    size = answer_bytes(samples, num_views, max(1, len(about["labels"])))
    inside = settings.hidden_weight or settings.attention_weight
    same_tokens = same_ids(small, big, train.texts + unlabelled)
    if inside or (same_tokens and size > settings.max_cache_bytes):
        return ViewedSamples(samples, num_views), {"teacher_hit_share": 0.0, "teacher_cache_bytes": 0}
    asked = samples if same_tokens else task.labelled_samples(big, train.texts + unlabelled, targets, **settled)
    total = num_views * int(asked.lengths.sum())
    logits = answers(
        big.model,
        task.logits_of,
        asked,
        num_views=num_views,
        num_labels=max(1, len(about["labels"])),
        budget=settings.loop.micro_batch_tokens,
        once=checkpoints.once,
        progress=lambda done: run.progress(done, total, "tokens", "teacher answers"),
    )
    hit_share = max(0.0, 1 - num_views / settings.loop.epochs)
    return AnsweredSamples(samples, logits), {"teacher_hit_share": hit_share, "teacher_cache_bytes": size}


def _loss(task: "Task", big: "LoadedModel", settings: DistillSettings, target: str) -> "Loss":
    """Soft and hard loss, and the terms on hidden states and attention where they are asked for."""
    from stillhouse.components.distill.losses import LOSSES, attention_loss, hidden_loss

    soft, hard = LOSSES[target]
    inside = bool(settings.hidden_weight or settings.attention_weight)
    options = {"output_hidden_states": True, "output_attentions": settings.attention_weight > 0} if inside else {}

    def loss(pupil: "Pupil", batch: Mapping[str, "torch.Tensor"]) -> "tuple[torch.Tensor, int]":
        mine = task.outputs_of(pupil.student, batch, **options)
        theirs = None if "teacher_logits" in batch else _live(task, big, batch, options)
        teacher_logits = batch["teacher_logits"] if theirs is None else theirs.logits
        value = settings.soft_weight * soft(mine.logits, teacher_logits, settings.temperature)
        value = value + (1 - settings.soft_weight) * hard(mine.logits, batch["labels"])
        if theirs is not None and settings.hidden_weight:
            states = mine.hidden_states, theirs.hidden_states
            value = value + settings.hidden_weight * hidden_loss(
                *states, pupil.maps, pupil.layer_pairs, batch["attention_mask"]
            )
        if theirs is not None and settings.attention_weight:
            maps = mine.attentions, theirs.attentions
            value = value + settings.attention_weight * attention_loss(
                *maps, pupil.layer_pairs, batch["attention_mask"]
            )
        return value, len(mine.logits)

    return loss  # type: ignore[return-value] - the loop hands back the very module it was given


def _live(task: "Task", big: "LoadedModel", batch: Mapping[str, "torch.Tensor"], options: dict[str, Any]) -> Any:
    import torch

    with torch.no_grad():
        return task.outputs_of(big.model, batch, **options)
