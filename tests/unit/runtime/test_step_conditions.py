"""What every step is checked for before it begins: its accelerators, and that its inputs are there."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from stillhouse.components.runtime.accelerators import ALLOW_CPU, require_accelerators
from stillhouse.components.runtime.step_run import path_of, step_run
from stillhouse.errors import UserError


@dataclass
class Artifact:
    path: str
    uri: str = "s3://mlpipeline/runs/1/dataset"


@pytest.fixture(autouse=True)
def no_accelerator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import torch

    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 1)
    monkeypatch.delenv(ALLOW_CPU, raising=False)
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path))
    monkeypatch.setenv("STILLHOUSE_SENDER", "external")


@pytest.mark.parametrize("asked", ["", "0", "1"])
def test_as_many_accelerators_as_asked_for_are_enough(asked: str) -> None:
    require_accelerators(asked)


def test_fewer_accelerators_than_asked_for_are_one_sentence() -> None:
    with pytest.raises(UserError, match=r"asked for 2 accelerators and torch sees 1: .* or set STILLHOUSE_ALLOW_CPU=1"):
        require_accelerators("2")


def test_one_variable_permits_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOW_CPU, "1")
    require_accelerators("2")


def test_a_step_without_its_accelerators_fails_before_it_begins(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, step_run("finetune", "2"):
        pytest.fail("the step began")
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("This pod asked for 2 accelerators")


def test_the_place_of_an_input_is_its_folder_or_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").touch()
    for path in ("folder", "folder/file"):
        assert path_of(Artifact(str(tmp_path / path))) == str(tmp_path / path)


@pytest.mark.parametrize("made", [True, False], ids=["empty", "missing"])
def test_an_input_that_the_store_no_longer_holds_is_named_with_the_mend(tmp_path: Path, made: bool) -> None:
    if made:
        (tmp_path / "dataset").mkdir()
    with pytest.raises(UserError, match=r"'s3://mlpipeline/runs/1/dataset' .* with --no-cache"):
        path_of(Artifact(str(tmp_path / "dataset")))
