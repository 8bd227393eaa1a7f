from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import components

from stillhouse.errors import UserError
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
    defaults = {name: found["defaultValue"] for name, found in inputs.items() if "defaultValue" in found}
    assert defaults == {name: value for name, value in parameters.items() if name != "data_source"}


def test_the_form_stays_short(inputs: dict[str, dict[str, Any]]) -> None:
    assert len(inputs) <= 15


def test_nothing_but_the_file_is_left(compiled: Path) -> None:
    assert list(compiled.parent.iterdir()) == [compiled]


def test_a_path_of_this_machine_is_no_default(compiled: Path, parameters: dict[str, Any]) -> None:
    assert parameters["data_source"] not in compiled.read_text()


def test_a_source_that_pods_reach_is_a_default(parameters: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "spam.yaml"
    compile_pipeline({**parameters, "data_source": "s3://bucket/mails"}, path)
    (specification, *_) = yaml.safe_load_all(path.read_text())
    assert specification["root"]["inputDefinitions"]["parameters"]["data_source"]["defaultValue"] == "s3://bucket/mails"


def test_parameters_with_a_key_are_not_compiled(parameters: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "spam.yaml"
    with pytest.raises(UserError, match="model_base: 'model_base' holds what looks like an AWS access key"):
        compile_pipeline({**parameters, "model_base": "AKIA" + "IOSFODNN7EXAMPLE"}, path)
    assert list(tmp_path.iterdir()) == []
