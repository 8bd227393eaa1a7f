"""The light steps do their work in what the light image holds; prepare, which has the other one, needs no torch."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from tests.unit.images.without_training import only_in_training

from stillhouse.components.tracking import registry

ROOT = Path(__file__).parents[3]
STEPS = (
    "inspect/test_inspect.py::test_new_data_is_compared_with_the_champion_and_its_dataset",
    "promote/test_promote.py::test_the_first_candidate_is_promoted_and_registered",
    "inspect/test_windows.py::test_the_next_window_begins_where_the_champions_data_end",
    "decline/test_decline.py::test_the_verdict_is_in_the_store_for_the_exit_step",
    "conclude/test_conclude.py::test_a_failed_run_says_which_step_failed_and_why",
    "sweep/test_sweep.py::test_everything_old_of_ended_runs_goes",
    "runtime/test_supervisor.py::test_a_killed_process_is_started_again",
)
PREPARE = """
import sys
from stillhouse.components.prepare import __main__, component, prepare
from stillhouse.components.prepare.settings import PrepareSettings
print(*sorted({"torch", "transformers", "tokenizers"} & set(sys.modules)))
"""


def test_the_list_of_what_is_missing_there_is_one() -> None:
    assert {"torch", "transformers", "pyarrow", "scipy", "sklearn", "altair", "datasets"} <= only_in_training()
    assert not {"boto3", "kfp", "mlflow", "numpy", "pandas", "pydantic"} & only_in_training()


def test_the_light_steps_sweep_and_the_supervisor_run_in_the_light_image() -> None:
    tests = [f"tests/unit/{name}" for name in STEPS]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.unit.images.without_training", *tests]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert f"{len(STEPS)} passed" in done.stdout, done.stdout


def test_prepare_imports_no_torch() -> None:
    done = subprocess.run([sys.executable, "-c", PREPARE], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_a_model_registered_there_asks_for_the_torch_that_trained_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name in ("torch", "transformers", "pyarrow", "ftfy"):
            raise metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(registry.metadata, "version", version)
    stated = [text.partition(";")[0] for text in metadata.requires("stillhouse") or []]
    names = ("torch=", "transformers=", "pyarrow", "ftfy")
    torch, transformers, pyarrow, ftfy = (text for name in names for text in stated if text.startswith(name))
    assert "==" in torch and "==" in transformers
    assert registry._requirements("transformers") == [
        torch,
        transformers,
        "safetensors==1.0",
        "pandas==1.0",
        pyarrow,
        ftfy,
    ]
