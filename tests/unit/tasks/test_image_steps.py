"""Whole steps on pictures: pretrained, fine-tuned, distilled, stopped and gone on with."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from pictures import SHAPE, base_folder, write_pictures
from safetensors.torch import load_file

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.tasks.image_classification import ImageClassification
from stillhouse.errors import UserError

Workshop = Any
"""conftest.Workshop"""

TRANSFORMER = {"network": "transformer", "layers": 2, "width": 16, "heads": 2, "patch": 4}
FAST = {"loop": {"epochs": 6, "batch_tokens": 16}, "optimizer": {"learning_rate": 1e-2}}


def run(workshop: Workshop, step: str, settings: dict[str, Any], **paths: Any) -> Any:
    """A step with small settings."""
    shape = {} if step == "distill" else {"architecture": SHAPE}
    return workshop.run(step, {"task": "image_classification", **shape, **FAST, **settings}, **paths)


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory, workshop_in: Any) -> tuple[Path, Any, Any]:
    """A dataset, its teacher and the backbone that this started from."""
    folder = tmp_path_factory.mktemp("taught")
    dataset = write_pictures(folder / "dataset", shift=0.1)
    with workshop_in(folder) as workshop:
        backbone = run(workshop, "pretrain", {"objective": "autoencoder"}, dataset=dataset)
        return dataset, run(workshop, "finetune", {}, dataset=dataset, backbone=backbone.model), backbone


def test_a_teacher_goes_on_from_an_autoencoder_and_answers_the_same_when_read_again(taught: Any) -> None:
    dataset, teacher, backbone = taught
    assert 0 < backbone.figures["mse"] < 1.5
    assert teacher.figures["validation_f1_macro"] > 0.8
    task, test = ImageClassification(Spec.of_model(teacher.info)), Examples(pq.read_table(dataset / "test.parquet"))
    loaded = task.load(teacher.model)
    answers = task.answer(loaded, test)
    assert (answers.argmax(1) == test.values("label")).mean() > 0.8
    assert task.answer(loaded, test, batch_units=3) == pytest.approx(answers, abs=1e-5)
    task.save(loaded, (again := teacher.model.parent / "again"))
    (again / "model.json").write_bytes((teacher.model / "model.json").read_bytes())
    assert np.array_equal(task.answer(task.load(again), test), answers)


def test_a_transformer_goes_on_from_a_masked_autoencoder(workshop: Workshop, taught: Any) -> None:
    settings = {"architecture": TRANSFORMER, "loop": {"epochs": 1, "batch_tokens": 16}}
    backbone = run(workshop, "pretrain", {**settings, "objective": "masked_autoencoder"}, dataset=taught[0])
    teacher = run(workshop, "finetune", settings, dataset=taught[0], backbone=backbone.model)
    config = json.loads((teacher.model / "config.json").read_text())
    assert (config["model_type"], config["architectures"]) == ("vit", ["ViTForImageClassification"])
    assert teacher.info["parents"]


def test_an_objective_and_the_network_that_learns_it_belong_together(workshop: Workshop, taught: Any) -> None:
    with pytest.raises(UserError, match=r"which a transformer network learns, and model\.teacher\.network is conv"):
        run(workshop, "pretrain", {"objective": "masked_autoencoder"}, dataset=taught[0])


def test_a_student_learns_to_answer(workshop: Workshop, taught: Any) -> None:
    dataset, teacher, _ = taught
    student = {"architecture": {"layers": 2, "width": 6}}
    found = run(workshop, "distill", {"student": student}, dataset=dataset, teacher=teacher.model)
    assert found.figures["validation_f1_macro"] > 0.8
    assert found.info["parameters"] < teacher.info["parameters"]
    assert found.figures["teacher_cache_bytes"] == 2 * (96 + 24) * 3 * 4


def test_a_frozen_resnet_teaches_a_network_of_ours(workshop: Workshop, taught: Any, tmp_path: Path) -> None:
    base = str(base_folder(tmp_path / "resnet", "resnet"))
    settings = {"base": base, "head": "linear_probe", "freeze": "backbone", "loop": {"epochs": 1, "batch_tokens": 16}}
    teacher = run(workshop, "finetune", settings, dataset=taught[0])
    student = {"student": {"architecture": SHAPE}, "loop": {"epochs": 1, "batch_tokens": 16}}
    found = run(workshop, "distill", student, dataset=taught[0], teacher=teacher.model)
    assert np.isfinite(found.figures["validation_f1_macro"])
    assert json.loads((found.model / "preprocessor_config.json").read_text())["image_mean"] == [0.4] * 3


def test_numbers_are_learnt_and_answered_in_their_unit(workshop: Workshop, tmp_path: Path) -> None:
    dataset = write_pictures(tmp_path / "numbers", "number")
    teacher = run(workshop, "finetune", {"loop": {"epochs": 15, "batch_tokens": 16}}, dataset=dataset)
    task, test = ImageClassification(Spec.of_model(teacher.info)), Examples(pq.read_table(dataset / "test.parquet"))
    values = task.answer(task.load(teacher.model), test)[:, 0]
    assert np.abs(values - test.values("label")).mean() < 40


def test_a_teacher_goes_on_from_a_discriminator_of_the_last_step(workshop: Workshop, taught: Any) -> None:
    settings = {"objective": "adversarial", "loop": {"epochs": 3, "batch_tokens": 16, "patience": 1}}
    backbone = run(workshop, "pretrain", settings, dataset=taught[0])
    assert 1 < backbone.figures["discriminator_perplexity"] < 10
    assert backbone.figures["best_step"] == backbone.figures["steps"] == 3 * 8
    teacher = run(workshop, "finetune", {"loop": {"epochs": 1}}, dataset=taught[0], backbone=backbone.model)
    names = set(load_file(teacher.model / "model.safetensors"))
    assert {name.split(".")[0] for name in names} == {"encoder", "classifier"}
    assert teacher.info["parents"]


def test_a_collapse_of_pretraining_is_told_where_people_look(workshop: Workshop, taught: Any) -> None:
    settings = {"objective": "adversarial", "loop": {"epochs": 1, "batch_tokens": 16}}
    backbone = run(workshop, "pretrain", settings, dataset=taught[0])
    assert "tells real pictures from made ones no better than a guess" in backbone.info["notes"]["collapse"]


@pytest.mark.parametrize(
    ("step", "stop_after", "settings"),
    [
        ("pretrain", 3, {"objective": "autoencoder"}),
        ("pretrain", 11, {"objective": "adversarial"}),
        ("finetune", 9, {}),
        ("distill", 11, {"student": {"architecture": SHAPE}}),
    ],
    ids=["autoencoder", "adversarial", "finetune", "distill"],
)
def test_stopped_by_sigterm_it_goes_on_to_the_same_bits(
    workshop: Workshop, taught: Any, step: str, stop_after: int, settings: dict[str, Any]
) -> None:
    dataset, teacher, _ = taught
    paths = {"dataset": dataset} | ({"teacher": teacher.model} if step == "distill" else {})
    expected, resumed = workshop.whole_and_resumed(partial(run, workshop, step, settings, **paths), stop_after)
    assert resumed.weights == expected.weights
    assert resumed.points[-1] == expected.points[-1]


def test_a_network_of_timm_with_batch_normalisation_goes_on_to_the_same_bits_and_teaches(
    workshop: Workshop, taught: Any
) -> None:
    """By SGD under a dense head, the last batch one picture."""
    settings = {
        "architecture": {"network": "timm", "name": "test_resnet", "dropout": 0.1, "head_width": 16},
        "label_smoothing": 0.1,
        "loop": {"epochs": 2, "batch_tokens": 19},
        "optimizer": {"name": "sgd", "learning_rate": 1e-2},
    }
    tuned = partial(run, workshop, "finetune", settings, dataset=taught[0])
    expected, resumed = workshop.whole_and_resumed(tuned, 7)
    assert resumed.weights == expected.weights
    student = {"student": {"architecture": {"network": "timm", "name": "test_efficientnet"}}, "loop": settings["loop"]}
    found = run(workshop, "distill", student, dataset=taught[0], teacher=resumed.model)
    task, test = ImageClassification(Spec.of_model(found.info)), Examples(pq.read_table(taught[0] / "test.parquet"))
    assert np.isfinite(task.answer(task.load(found.model), test)).all()
