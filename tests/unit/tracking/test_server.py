"""A real MLflow server over HTTP: late for the sender, far away for the registry."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stillhouse.components.tracking.connection import connect
from stillhouse.components.tracking.registry import log_model, resolve, set_aliases
from stillhouse.components.tracking.run import step_run
from stillhouse.components.tracking.spool import read_sent


class Server:
    """A server with a place of its own, which runs from the first `start` on."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.uri = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if self._process:
            return
        command = [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
        command += [
            "--port",
            self.uri.rpartition(":")[2],
            "--artifacts-destination",
            str(self._folder / "files"),
        ]
        command += ["--backend-store-uri", f"sqlite:///{self._folder / 'mlflow.db'}"]
        environment = os.environ | {
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        with (self._folder / "server.log").open("wb") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        wait_for(self._healthy)

    def stop(self) -> None:
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _healthy(self) -> bool:
        try:
            return urllib.request.urlopen(f"{self.uri}/health", timeout=5).status == 200
        except OSError:
            return False


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database: Path) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(database, folder)
    server = Server(folder)
    yield server
    server.stop()


def test_everything_reaches_a_server_that_was_down(
    home: Path, spools: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    (home / "report.html").write_text("<p>")
    with step_run("finetune") as run:
        run.params({"epochs": 3})
        for step in range(2500):
            run.metrics({"loss": 1 / (step + 1)}, step)
        run.artifact(home / "report.html")
        run.dataset("spam", "ab" * 32, "hf://emails", {"train": 80})
    command = [sys.executable, "-m", "stillhouse.components.tracking.sender", "--home", str(home)]
    log = home / "sender.log"
    with log.open("wb") as output:
        sender = subprocess.Popen([*command, "--run", run.run_id], stderr=output)
    wait_for(lambda: b"Retrying" in log.read_bytes())
    server.start()
    (spools / "closed").touch()
    assert sender.wait(120) == 0
    client = connect(home)
    sent: Any = client.get_run(read_sent(spools / "finetune.jsonl").mlflow_run)
    assert (sent.info.status, sent.data.params) == ("FINISHED", {"epochs": "3"})
    steps = [point.step for point in client.get_metric_history(sent.info.run_id, "loss")]
    assert sorted(steps) == list(range(2500))
    assert [entry.path for entry in client.list_artifacts(sent.info.run_id)] == ["report.html"]
    assert [used.dataset.source_type for used in sent.inputs.dataset_inputs] == ["hugging_face"]


def test_a_model_comes_back_from_a_server_file_for_file(
    home: Path, server: Server, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    with step_run("promote") as run:
        set_aliases("spam", champion=log_model(run, model_folder, "spam", digest="abc"), previous=None)
    folder = resolve("models:/spam@champion")
    assert folder.is_relative_to(home / "downloads")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        path.name: path.read_bytes() for path in model_folder.iterdir()
    }
    assert resolve("models:/spam@champion") == folder
