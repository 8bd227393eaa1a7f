from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import compiler, components, dsl
from kfp.dsl.executor import Executor

from stillhouse.pipelines.compiling.component_yaml import STEPS, compile_components
from stillhouse.pipelines.compiling.options import ClusterOptions

NAMES = [step.name for step in STEPS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("components") / "new"
    compile_components(folder, ClusterOptions(image_repository="reg.example/team"))
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_each_step_is_a_component_that_kfp_loads(folder: Path, name: str) -> None:
    assert components.load_component_from_file(str(folder / f"{name}.yaml")).name == name


@pytest.mark.parametrize("step", STEPS, ids=NAMES)
def test_a_pod_reads_its_inputs_as_kfps_backend_names_them(step: Any, tmp_path: Path) -> None:
    """By their number in ML Metadata and, unlike kfp's local runner, without a schema title."""
    inputs = {
        name: spec for name, spec in (step.component_spec.inputs or {}).items() if spec.type.startswith("system.")
    }
    artifact = {"name": "169", "uri": "minio://mlpipeline/v2/artifacts/one", "metadata": {"display_name": "one"}}
    asked = {
        "inputs": {"artifacts": {name: {"artifacts": [artifact]} for name in inputs}},
        "outputs": {"outputFile": str(tmp_path / "output.json")},
    }
    found = Executor(executor_input=asked, function_to_execute=step.python_func)
    paths = {name: getattr(found.get_input_artifact(name), "path", None) for name in inputs}
    assert paths == dict.fromkeys(inputs, "/minio/mlpipeline/v2/artifacts/one")


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_lists_every_input_and_output(folder: Path, name: str) -> None:
    section = (folder / "README.md").read_text().split(f"\n## {name}\n")[1].split("\n## ")[0]
    specification = yaml.safe_load((folder / f"{name}.yaml").read_text())["components"][f"comp-{name}"]
    for side, direction in (("inputDefinitions", "in"), ("outputDefinitions", "out")):
        for ports in specification.get(side, {}).values():
            assert [port for port in ports if f"| {direction} | {port} |" not in section] == []


def test_the_exit_step_takes_its_place_in_somebody_elses_pipeline(folder: Path, tmp_path: Path) -> None:
    inspect, conclude = (
        components.load_component_from_file(str(folder / f"{name}.yaml")) for name in ("inspect", "conclude")
    )

    @dsl.pipeline(name="theirs")
    def theirs() -> None:
        with dsl.ExitHandler(conclude(model_name="spam")):
            inspect(
                data_columns={},
                data_source="s3://mails",
                data_task="text_classification",
                model_base="",
                model_name="spam",
                model_student={},
                model_teacher={},
                step_overrides={},
                train_budget="none",
                train_pretraining="none",
                train_seed=1,
            )

    compiler.Compiler().compile(theirs, str(tmp_path / "theirs.yaml"))
    tasks = yaml.safe_load((tmp_path / "theirs.yaml").read_text())["root"]["dag"]["tasks"]
    assert "taskFinalStatus" in tasks["conclude"]["inputs"]["parameters"]["status"]


def test_the_images_are_those_of_the_options(folder: Path) -> None:
    specification = yaml.safe_load((folder / "finetune.yaml").read_text())
    container = specification["deploymentSpec"]["executors"]["exec-finetune"]["container"]
    assert container["image"].startswith("reg.example/team/python-training:")
    assert container["command"][3:5] == ["stillhouse.components.runtime.supervisor", "finetune"]
