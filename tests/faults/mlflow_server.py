"""A real MLflow server that can be killed, locked and asked what it holds."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

Point = tuple[str, int, int, float, bool]
"""Key, step, timestamp, value (0 for a NaN), whether it is a NaN."""


class Recorded(NamedTuple):
    """A run as the server's database has it."""

    status: str
    params: dict[str, str]
    tags: dict[str, str]
    points: list[Point]


class MlflowServer:
    """`mlflow server` on a SQLite file; its address stays the same from start to start."""

    def __init__(self, database: Path) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.database = database
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, unless it runs, and wait until it answers."""
        if self._process is not None:
            return
        command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--port", self.url.rpartition(":")[2]]
        command += ["--backend-store-uri", f"sqlite:///{self.database}"]
        command += ["--artifacts-destination", str(self.database.with_name("files"))]
        environment = os.environ | {
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        with self.database.with_name("server.log").open("ab") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        wait_for(self._is_healthy)

    def kill(self) -> None:
        """SIGKILL to all its processes."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else reads or writes the database within the block."""
        with closing(sqlite3.connect(self.database, timeout=60, isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            yield
            connection.execute("ROLLBACK")

    def recorded(self, run_id: str) -> dict[str, Recorded]:
        """All runs that bear the tag of a pipeline run, by step.

        Raises:
            AssertionError: a step has two.
        """
        with closing(sqlite3.connect(self.database, timeout=60)) as connection:

            def ask(query: str, value: str) -> list[Any]:
                return connection.execute(query, (value,)).fetchall()

            found: dict[str, Recorded] = {}
            for (uuid,) in ask("SELECT run_uuid FROM tags WHERE key = 'stillhouse.run' AND value = ?", run_id):
                tags = dict(ask("SELECT key, value FROM tags WHERE run_uuid = ?", uuid))
                assert tags["stillhouse.step"] not in found
                points = ask("SELECT key, step, timestamp, value, is_nan FROM metrics WHERE run_uuid = ?", uuid)
                found[tags["stillhouse.step"]] = Recorded(
                    ask("SELECT status FROM runs WHERE run_uuid = ?", uuid)[0][0],
                    dict(ask("SELECT key, value FROM params WHERE run_uuid = ?", uuid)),
                    tags,
                    sorted((key, step, at, value, bool(nan)) for key, step, at, value, nan in points),
                )
            return found

    def num_points(self, run_id: str) -> int:
        """Points that have arrived from a pipeline run."""
        return sum(len(run.points) for run in self.recorded(run_id).values())

    def _is_healthy(self) -> bool:
        try:
            return urllib.request.urlopen(f"{self.url}/health", timeout=5).status == 200
        except OSError:
            return False


def wait_for(condition: Callable[[], object], seconds: float = 180) -> None:
    """Wait until it is true."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.1)
