"""One training of a step, from its settings to its model."""

from pathlib import Path
from typing import Any

import pytest

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.model import read_model_json
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.artifacts.trainings import trainings_of
from stillhouse.components.finetune.settings import FinetuneSettings
from stillhouse.components.tasks import task_of
from stillhouse.components.tracking.run import StepRun
from stillhouse.components.training.history import History
from stillhouse.components.training_step.training_step import TrainingStep, training_step, used
from stillhouse.errors import UserError

Trained = Any
"""conftest.Trained"""
SETTINGS = FinetuneSettings.model_validate({"task": "t", "derive": {"seconds": 1.0, "keys": []}})
SPEC = Spec(format=1, task="text_classification", target="classes", labels=["a", "b"], columns={}, content_digest="d")
HISTORY = History(step=2, best=0.5, best_step=1, points=[{"step": 1, "epochs": 1.0, "f1_macro": 0.5}])


class Told(StepRun):
    """Keeps the figures that it is told."""

    def metrics(self, values: Any, step: int = 0) -> None:
        self.told = dict(values), step


@pytest.fixture
def run(tmp_path: Path) -> Told:
    return Told("finetune", "run", tmp_path / "runs")


@pytest.fixture
def written(trained: Trained, run: Told, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Writes a model folder as finetune does."""
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "home"))
    task = task_of(SPEC)
    loaded = task.load(trained.teacher.model)

    def write(step: TrainingStep, folder: Path) -> dict[str, float]:
        return step.write_answering(
            folder,
            task,
            loaded,
            HISTORY,
            train=Examples.of(text=["x"]),
            notes={"base": "so"},
            parents=[],
            earlier=[{"step": "pretrain"}],
            figures={"more": 3.0},
        )

    return write


def test_settings_are_told_as_they_are_trained_with() -> None:
    assert "derive" not in used(SETTINGS)
    assert used(SETTINGS)["loop"] == SETTINGS.loop.model_dump()


def test_figures_model_json_and_curves_are_written_together(written: Any, run: Told, tmp_path: Path) -> None:
    with training_step("finetune", SETTINGS, ["d"], run, "token") as step:
        figures = written(step, tmp_path / "model")
    assert (figures["validation_f1_macro"], figures["more"], figures["steps"]) == (0.5, 3.0, 2)
    assert run.told == (figures, 2)
    info = read_model_json(tmp_path / "model")
    assert (info["settings"], info["notes"], info["labels"]) == (used(SETTINGS), {"base": "so"}, ["a", "b"])
    assert (info["main_metric"], info["max_length"], info["dataset_digest"]) == (
        "f1_macro",
        SETTINGS.loop.max_length,
        "d",
    )
    before, own = trainings_of(tmp_path / "model")
    assert (before["step"], own["step"]) == ("pretrain", "finetune")
    assert (own["lengths"]["max_length"], own["lengths"]["rows"]) == (SETTINGS.loop.max_length, 1)


def test_figures_are_told_before_the_model_is_there(written: Any, run: Told, tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    with pytest.raises(UserError), training_step("finetune", SETTINGS, ["d"], run, "token") as step:
        written(step, tmp_path / "a file" / "model")
    assert run.told[0]["more"] == 3.0
