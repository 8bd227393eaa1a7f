"""The database under the home folder, and the names MLflow knows our runs by."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from mlflow import MlflowClient

from stillhouse.components.tracking import settings
from stillhouse.components.tracking.connection import connect, find_or_create, patient, refused

KILLED_WHILE_MAKING_IT = """
import os, signal, sys, threading, time
from pathlib import Path
from stillhouse.components.tracking.connection import connect

home = Path(sys.argv[1])
new = home / "mlflow.db.new"


def kill():
    while not (new.exists() and new.stat().st_size > 100_000):
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGKILL)


threading.Thread(target=kill, daemon=True).start()
connect(home)
"""


def test_a_database_is_made_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    killed = subprocess.run([sys.executable, "-c", KILLED_WHILE_MAKING_IT, str(tmp_path)])
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "mlflow.db").exists()
    assert connect(tmp_path).search_experiments()


def test_several_who_ask_at_once_get_the_same_run(home: Path, client: MlflowClient) -> None:
    def ask(_: int) -> str:
        return find_or_create(client, home, "spam", "spam-1", "finetune", 1).info.run_id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(16)))) == 1


class Answers(BaseHTTPRequestHandler):
    """Answers as the server's list of (status, body) says; the last one for ever."""

    def do_GET(self) -> None:
        server: Any = self.server
        status, body = server.answers[min(server.asked, len(server.answers) - 1)]
        server.asked += 1
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """A server that gives the answers it is told, and counts the questions."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{server.server_port}")

        def told(*answers: tuple[int, bytes]) -> Any:
            server.answers, server.asked = answers, 0  # type: ignore[attr-defined]
            return server

        yield told
        server.shutdown()


NO_SUCH_RUN = (404, b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Run not found"}')
FOUND = (200, b'{"run": {"info": {"run_id": "abc"}, "data": {}}}')


def test_a_404_in_mlflows_words_is_a_refusal(home: Path, answering: Callable[..., Any]) -> None:
    server = answering(NO_SUCH_RUN)
    with pytest.raises(Exception, match="Run not found") as error:
        patient(connect(home)).get_run("abc")
    assert refused(error.value)
    assert server.asked == 1


@pytest.mark.parametrize("status", [400, 404])
def test_an_ingress_whose_server_is_down_refuses_nothing(
    home: Path, answering: Callable[..., Any], status: int
) -> None:
    answering((status, b"<html>default backend</html>"))
    with pytest.raises(Exception, match="default backend") as error:
        connect(home).get_run("abc")
    assert not refused(error.value)


def test_a_question_that_fails_is_repeated(home: Path, answering: Callable[..., Any]) -> None:
    server = answering((500, b"{}"), (503, b""), FOUND)
    assert patient(connect(home)).get_run("abc").info.run_id == "abc"
    assert server.asked == 3


def test_a_server_that_keeps_failing_is_not_asked_for_ever(home: Path, answering: Callable[..., Any]) -> None:
    server = answering((500, b"{}"))
    with pytest.raises(Exception, match="500"):
        patient(connect(home)).get_run("abc")
    assert server.asked == settings.REPEATS
