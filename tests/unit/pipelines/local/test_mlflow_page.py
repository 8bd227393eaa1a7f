"""MLflow's page of the newest run."""

import socket
from pathlib import Path

import pytest

from stillhouse.components.tracking.connection import connect
from stillhouse.errors import UserError
from stillhouse.pipelines.local.mlflow_page import newest_page, open_page


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def test_the_newest_run_is_that_of_the_last_pipeline_as_model_training(tmp_path: Path, database: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(database.read_bytes())
    client = connect(tmp_path)
    experiment = client.create_experiment("spam")
    _, newest, _ = [
        client.create_run(experiment, start_time=start, tags={"stillhouse.step": step})
        for start, step in ((1, "pipeline"), (3, "pipeline"), (5, "finetune"))
    ]
    page = newest_page(tmp_path, "http://127.0.0.1:5000")
    assert (
        page
        == f"http://127.0.0.1:5000/#/experiments/{experiment}/runs/{newest.info.run_id}?workflowType=machine_learning"
    )


def test_nothing_recorded_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Nothing is recorded in .* yet; run a recipe first"):
        open_page(tmp_path, 5000, browser=False)


def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path, database: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(database.read_bytes())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"--port {port}: something listens there already"):
            open_page(tmp_path, port, browser=False)


def test_a_server_that_does_not_answer_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"MLflow at http://127.0.0.1:9 does not answer"):
        open_page(tmp_path, 5000, browser=False)
