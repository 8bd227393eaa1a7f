import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stillhouse import __version__
from stillhouse.components.inspect.settings import STEPS as STEPS_WITH_SETTINGS
from stillhouse.components.runtime.steps import STEPS
from stillhouse.pipelines.cli.app import app

HEAVY = {
    "torch",
    "transformers",
    "kfp",
    "mlflow",
    "datasets",
    "pandas",
    "numpy",
    "pyarrow",
    "boto3",
}

runner = CliRunner()


def imported_by(*arguments: str) -> set[str]:
    """Top-level modules that a command imports."""
    command = [sys.executable, "-X", "importtime", "-c", "from stillhouse.pipelines.cli.app import app; app()"]
    ended = subprocess.run([*command, *arguments], capture_output=True, text=True, check=True)
    return {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in ended.stderr.splitlines()}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"], ["step"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    imported = imported_by(*arguments)
    assert "typer" in imported
    assert imported & HEAVY == set()


def test_help_names_every_command() -> None:
    shown = runner.invoke(app, ["--help"]).output
    for command in (
        "run",
        "init",
        "explain",
        "compile",
        "doctor",
        "runs",
        "verdicts",
        "ui",
        "step",
        "predict",
        "rollback",
        "forget",
        "replay",
        "sweep",
    ):
        assert f" {command} " in shown


def test_version() -> None:
    assert runner.invoke(app, ["--version"]).output == f"{__version__}\n"


def test_the_steps_are_those_of_the_pipeline() -> None:
    assert list(STEPS) == ["inspect", *STEPS_WITH_SETTINGS]


@pytest.mark.parametrize("command", ["run", "compile"])
def test_a_mistake_in_a_recipe_is_one_sentence_and_exit_code_2_and_nothing_is_written(
    command: str, write_recipe: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_recipe(("epochs: 2", "epochs: 0"))
    before = set(tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    ended = runner.invoke(app, [command, str(path)])
    assert ended.exit_code == 2
    assert ended.stdout == ""
    assert ended.stderr.startswith(f"{path}, line 9, finetune: 'loop.epochs' is 0")
    assert ended.stderr.count("\n") == 1
    assert set(tmp_path.rglob("*")) == before


def test_a_step_that_is_not_there_is_named() -> None:
    ended = runner.invoke(app, ["step", "finetun"])
    assert (ended.exit_code, ended.stderr.split(";")[0]) == (2, "There is no step 'finetun'")


def test_compile_says_which_file_it_wrote(tmp_path: Path) -> None:
    out = tmp_path / "spam.yaml"
    assert runner.invoke(app, ["compile", "spam", "--out", str(out)]).stdout == f"{out}\n"
    assert out.read_text().startswith("# PIPELINE DEFINITION")


def test_ctrl_c_is_exit_code_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("stillhouse.pipelines.recipes.recipe.load_recipe", interrupt)
    assert runner.invoke(app, ["run", "spam"]).exit_code == 130


@pytest.mark.parametrize("arguments", [["run", "spam", "--home"], ["compile", "spam", "--out"]])
def test_a_place_that_cannot_be_written_is_one_sentence(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = runner.invoke(app, [*arguments, str(tmp_path / "file" / "below")])
    assert ended.exit_code == 2
    assert ended.stderr.startswith(f"cannot write '{tmp_path / 'file' / 'below'}'")
    assert ended.stderr.count("\n") == 1
