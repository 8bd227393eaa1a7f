import pytest
from typer.testing import CliRunner

from stillhouse.pipelines.cli.app import app
from stillhouse.pipelines.cli.arguments import with_thresholds
from stillhouse.pipelines.recipes.recipe import load_recipe


def test_limits_are_settings_of_prepare() -> None:
    recipe = load_recipe("spam", with_thresholds(["seed=3"], 100, 0.2))

    assert recipe.seed == 3
    assert (recipe.prepare["min_new_rows"], recipe.prepare["min_drift"]) == (100, 0.2)


def test_without_limits_the_recipe_decides() -> None:
    assert with_thresholds(["prepare.min_new_rows=7"], None, None) == ["prepare.min_new_rows=7"]


def test_a_limit_of_zero_turns_that_of_the_recipe_off() -> None:
    assert with_thresholds([], 0, None) == ["prepare.min_new_rows=0"]


@pytest.mark.parametrize("option", [["--min-new-rows", "-1"], ["--min-drift", "2"]])
def test_a_limit_that_makes_no_sense_is_one_sentence_and_exit_code_2(option: list[str]) -> None:
    ended = CliRunner().invoke(app, ["run", "spam", *option])

    assert ended.exit_code == 2
    assert ended.output.count("\n") == 1
