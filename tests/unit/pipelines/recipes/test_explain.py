"""Where each setting comes from."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stillhouse.components.inspect.settings import Parameters
from stillhouse.pipelines.cli.app import app
from stillhouse.pipelines.recipes.explain import effective_settings
from stillhouse.pipelines.recipes.recipe import load_recipe

WriteRecipe = Callable[..., Path]


def explained(path: Path, *overrides: str) -> dict[str, tuple[object, str]]:
    return {setting.key: (setting.value, setting.origin) for setting in effective_settings(str(path), overrides)}


def test_each_setting_has_the_value_that_the_steps_get(write_recipe: WriteRecipe) -> None:
    path = write_recipe()
    steps = Parameters.model_validate(load_recipe(str(path)).parameters()).steps("recipe")
    found = explained(path)
    assert found["finetune.loop.epochs"][0] == steps["finetune"].loop.epochs == 2
    assert found["distill.temperature"][0] == steps["distill"].temperature
    assert found["promote.model_name"][0] == "reviews"
    assert {key.split(".")[0] for key in found} == set(steps)


@pytest.mark.parametrize(
    ("key", "origin"),
    [
        ("finetune.loop.epochs", "reviews.yaml, line 9"),
        ("distill.loop.epochs", "the data and the budget"),
        ("distill.loop.patience", "default"),
        ("prepare.columns.text", "data.columns.text: reviews.yaml, line 5"),
        ("prepare.columns.group", "data.columns.group: default"),
        ("finetune.loop.seed", "seed: default"),
        ("promote.model_name", "name: reviews.yaml, line 1"),
        ("finetune.architecture.layers", "model.teacher.layers: --set model.teacher.layers=3"),
        ("distill.temperature", "--set distill.temperature=3"),
        ("distill.loop.seed", "--set distill.loop.seed=4"),
    ],
)
def test_each_setting_says_whence_it_comes(write_recipe: WriteRecipe, key: str, origin: str) -> None:
    overrides = ("model.teacher.layers=3", "distill.temperature=3", "distill.loop.seed=4")
    assert explained(write_recipe(), *overrides)[key][1] == origin


def test_what_follows_from_the_data_has_no_value_yet(write_recipe: WriteRecipe) -> None:
    assert explained(write_recipe())["distill.loop.epochs"] == (None, "the data and the budget")
    assert explained(write_recipe(), "budget=none")["distill.loop.epochs"] == (3, "default")


def test_the_command_shows_what_is_given_alone_if_asked(write_recipe: WriteRecipe) -> None:
    path = str(write_recipe())
    everything = CliRunner().invoke(app, ["explain", path]).output
    given = CliRunner().invoke(app, ["explain", path, "--given"]).output
    assert ("distill.temperature" in everything, "distill.temperature" in given) == (True, False)
    assert [line.split()[:2] for line in given.splitlines() if "epochs" in line] == [["finetune.loop.epochs", "2"]]
