from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from stillhouse.components.tracking.closing import close_runs, open_runs
from stillhouse.components.tracking.connection import RUN_TAG
from stillhouse.components.tracking.run import step_run
from stillhouse.errors import UserError

RUN = "spam-20261122-151405"


@pytest.fixture
def left_open(home: Path, client: MlflowClient) -> Run:
    """What a pod left that was killed while its step ran."""
    experiment = client.create_experiment("spam")
    client.create_run(experiment)  # somebody else's
    return client.create_run(experiment, tags={RUN_TAG: RUN})


def test_what_counts_as_running_is_found_by_its_pipeline_run(home: Path, left_open: Run) -> None:
    (found,) = open_runs(home)[RUN]
    assert found.info.run_id == left_open.info.run_id


def test_one_pipeline_run_can_be_asked_for(home: Path, left_open: Run) -> None:
    assert open_runs(home, "another") == {}


def test_a_closed_run_counts_as_killed_and_says_why(home: Path, client: MlflowClient, left_open: Run) -> None:
    close_runs(home, open_runs(home)[RUN], "it was cancelled")
    run = client.get_run(left_open.info.run_id)
    assert (run.info.status, run.data.tags["stillhouse.error"]) == ("KILLED", "it was cancelled")
    assert open_runs(home) == {}


def test_what_a_step_has_closed_itself_is_not_open(home: Path, send: Callable[[], None]) -> None:
    with step_run("finetune"):
        pass
    send()
    assert "finetune" not in [run.data.tags["stillhouse.step"] for run in open_runs(home).get(RUN, [])]


def test_a_server_that_is_down_is_one_sentence(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"MLflow at http://127.0.0.1:9 does not answer \(.*\); try again"):
        open_runs(home)
