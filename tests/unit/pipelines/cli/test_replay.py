"""`stillhouse replay`: what it says, where it looks, and how it ends."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from stillhouse.components.runtime.step_run import step_run
from stillhouse.components.storage.store import open_store
from stillhouse.components.tracking.leftovers import kept_in_store
from stillhouse.pipelines.cli.app import app

DEAD_SERVER = "http://somebody:a-pass-word@127.0.0.1:9"


@pytest.fixture
def home(tmp_path: Path, database: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder in which nobody sends."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_NAME", "STILLHOUSE_STORE"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    folder.mkdir()
    shutil.copy(database, folder)
    monkeypatch.setenv("STILLHOUSE_HOME", str(folder))
    monkeypatch.setenv("STILLHOUSE_SENDER", "external")
    return folder


def report(run_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STILLHOUSE_RUN", run_id)
    with step_run("finetune") as run:
        for step in range(1, 4):
            run.metrics({"loss": 1 / step}, step)


def replay() -> Result:
    return CliRunner().invoke(app, ["replay"])


def test_each_run_has_a_line_and_nothing_is_sent_twice(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report("monday", monkeypatch)
    report("tuesday", monkeypatch)
    replayed = replay()
    assert (replayed.exit_code, replayed.stderr) == (0, "")
    assert replayed.stdout == "monday: 3 points sent, nothing left\ntuesday: 3 points sent, nothing left\n"
    again = replay()
    assert (again.exit_code, again.stdout) == (0, f"Nothing is unsent in '{home}'.\n")


def test_a_server_that_is_down_is_a_sentence_without_its_password_and_exit_code_1(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report("monday", monkeypatch)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", DEAD_SERVER)
    replayed = replay()
    assert replayed.exit_code == 1
    assert replayed.stdout.startswith("monday: 0 points sent, 3 left: MLflow does not take it (")
    assert replayed.stderr.startswith("MLflow at http://")
    assert replayed.stderr.endswith("run `stillhouse replay` again; nothing is lost until then.\n")
    assert "a-pass-word" not in replayed.output


def test_what_a_pod_left_in_the_store_is_sent_and_removed_there(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLHOUSE_STORE", str(tmp_path / "store"))
    store = open_store(tmp_path / "store")
    with kept_in_store(store, home, "monday", "finetune", others=False):
        report("monday", monkeypatch)
    shutil.rmtree(home / "monday")
    assert store.list("spools/monday/finetune.jsonl")
    assert replay().stdout == "monday: 3 points sent, nothing left\n"
    assert store.list("spools") == []
