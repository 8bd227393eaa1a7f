"""What is said of a student whose probabilities were scaled."""

import json
from pathlib import Path

import numpy as np
import pytest

from stillhouse.components.artifacts.evaluation import Calibration
from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.evaluate.calibration import calibration_notes, calibration_of
from stillhouse.components.tasks import task_of

SCALED = {"method": "temperature", "temperature": 2.0, "rows": 500, "loss_before": 0.9, "loss_after": 0.6}


def student(folder: Path, **about: object) -> Path:
    (folder / "model.json").write_text(json.dumps({"labels": ["ham", "spam"], **about}))
    return folder


def test_the_calibration_error_is_told_with_and_without(tmp_path: Path) -> None:
    """Eight of ten are right: sure by 0.8 is honest, and 0.941 is what it was before the logits were halved."""
    spec = Spec(format=1, task="text_classification", target="classes", labels=["ham", "spam"], content_digest="c")
    test = Examples.of(text=["a"] * 10, label=[0] * 8 + [1] * 2)
    answers = np.tile(np.array([0.8, 0.2], np.float32), (10, 1))
    found = calibration_of(task_of(spec), student(tmp_path, calibration=SCALED), answers, test)

    read = Calibration.model_validate(found["calibration"])
    assert read.ece_after == pytest.approx(0.0, abs=1e-6)
    assert read.ece_before == pytest.approx(16 / 17 - 0.8, abs=1e-6)
    assert calibration_notes(found) == [
        "The student's probabilities are scaled by a temperature of 2, fitted on 500 validation rows: calibration "
        "error (ECE) on the test rows 0.0000, without it 0.1412."
    ]


def test_where_no_calibration_error_is_measured_the_log_loss_is_told(tmp_path: Path) -> None:
    spec = Spec(format=1, task="token_classification", target="tags", labels=["O", "B"], content_digest="c")
    test = Examples.of(tokens=[["a"]], tags=[[0]])
    found = calibration_of(task_of(spec), student(tmp_path, calibration=SCALED), [], test)

    assert (found["calibration"]["ece_before"], found["calibration"]["ece_after"]) == (None, None)
    assert calibration_notes(found)[0].endswith("log-loss on these rows 0.6000, without it 0.9000.")


def test_nothing_is_said_of_one_that_was_not_scaled(tmp_path: Path) -> None:
    spec = Spec(format=1, task="text_classification", target="classes", labels=["ham", "spam"], content_digest="c")
    assert calibration_of(task_of(spec), student(tmp_path), np.zeros((0, 2)), Examples.of(text=[])) == {}
    assert calibration_notes({}) == []
