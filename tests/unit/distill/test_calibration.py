"""The student is made as sure as it is right, and answers as before."""

import json
import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from stillhouse.components.artifacts.calibration import TemperatureScaling
from stillhouse.components.artifacts.dataset import read_split
from stillhouse.components.artifacts.spec import read_spec
from stillhouse.components.distill.calibration import fitted_temperature
from stillhouse.components.targets.label_losses import label_loss
from stillhouse.components.targets.tokens import tag_loss
from stillhouse.components.tasks import task_of

Workshop = Any
"""conftest.Workshop"""
Trained = Any
"""conftest.Trained"""


def test_a_model_that_is_three_times_too_sure_gets_a_temperature_of_three() -> None:
    generator = torch.Generator().manual_seed(0)
    honest = torch.randn(20_000, 3, generator=generator)
    labels = torch.multinomial(honest.softmax(-1), 1, generator=generator)[:, 0]
    loss = label_loss("classes", class_weights=None, label_smoothing=0.0)
    of_outputs = lambda outputs, batch: loss(outputs.logits, batch["labels"])  # noqa: E731 - a loss as tasks have it
    told = [(3 * honest[:9000], labels[:9000]), (3 * honest[9000:], labels[9000:])]
    assert fitted_temperature(of_outputs, told) == pytest.approx(3.0, rel=0.03)
    assert fitted_temperature(of_outputs, [(honest / 2, labels)]) == pytest.approx(0.5, rel=0.03)


def test_of_label_sets_each_label_is_an_answer_and_of_tags_each_word() -> None:
    generator = torch.Generator().manual_seed(1)
    honest = torch.randn(4000, 5, generator=generator)
    given = torch.bernoulli(honest.sigmoid(), generator=generator)
    loss = label_loss("multi_label", class_weights=None, label_smoothing=0.0)
    of_sets = lambda outputs, batch: loss(outputs.logits, batch["labels"])  # noqa: E731
    assert fitted_temperature(of_sets, [(2 * honest, given)]) == pytest.approx(2.0, rel=0.04)

    words = torch.randn(500, 8, 4, generator=generator)
    tags = torch.multinomial(words.flatten(0, 1).softmax(-1), 1, generator=generator).view(500, 8)
    tags[:, ::2] = -100  # half of the tokens are no first sub-word, and their logits say nothing
    words[:, ::2] = 50 * torch.randn(500, 4, 4, generator=generator)
    of_tags = lambda outputs, batch: tag_loss(outputs.logits, batch["labels"])  # noqa: E731
    assert fitted_temperature(of_tags, [(2 * words, tags)]) == pytest.approx(2.0, rel=0.06)


def test_a_model_that_has_all_rows_right_is_not_made_as_sure_as_can_be() -> None:
    """With a row of any label beside 99, confidence ends at 1 - 1 / 200."""
    logits = torch.tensor([[2.0, -2.0]] * 99)
    loss = label_loss("classes", class_weights=None, label_smoothing=1 / 100)
    of_outputs = partial(lambda outputs, batch: loss(outputs.logits, batch["labels"]))
    temperature = fitted_temperature(of_outputs, [(logits, torch.zeros(99, dtype=torch.int64))])
    assert 1 / (1 + math.exp(-4 / temperature)) == pytest.approx(1 - 1 / 200, abs=1e-4)


@pytest.fixture(scope="module")
def students(trained: Trained, workshop_in: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """Two alike, one of them scaled."""
    with workshop_in(tmp_path_factory.mktemp("calibrated")) as workshop:
        paths = {"dataset": trained.dataset, "teacher": trained.teacher.model}
        settings = {"loop": {"epochs": 1}}
        return {
            scaled: workshop.run("distill", {**settings, "calibrate": scaled}, **paths).model
            for scaled in (False, True)
        }


def test_the_scaled_student_answers_the_same_with_other_probabilities(
    students: dict[bool, Path], trained: Trained
) -> None:
    task, test = task_of(read_spec(trained.dataset)), read_split(trained.dataset, "test")
    plain, scaled = (task.answer(task.load(students[which]), test) for which in (False, True))
    about = TemperatureScaling.model_validate(json.loads((students[True] / "model.json").read_text())["calibration"])
    assert scaled.argmax(axis=1).tolist() == plain.argmax(axis=1).tolist()
    np.testing.assert_allclose(np.asarray(task.at_temperature(plain, about.temperature)), scaled, atol=1e-5)
    assert abs(about.temperature - 1) > 0.01
    assert about.rows == len(read_split(trained.dataset, "validation"))
    assert about.loss_after < about.loss_before


def test_a_student_that_is_not_to_be_scaled_says_nothing_of_it(students: dict[bool, Path]) -> None:
    assert "calibration" not in json.loads((students[False] / "model.json").read_text())
