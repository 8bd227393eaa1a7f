"""The step distill: a student learns its teacher's soft answers."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stillhouse.components.artifacts.dataset import Split, read_dataset_json, read_split, read_unlabelled
from stillhouse.components.artifacts.trainings import trainings_of
from stillhouse.components.distill.settings import DistillSettings
from stillhouse.components.targets.number_scale import NumberScale
from stillhouse.components.training_step.validation import token_counts, validation_of

if TYPE_CHECKING:
    import torch

    from stillhouse.components.distill.student import StudentWithProjections
    from stillhouse.components.models.loaded import LoadedModel
    from stillhouse.components.tasks import Task
    from stillhouse.components.tracking.run import StepRun
    from stillhouse.components.training.batches import Samples
    from stillhouse.components.training.checkpoints import Checkpoints
    from stillhouse.components.training.history import History
    from stillhouse.components.training.loop import Evaluation, Loss
    from stillhouse.components.training_step.training_step import TrainingStep


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
    from stillhouse.components.distill.derive import from_data, student_from_teacher
    from stillhouse.components.distill.student import StudentWithProjections, check_comparable, make_student
    from stillhouse.components.storage.digests import digest_folder
    from stillhouse.components.tasks import load_task
    from stillhouse.components.training.precision import pick_device
    from stillhouse.components.training.randomness import seed_everything
    from stillhouse.components.training_step.training_step import training_step, used

    task, dataset, teacher_folder = load_task(settings.task), Path(dataset), Path(teacher)
    spec = read_dataset_json(dataset)
    splits = [read_split(dataset, "train"), read_split(dataset, "validation")]
    train, validation = splits
    seed_everything(settings.loop.seed)
    loaded_teacher = task.load_model(teacher_folder, str(pick_device()))
    settings = student_from_teacher(settings, loaded_teacher)
    base = str(fetch_model(settings.student.base)) if settings.student.base else None
    student = make_student(task, loaded_teacher, settings.student, base, train.texts)
    run.notes(student.notes)
    unlabelled = read_unlabelled(dataset) if settings.use_unlabelled else []
    if settings.derive:
        lengths = token_counts(task, loaded_teacher, train.texts + unlabelled)
        settings = from_data(settings, loaded_teacher, student, lengths)
    run.params(used(settings))
    if settings.hidden_weight or settings.attention_weight:
        check_comparable(student, loaded_teacher, settings, train.texts)
    network = StudentWithProjections(student.model, loaded_teacher.model, match_hidden=settings.hidden_weight > 0)
    scale = _taken_out_scale(spec["target"], train, loaded_teacher, student, settings)
    train = replace(train, targets=scale.standardise(train.targets))
    inputs = [spec["content_digest"], digest_folder(teacher_folder), digest_folder(base) if base else ""]
    with training_step("distill", settings, inputs, run) as step:
        samples, kept = _samples_with_answers(
            task, loaded_teacher, student, settings, train, unlabelled, spec, step.checkpoints, run
        )
        loss = _loss(task, loaded_teacher, settings, spec["target"])
        evaluation = validation_of(
            task, student, validation, spec, settings.loop.max_length, scale, network_of=lambda _: student.model
        )
        history = _train(step, settings, network, loaded_teacher, samples, loss, evaluation)
        scale.fold_into(student.model)
        return step.write_labelled(
            Path(model),
            student,
            history,
            spec=spec,
            notes=student.notes,
            parents=[teacher_folder],
            earlier=trainings_of(teacher_folder),
            splits=splits,
            figures=kept,
        )


def _taken_out_scale(
    target: str, train: Split, teacher: "LoadedModel", student: "LoadedModel", settings: DistillSettings
) -> NumberScale:
    """The scale of the targets, taken out of the models that answer in real units: they are compared on it."""
    scale = NumberScale.of(target, train.targets, teacher.model, student.model)
    scale.take_out_of(teacher.model)
    if settings.origin == "teacher":
        scale.take_out_of(student.model)
    return scale


def _train(
    step: "TrainingStep",
    settings: DistillSettings,
    network: "StudentWithProjections",
    teacher: "LoadedModel",
    samples: "Samples",
    loss: "Loss",
    evaluation: "Evaluation",
) -> "History":
    from stillhouse.components.models.layers import num_layers
    from stillhouse.components.training.loop import Unfreezing

    if settings.attention_weight:
        for model in (teacher.model, network.student):
            model.set_attn_implementation("eager")  # the only one that hands its maps out
    return step.train(
        network,
        samples,
        loss,
        num_layers=num_layers(network.student),
        evaluation=evaluation,
        unfreezing=Unfreezing(1 if settings.freeze_embeddings else 0),
    )


def _samples_with_answers(
    task: "Task",
    teacher: "LoadedModel",
    student: "LoadedModel",
    settings: DistillSettings,
    train: Split,
    unlabelled: list[str],
    spec: dict[str, Any],
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

    missing = np.full((len(unlabelled), *train.targets.shape[1:]), -100 if spec["target"] == "classes" else np.nan)
    targets = np.concatenate([train.targets, missing.astype(train.targets.dtype)])
    settled = {
        "max_length": settings.loop.max_length,
        "augment": spec["augment"],
        "seed": settings.loop.seed,
    }
    samples = task.labelled_samples(student, train.texts + unlabelled, targets, **settled)
    num_views = NUM_VIEWS if spec["augment"] else 1
    size = answer_bytes(samples, num_views, max(1, len(spec["labels"])))
    inside = settings.hidden_weight or settings.attention_weight
    same_tokens = same_ids(student, teacher, train.texts + unlabelled)
    if inside or (same_tokens and size > settings.max_cache_bytes):
        return ViewedSamples(samples, num_views), {"teacher_hit_share": 0.0, "teacher_cache_bytes": 0}
    asked = samples if same_tokens else task.labelled_samples(teacher, train.texts + unlabelled, targets, **settled)
    total = num_views * int(asked.lengths.sum())
    logits = answers(
        teacher.model,
        task.logits_of,
        asked,
        num_views=num_views,
        num_labels=max(1, len(spec["labels"])),
        budget=settings.loop.micro_batch_tokens,
        get_or_make=checkpoints.get_or_make,
        progress=lambda done: run.progress(done, total, "tokens", "teacher answers"),
    )
    hit_share = max(0.0, 1 - num_views / settings.loop.epochs)
    return AnsweredSamples(samples, logits), {"teacher_hit_share": hit_share, "teacher_cache_bytes": size}


def _loss(task: "Task", teacher: "LoadedModel", settings: DistillSettings, target: str) -> "Loss":
    """Soft and hard loss, and the terms on hidden states and attention where they are asked for."""
    from stillhouse.components.distill.losses import LOSSES, attention_loss, hidden_loss

    soft, hard = LOSSES[target]
    inside = bool(settings.hidden_weight or settings.attention_weight)
    options = {"output_hidden_states": True, "output_attentions": settings.attention_weight > 0} if inside else {}

    def loss(network: "StudentWithProjections", batch: Mapping[str, "torch.Tensor"]) -> "tuple[torch.Tensor, int]":
        outputs = task.outputs_of(network.student, batch, **options)
        live = None if "teacher_logits" in batch else _live(task, teacher, batch, options)
        teacher_logits = batch["teacher_logits"] if live is None else live.logits
        value = settings.soft_weight * soft(outputs.logits, teacher_logits, settings.temperature)
        value = value + (1 - settings.soft_weight) * hard(outputs.logits, batch["labels"])
        if live is not None and settings.hidden_weight:
            states = outputs.hidden_states, live.hidden_states
            value = value + settings.hidden_weight * hidden_loss(
                *states, network.projections, network.layer_pairs, batch["attention_mask"]
            )
        if live is not None and settings.attention_weight:
            maps = outputs.attentions, live.attentions
            value = value + settings.attention_weight * attention_loss(
                *maps, network.layer_pairs, batch["attention_mask"]
            )
        return value, len(outputs.logits)

    return loss  # type: ignore[return-value] - the loop hands back the very module it was given


def _live(task: "Task", teacher: "LoadedModel", batch: Mapping[str, "torch.Tensor"], options: dict[str, Any]) -> Any:
    import torch

    with torch.no_grad():
        return task.outputs_of(teacher.model, batch, **options)
