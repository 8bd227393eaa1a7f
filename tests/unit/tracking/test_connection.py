"""The database under the home folder, and the names MLflow knows our runs by."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import pytest
from loopback import Loopback, Request
from mlflow import MlflowClient

from stillhouse.components.tracking import settings
from stillhouse.components.tracking.connection import connect, find_or_create, patient, refused

KILLED_WHILE_MAKING_IT = """
import os, signal, sys, threading, time
from pathlib import Path
from typing import Self
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


class Answers(Loopback):
    """Gives the answers it is told, the last one for ever, and counts the questions."""

    def __init__(self) -> None:
        self.asked = 0
        self.told: tuple[tuple[int, bytes], ...] = ()
        super().__init__(self._answer)

    def __call__(self, *answers: tuple[int, bytes]) -> Self:
        self.told = answers
        return self

    def _answer(self, asked: Request) -> tuple[int, bytes]:
        self.asked += 1
        return self.told[min(self.asked, len(self.told)) - 1]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    with Answers() as server:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
        yield server


NO_SUCH_RUN = (404, b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Run not found"}')
FOUND = (200, b'{"run": {"info": {"run_id": "abc"}, "data": {}}}')


def test_a_404_in_mlflows_words_is_a_refusal(home: Path, answering: Answers) -> None:
    server = answering(NO_SUCH_RUN)
    with pytest.raises(Exception, match="Run not found") as error:
        patient(connect(home)).get_run("abc")
    assert refused(error.value)
    assert server.asked == 1


@pytest.mark.parametrize("status", [400, 404])
def test_an_ingress_whose_server_is_down_refuses_nothing(home: Path, answering: Answers, status: int) -> None:
    answering((status, b"<html>default backend</html>"))
    with pytest.raises(Exception, match="default backend") as error:
        connect(home).get_run("abc")
    assert not refused(error.value)


def test_a_question_that_fails_is_repeated(home: Path, answering: Answers) -> None:
    server = answering((500, b"{}"), (503, b""), FOUND)
    assert patient(connect(home)).get_run("abc").info.run_id == "abc"
    assert server.asked == 3


def test_a_server_that_keeps_failing_is_not_asked_for_ever(home: Path, answering: Answers) -> None:
    server = answering((500, b"{}"))
    with pytest.raises(Exception, match="500"):
        patient(connect(home)).get_run("abc")
    assert server.asked == settings.REPEATS
