"""Steps in pods of their own: each has a disk and a sender of its own, MLflow is all they share."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from stillhouse.components.tracking.closing import close_runs, open_runs
from stillhouse.components.tracking.connection import RUN_TAG, STEP_TAG
from stillhouse.components.tracking.run import step_run
from stillhouse.components.tracking.sender import Sender, replay
from stillhouse.components.tracking.settings import PIPELINE
from stillhouse.errors import UserError

RUN = "0b1f7c8e-run"

InPod = Callable[[str, Callable[..., None]], None]
"""See the fixture."""
Server = Callable[[], dict[str, str]]
"""Statuses by step."""


@pytest.fixture
def in_pod(tmp_path: Path, database: Path, monkeypatch: pytest.MonkeyPatch) -> InPod:
    """Runs a step in a pod: a home folder that is new, and what it left is sent."""
    shutil.copy(database, tmp_path / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.setenv("STILLHOUSE_RUN", RUN)
    monkeypatch.setenv("STILLHOUSE_SENDER", "external")
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)

    def run(step: str, act: Callable[..., None]) -> None:
        home = tmp_path / f"{step}-pod"
        monkeypatch.setenv("STILLHOUSE_HOME", str(home))
        try:
            with step_run(step) as opened:
                act(opened)
        except SystemExit:
            pass
        Sender(home, RUN).send()

    return run


@pytest.fixture
def server(in_pod: InPod, tmp_path: Path) -> Server:
    """MLflow as the run's tree shows it, at any time."""
    return lambda: {step: run.info.status for step, run in runs(tmp_path).items()}


def runs(tmp_path: Path) -> dict[str, Run]:
    """The runs of MLflow by their step."""
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    found = client.search_runs(experiments, filter_string=f"tags.`{RUN_TAG}` = '{RUN}'")
    return {run.data.tags[STEP_TAG]: run for run in found}


def fail(run: object) -> None:
    raise UserError("data.csv, row 3: no label; add one.")


def test_the_exit_step_has_the_last_word_on_the_parent_run(in_pod: InPod, tmp_path: Path) -> None:
    in_pod("inspect", lambda run: None)
    in_pod("finetune", fail)
    in_pod(PIPELINE, lambda run: run.end_as("FAILED", "failed: finetune: no label"))
    found = runs(tmp_path)
    assert {step: run.info.status for step, run in found.items()} == {
        "inspect": "FINISHED",
        "finetune": "FAILED",
        PIPELINE: "FAILED",
    }
    assert found[PIPELINE].data.tags["stillhouse.error"] == "failed: finetune: no label"
    assert found["finetune"].data.tags["mlflow.parentRunId"] == found[PIPELINE].info.run_id


def test_the_parent_run_is_running_from_the_first_step_to_the_exit_step(in_pod: InPod, server: Server) -> None:
    """Between two steps, as while the next one waits for a GPU, nobody is at work."""
    in_pod("inspect", lambda run: None)
    assert server() == {"inspect": "FINISHED", PIPELINE: "RUNNING"}
    in_pod("finetune", fail)
    assert server()[PIPELINE] == "RUNNING"
    in_pod("finetune", lambda run: None)
    assert server()[PIPELINE] == "RUNNING"
    in_pod(PIPELINE, lambda run: None)
    assert server() == {"inspect": "FINISHED", "finetune": "FINISHED", PIPELINE: "FINISHED"}


def test_a_run_that_was_cancelled_while_no_step_was_at_work_is_found_and_closed(
    in_pod: InPod, server: Server, tmp_path: Path
) -> None:
    in_pod("inspect", lambda run: None)
    close_runs(tmp_path, open_runs(tmp_path, RUN)[RUN], "it was cancelled")
    assert server() == {"inspect": "FINISHED", PIPELINE: "KILLED"}
    assert runs(tmp_path)[PIPELINE].data.tags["stillhouse.error"] == "it was cancelled"
    assert open_runs(tmp_path, RUN) == {}


def test_a_pipeline_without_our_exit_step_that_ended_well_is_closed_as_finished(
    in_pod: InPod, server: Server, tmp_path: Path
) -> None:
    in_pod("inspect", lambda run: None)
    close_runs(tmp_path, open_runs(tmp_path, RUN)[RUN], "KFP says so", succeeded=True)
    assert server() == {"inspect": "FINISHED", PIPELINE: "FINISHED"}
    assert "stillhouse.error" not in runs(tmp_path)[PIPELINE].data.tags


def test_what_a_lost_pod_tells_late_opens_no_run_that_has_ended(
    in_pod: InPod, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pod of the first attempt wrote its spool and could not send it: `stillhouse replay` does, days later."""
    lost = tmp_path / "lost"
    monkeypatch.setenv("STILLHOUSE_HOME", str(lost))
    with pytest.raises(SystemExit), step_run("finetune") as run:
        run.metrics({"loss": 0.5}, 1)
        fail(run)
    time.sleep(0.01)
    in_pod("finetune", lambda run: None)
    in_pod(PIPELINE, lambda run: None)
    (replayed,) = replay(lost)
    assert (replayed.points > 0, replayed.why) == (True, "")
    assert server() == {"finetune": "FINISHED", PIPELINE: "FINISHED"}
    assert runs(tmp_path)["finetune"].data.metrics["loss"] == 0.5


def test_what_a_lost_pod_tells_late_opens_no_run_that_was_swept(
    in_pod: InPod, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_pod("inspect", lambda run: None)
    lost = tmp_path / "lost"
    monkeypatch.setenv("STILLHOUSE_HOME", str(lost))
    with step_run("finetune") as run:
        run.metrics({"loss": 0.5}, 1)
    time.sleep(0.01)
    close_runs(tmp_path, open_runs(tmp_path, RUN)[RUN], "it was cancelled")
    replay(lost)
    assert server() == {"inspect": "FINISHED", "finetune": "FINISHED", PIPELINE: "KILLED"}


def test_a_step_that_begins_after_the_end_begins_the_pipeline_again(in_pod: InPod, server: Server) -> None:
    """As with KFP's button "retry"."""
    in_pod("inspect", fail)
    in_pod(PIPELINE, lambda run: run.end_as("FAILED", "failed: inspect: no label"))
    assert server()[PIPELINE] == "FAILED"
    time.sleep(0.01)
    in_pod("inspect", lambda run: None)
    assert server() == {"inspect": "FINISHED", PIPELINE: "RUNNING"}
    in_pod(PIPELINE, lambda run: None)
    assert server()[PIPELINE] == "FINISHED"


def test_a_run_whose_step_failed_first_ends_well_in_the_end(in_pod: InPod, tmp_path: Path) -> None:
    in_pod("inspect", fail)
    in_pod("inspect", lambda run: None)
    in_pod(PIPELINE, lambda run: run.tags({"decision": "promoted"}))
    parent = runs(tmp_path)[PIPELINE]
    assert (parent.info.status, parent.data.tags["decision"]) == ("FINISHED", "promoted")
