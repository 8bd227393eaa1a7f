"""Steps in pods of their own: each has a disk and a sender of its own, MLflow is all they share."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from stillhouse.components.tracking.connection import RUN_TAG, STEP_TAG
from stillhouse.components.tracking.run import step_run
from stillhouse.components.tracking.sender import Sender
from stillhouse.components.tracking.settings import PIPELINE
from stillhouse.errors import UserError

RUN = "0b1f7c8e-run"

InPod = Callable[[str, Callable[..., None]], None]
"""See the fixture."""


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


def test_a_parent_run_that_a_failed_attempt_closed_ends_well_in_the_end(in_pod: InPod, tmp_path: Path) -> None:
    in_pod("inspect", fail)
    in_pod("inspect", lambda run: None)
    in_pod(PIPELINE, lambda run: run.tags({"decision": "promoted"}))
    parent = runs(tmp_path)[PIPELINE]
    assert (parent.info.status, parent.data.tags["decision"]) == ("FINISHED", "promoted")
