from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import components

from stillhouse.pipelines.compiling import compile_pipeline
from stillhouse.pipelines.recipe import load_recipe


@pytest.fixture(scope="module")
def parameters() -> dict[str, Any]:
    return load_recipe("spam", ["finetune.loop.epochs=7", "seed=11"]).parameters()


@pytest.fixture(scope="module")
def compiled(parameters: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("compiled") / "new" / "spam.yaml"
    compile_pipeline(parameters, path)
    return path


@pytest.fixture(scope="module")
def inputs(compiled: Path) -> dict[str, dict[str, Any]]:
    (specification, *_) = yaml.safe_load_all(compiled.read_text())
    return specification["root"]["inputDefinitions"]["parameters"]


def test_kfp_loads_what_was_compiled(compiled: Path) -> None:
    loaded = components.load_component_from_file(str(compiled))
    assert loaded.name == "stillhouse-retrain"


def test_every_parameter_has_a_description(inputs: dict[str, dict[str, Any]]) -> None:
    assert [name for name, found in inputs.items() if not found.get("description")] == []


def test_the_recipes_values_are_the_defaults(inputs: dict[str, dict[str, Any]], parameters: dict[str, Any]) -> None:
    assert {name: found["defaultValue"] for name, found in inputs.items()} == parameters


def test_the_form_stays_short(inputs: dict[str, dict[str, Any]]) -> None:
    assert len(inputs) <= 15


def test_nothing_but_the_file_is_left(compiled: Path) -> None:
    assert list(compiled.parent.iterdir()) == [compiled]
