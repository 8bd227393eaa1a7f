"""`stillhouse step NAME`: each step alone, from the command line."""

import ast
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from stillhouse.components.inspect.settings import STEPS, Parameters

SETTINGS = {"inspect": Parameters, **STEPS}
HEAVY = {"torch", "transformers", "kfp", "mlflow", "datasets", "sklearn", "pandas"}
ONLY_KFP = {"evaluate": {"metrics", "classification"}, "promote": {"lock", "proof", "cards"}}
"""Arguments that KFP's face alone hands over."""
ONLY_INSPECT = {"--inspected", "--derive", "--champion"}
"""Settings that inspect fills in."""


def step(name: str, *options: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a step; stderr holds the imports too."""
    command = [sys.executable, "-X", "importtime", "-m", f"stillhouse.components.{name}", *options]
    environment = os.environ | {"COLUMNS": "200", "STILLHOUSE_SENDER": "external"}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)


def messages(ended: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in ended.stderr.splitlines() if not line.startswith("import time:")]


def imported(ended: subprocess.CompletedProcess[str]) -> set[str]:
    lines = [line for line in ended.stderr.splitlines() if line.startswith("import time:")]
    return {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in lines}


def leaves(cls: type[BaseModel], prefix: str = "") -> set[str]:
    """Options of all settings; optional nested ones count as one."""
    found = set()
    for name, field in cls.model_fields.items():
        inner = field.annotation
        nested = isinstance(inner, type) and issubclass(inner, BaseModel)
        found |= leaves(inner, f"{prefix}{name}.") if nested else {f"--{prefix}{name}"}
    return found


@pytest.fixture(scope="module")
def shown() -> dict[str, subprocess.CompletedProcess[str]]:
    return {name: step(name, "--help") for name in SETTINGS}


@pytest.mark.parametrize("name", SETTINGS)
def test_help_lists_every_setting(shown: dict[str, subprocess.CompletedProcess[str]], name: str) -> None:
    text = shown[name].stdout
    assert [option for option in leaves(SETTINGS[name]) - ONLY_INSPECT if option not in text] == []


@pytest.mark.parametrize("name", SETTINGS)
def test_help_imports_nothing_heavy(shown: dict[str, subprocess.CompletedProcess[str]], name: str) -> None:
    assert imported(shown[name]) & HEAVY == set()


def test_help_has_descriptions_and_defaults(shown: dict[str, subprocess.CompletedProcess[str]]) -> None:
    text = " ".join(shown["finetune"].stdout.split())
    assert "--loop.batch_tokens int Units of a global batch" in text
    assert "(default: 4096)" in text
    assert "--dataset Path Folder that prepare wrote. (required)" in text


@pytest.mark.parametrize("name", STEPS)
def test_the_paths_are_the_arguments_of_the_steps_function(name: str) -> None:
    module = importlib.import_module(f"stillhouse.components.{name}.__main__")
    source = Path(str(module.__file__)).with_name(f"{name}.py").read_text()
    (function,) = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and node.name == name]
    arguments = {argument.arg for argument in function.args.kwonlyargs} - {"run"} - ONLY_KFP.get(name, set())
    assert set(module.Paths.model_fields) == arguments


def test_an_unknown_option_is_refused(tmp_path: Path) -> None:
    ended = step("inspect", "--model_nam", "x", folder=tmp_path)
    assert ended.returncode == 2
    assert messages(ended)[-1].endswith("unrecognized arguments: --model_nam x")


def test_a_wrong_value_is_one_sentence_and_nothing_is_written(tmp_path: Path) -> None:
    options = ["--data_source", "a.csv", "--model_name", "m", "--train_seed", "-1"]
    ended = step("inspect", *options, folder=tmp_path)
    assert ended.returncode == 2
    (sentence,) = messages(ended)
    assert sentence.startswith("stillhouse step inspect: 'train_seed' is '-1'")
    assert list(tmp_path.iterdir()) == []


def test_a_step_runs_alone_and_shows_what_it_hands_on(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\nx,y\n")
    (tmp_path / "s.yaml").write_text(
        "model_name: m\ndata_source: none.csv\nstep_overrides: {finetune: {loop: {epochs: 4}}}\n"
    )
    ended = step("inspect", "--settings", "s.yaml", "--data_source", "a.csv", folder=tmp_path)
    assert ended.returncode == 0
    handed_on = json.loads(ended.stdout)
    assert json.loads(handed_on["prepare"])["source"] == "a.csv"
    assert json.loads(handed_on["finetune"])["loop"]["epochs"] == 4
    (spool,) = tmp_path.glob("runs/inspect-*/spool/inspect.jsonl")
    assert json.loads(spool.read_text().splitlines()[-1])["status"] == "FINISHED"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("loop: [", "--settings s.yaml, line 1: not valid YAML"),
        ("- a", "--settings s.yaml: no YAML mapping in it"),
        ("loop: {epoch: 1}", "unknown key 'loop.epoch'"),
    ],
)
def test_a_settings_file_that_cannot_be_used_is_refused(tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "s.yaml").write_text(content)
    options = ["--task", "text_classification", "--dataset", ".", "--model", "m", "--settings", "s.yaml"]
    ended = step("pretrain", *options, folder=tmp_path)
    assert ended.returncode == 2
    assert sentence in " ".join(messages(ended))


def test_a_missing_settings_file_is_named(tmp_path: Path) -> None:
    ended = step("pretrain", "--settings", "none.yaml", folder=tmp_path)
    assert (ended.returncode, messages(ended)) == (
        2,
        ["--settings: there is no file 'none.yaml'; check the path."],
    )
