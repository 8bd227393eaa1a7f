"""Pictures under classes, label sets and numbers: samples, losses, what a baseline answers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from golden_losses import Losses, hold
from pictures import LABELS, SHAPE, SIDE, pictures_of, task_of_pictures

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.models.image_settings import ImageArchitecture
from stillhouse.components.models.loaded import LoadedModel
from stillhouse.components.tasks.interface.task import View
from stillhouse.components.training.loop import Training
from stillhouse.components.training.randomness import seed_everything
from stillhouse.components.training.settings import LoopSettings, OptimizerSettings

GOLDEN = Path(__file__).parent.parent / "training" / "golden" / "image_classification.json"
ADVERSARIAL = GOLDEN.with_stem("adversarial")
COMMAND = "STILLHOUSE_MAKE_GOLDEN=1 .venv/bin/pytest tests/unit/tasks/test_image_classification.py"
SMALL = ImageArchitecture(layers=1, width=4)
AUGMENTED = {"flip": True, "shift": 0.2, "light": 0.3}


@pytest.fixture(scope="module")
def train() -> Examples:
    return pictures_of(96, 0)


@pytest.fixture(scope="module")
def teacher(train: Examples) -> LoadedModel:
    """Untrained."""
    torch.manual_seed(0)
    loaded = task_of_pictures("classes", train).build(None, ImageArchitecture(**SHAPE), train)
    loaded.model.eval()
    return loaded


def test_what_is_fitted_is_json_and_makes_the_preprocessing(train: Examples) -> None:
    task = task_of_pictures("classes", train)
    assert json.loads(json.dumps(task.spec.fitted)) == task.spec.fitted
    preprocessing = task.build(None, SMALL, train).processor
    assert preprocessing.size == (SIDE, SIDE)
    pixels = task.samples(LoadedModel(None, preprocessing), train).batch(np.arange(96), 0)["pixel_values"]  # type: ignore[arg-type]
    assert pixels.mean((0, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-4)
    assert pixels.std((0, 2, 3)).tolist() == pytest.approx([1, 1, 1], abs=1e-3)


def test_the_recipes_size_counts_more_than_that_of_the_pictures(train: Examples) -> None:
    task = task_of_pictures("classes", train, size=8)
    assert task.build(None, SMALL, train).processor.output_size == (8, 8)


@pytest.mark.parametrize("asked", [{}, AUGMENTED, {**AUGMENTED, "scale": 0.5, "mix": "cutmix"}], ids=str)
def test_samples_are_equal_whatever_batch_asks_for_them(
    train: Examples, teacher: LoadedModel, asked: dict[str, Any]
) -> None:
    task, rows = task_of_pictures("classes", train, **asked), np.arange(32)
    samples = task.samples(teacher, train, View(seed=3))
    whole, back = samples.batch(rows, 1), samples.batch(rows[::-1], 1)
    alone = [samples.batch(rows[i : i + 1], 1) for i in rows]
    for name, tensor in whole.items():
        assert tensor.equal(back[name].flip(0)), name
        assert tensor.equal(torch.cat([batch[name] for batch in alone])), name
    assert whole["pixel_values"].equal(samples.batch(rows, 2)["pixel_values"]) == (not asked)
    assert task.is_augmented == bool(asked)


def test_evaluation_sees_no_augmentation_and_pretraining_no_mixing(train: Examples, teacher: LoadedModel) -> None:
    task, rows = task_of_pictures("classes", train, mix="mixup", **AUGMENTED), np.arange(8)
    plain = task_of_pictures("classes", train).samples(teacher, train).batch(rows, 0)["pixel_values"]
    assert task.samples(teacher, train).batch(rows, 5)["pixel_values"].equal(plain)
    learnt = task.pretraining_samples(teacher, train, "autoencoder", View(seed=1), mask_probability=0.1)
    assert set(learnt.batch(rows, 0)) == {"pixel_values"}


@pytest.mark.parametrize("target", LABELS)
def test_the_loss_of_mixed_pictures_is_that_of_both_labels_by_their_shares(target: str) -> None:
    examples = pictures_of(24, 1, target)
    task = task_of_pictures(target, examples, mix="mixup", mix_alpha=1.0)
    loaded = task.build(None, SMALL, examples)
    task.begin(examples, [loaded])
    batch = task.samples(loaded, examples, View(seed=1)).batch(np.arange(24), 0)
    outputs = task.forward(loaded.model, batch)
    loss, count = task.loss(outputs, batch)
    assert count == 24

    def of(row: int, labels: str) -> float:
        one = {"labels": batch[labels][row : row + 1]}
        return task.loss(type(outputs)(logits=outputs.logits[row : row + 1]), one)[0].item()

    shares = batch["own_share"].tolist()
    if target != "number":  # of a square the mean is not the square of the mean
        expected = sum(
            share * of(row, "labels") + (1 - share) * of(row, "other_labels") for row, share in enumerate(shares)
        )
        assert loss.item() == pytest.approx(expected, rel=1e-4)
    fine_tuning, rows = task.training_loss(examples, class_weights="none", label_smoothing=0.0)(outputs, batch)
    assert (fine_tuning.item(), rows) == (pytest.approx(loss.item(), rel=1e-6), 24)


def test_pictures_without_a_label_count_for_nothing_in_the_hard_loss(train: Examples, teacher: LoadedModel) -> None:
    for asked in ({}, {"mix": "cutmix"}):
        task = task_of_pictures("classes", train, **asked)
        examples = Examples.concat([train.head(4), Examples(train.head(4).table.drop("label"))])
        batch = task.samples(teacher, examples, View(seed=1)).batch(np.arange(8), 0)
        with torch.inference_mode():
            outputs = task.forward(teacher.model, batch)
            loss, count = task.loss(outputs, batch)
        assert np.isfinite(loss.item())
        assert count == 4 or asked


@pytest.mark.parametrize("target", LABELS)
def test_a_student_is_closer_to_its_teacher_the_more_alike_they_answer(target: str) -> None:
    examples = pictures_of(16, 1, target)
    task = task_of_pictures(target, examples)
    loaded = task.build(None, SMALL, examples)
    task.begin(examples, [loaded])
    batch = task.samples(loaded, examples).batch(np.arange(16), 0)
    with torch.inference_mode():
        outputs = task.forward(loaded.model.eval(), batch)
    signal = task.signal(outputs, batch, 2.0)["logits"]
    assert signal.values.shape == (16, max(1, len(LABELS[target])))
    told = {"logits": signal.values, "logits_row": torch.arange(16)}
    same, count = task.distillation_loss(outputs, told, batch, 2.0)
    other, _ = task.distillation_loss(outputs, {**told, "logits": signal.values + 1 + torch.rand(16, 1)}, batch, 2.0)
    shifted, _ = task.distillation_loss(outputs, {**told, "logits": signal.values.flip(0)}, batch, 2.0)
    assert count == 16
    assert same.item() == pytest.approx(0, abs=1e-4)
    assert max(shifted.item(), other.item()) > 1e-4


@pytest.mark.parametrize("target", LABELS)
def test_principal_components_are_written_and_read_as_a_model(target: str, tmp_path: Path) -> None:
    train, test = pictures_of(96, 0, target), pictures_of(48, 5, target)
    task = task_of_pictures(target, train)
    fitted = task.fit_baseline(train, 1)
    fitted.save(tmp_path)
    info = {"task": "image_classification", "target": target, "labels": LABELS[target], "load": fitted.LOAD}
    (tmp_path / "model.json").write_text(json.dumps(info))
    answers = task.answer(task.load(tmp_path), test)
    assert np.array_equal(answers, task.baseline_answers(train, test, 1))
    errors = [task.errors(task.statistics(each, test)).mean() for each in (answers, task.trivial(train, test))]
    assert errors[0] < 0.6 * errors[1]


def test_a_picture_is_shown_by_its_pixels(train: Examples) -> None:
    shown = task_of_pictures("classes", train).show(train.example(0))
    assert str(shown).startswith('<img alt="" src="data:image/png;base64,')


def losses(train: Examples) -> list[float]:
    """Loss of each step of two convolutions with augmentation, one thread."""

    task, record = task_of_pictures("classes", train, mix="mixup", scale=0.6, **AUGMENTED), Losses()
    loss = task.training_loss(train, class_weights="balanced", label_smoothing=0.1)
    seed_everything(3)
    loaded = task.build(None, ImageArchitecture(**SHAPE), train)
    Training(
        loaded.model,
        task.samples(loaded, train, View(seed=3)),
        lambda network, batch: loss(task.forward(network, batch), batch),
        settings=LoopSettings(epochs=5, batch_tokens=24, micro_batch_tokens=16, seed=3),
        optimizer=OptimizerSettings(learning_rate=3e-3, layer_decay=0.9),
        num_layers=2,
        report=record,
    ).run()
    return record.losses


def test_the_losses_are_those_of_the_golden_file(train: Examples, one_thread: None) -> None:
    hold(losses(train), GOLDEN, COMMAND)


def test_the_losses_of_an_adversarial_training_are_those_of_the_golden_file(train: Examples, one_thread: None) -> None:
    task, record = task_of_pictures("classes", train, **AUGMENTED), Losses()
    seed_everything(3)
    loaded = task.backbone("", ImageArchitecture(**SHAPE), train, "adversarial")
    Training(
        loaded.model,
        task.pretraining_samples(loaded, train, "adversarial", View(seed=3), mask_probability=0.2),
        task.pretraining_loss,
        settings=LoopSettings(epochs=3, batch_tokens=24, micro_batch_tokens=16, seed=3),
        optimizer=OptimizerSettings(learning_rate=3e-3),
        num_layers=2,
        report=record,
    ).run()
    hold(record.losses, ADVERSARIAL, COMMAND)
