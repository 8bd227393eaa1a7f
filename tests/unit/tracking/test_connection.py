"""The database under the home folder, and the names MLflow knows our runs by."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from mlflow import MlflowClient

from stillhouse.components.tracking.connection import connect, find_or_create

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
