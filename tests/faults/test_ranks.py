"""One of two processes that train together is killed: the step is started again and goes on from its checkpoint.

As in a pod: a supervisor, the step's own process with torchrun's launcher, and two processes that train.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from safetensors.numpy import load_file

from stillhouse.components.runtime.attempts import read_attempts
from stillhouse.components.storage.store import open_store

STEP = """
import json, sys
from pathlib import Path
from stillhouse.components.finetune.finetune import finetune
from stillhouse.components.finetune.settings import FinetuneSettings
from stillhouse.components.distributed.launch import on_accelerators
from stillhouse.components.runtime.step_run import step_run
home = Path(sys.argv[1])
with step_run("finetune", "2") as run:
    settings = FinetuneSettings.parse((home / "settings.json").read_text())
    paths = {name: str(home / name) for name in ("dataset", "backbone", "model")}
    on_accelerators(finetune, "2")(settings, **paths, run=run)
"""
SETTINGS = {
    "task": "text_classification",
    "architecture": {"layers": 2, "width": 32, "heads": 2, "vocab_size": 300, "max_length": 64},
    "loop": {"epochs": 6, "batch_tokens": 256, "max_length": 48, "checkpoint_seconds": 0.05},
}
"""Dropout is on: each process must draw the same masks again."""


class Pod:
    """A step under its supervisor, with two accelerators that are not there."""

    def __init__(self, home: Path, **loop: Any) -> None:
        self.home = home
        home.mkdir()
        _write_dataset(home / "dataset")
        (home / "backbone").mkdir()
        (home / "settings.json").write_text(json.dumps({**SETTINGS, "loop": {**SETTINGS["loop"], **loop}}))
        self.environment = {
            **os.environ,
            "STILLHOUSE_HOME": str(home / "runs"),
            "STILLHOUSE_STORE": str(home / "store"),
            "STILLHOUSE_RUN": "run",
            "STILLHOUSE_RETRIES": "3",
            "STILLHOUSE_SENDER": "external",
            "STILLHOUSE_ALLOW_CPU": "1",
            "OMP_NUM_THREADS": "1",
        }

    def start(self) -> subprocess.Popen[bytes]:
        """The supervisor."""
        command = [sys.executable, "-m", "stillhouse.components.runtime.supervisor", "finetune", "--"]
        return subprocess.Popen([*command, sys.executable, "-c", STEP, str(self.home)], env=self.environment)

    def ranks(self) -> list[psutil.Process]:
        """The processes that train, by rank."""
        found = {}
        for process in psutil.process_iter():
            try:
                environment = (
                    process.environ() if "stillhouse.components.distributed.rank_process" in process.cmdline() else {}
                )
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
            if environment.get("STILLHOUSE_HOME") == self.environment["STILLHOUSE_HOME"]:
                found[int(environment["RANK"])] = process
        return [found[rank] for rank in sorted(found)]

    def step(self) -> psutil.Process:
        """The step's own process, which has started those that train."""
        started = self.ranks()[0].parent()
        assert started
        return started

    def checkpoint(self) -> int:
        """Step of the newest checkpoint."""
        found = self.home.glob("store/checkpoints/*/*/manifest.json")
        return max((int(path.parent.name) for path in found if path.parent.name.isdigit()), default=0)

    def await_checkpoint(self, after: int, process: subprocess.Popen[bytes]) -> int:
        """Wait until there is one newer than `after`; its step."""
        while (newest := self.checkpoint()) <= after:
            assert process.poll() is None, "it ended before it was killed"
            time.sleep(0.02)
        return newest

    def weights(self) -> dict[str, Any]:
        """Of the model that was written."""
        return load_file(self.home / "model" / "model.safetensors")


def _write_dataset(folder: Path) -> None:
    """Texts that hold 'gold' or 'iron' among letters."""
    import hashlib
    import random

    import pyarrow
    import pyarrow.parquet

    draw = random.Random(7)
    folder.mkdir()
    for split, rows in (("train", 96), ("validation", 32)):
        labels = [draw.randrange(2) for _ in range(rows)]
        texts = [
            " ".join([*draw.choices("abcdefgh", k=draw.randint(3, 20)), ("gold", "iron")[each]]) for each in labels
        ]
        hashes = [hashlib.sha256(f"{split} {row}".encode()).hexdigest()[:32] for row in range(rows)]
        table = pyarrow.table({"hash": hashes, "text": texts, "label": labels})
        pyarrow.parquet.write_table(table, folder / f"{split}.parquet")
    about = {
        "format": 1,
        "task": "text_classification",
        "target": "classes",
        "labels": ["gold", "iron"],
        "columns": {"text": ["text"], "label": "label"},
        "augment": 0.0,
        "content_digest": "0" * 64,
    }
    (folder / "dataset.json").write_text(json.dumps(about))


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Weights of a training in two processes that nobody kills."""
    pod = Pod(tmp_path_factory.mktemp("unbroken") / "home")
    assert pod.start().wait() == 0
    return pod.weights()


@pytest.mark.faults
@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_process_ends_in_a_restart_from_the_checkpoint(
    tmp_path: Path, unbroken: dict[str, Any], rank: int
) -> None:
    pod = Pod(tmp_path / "home")
    supervisor = pod.start()
    killed_at = pod.await_checkpoint(0, supervisor)
    pod.ranks()[rank].kill()
    assert supervisor.wait() == 0
    attempts = read_attempts(open_store(pod.home / "store"), "run")["finetune"]
    assert [(each.outcome, each.detail) for each in attempts] == [("exit_code", "1"), ("succeeded", "")]
    log = (pod.home / "runs/run/logs/finetune.log").read_text()
    assert f"process {rank} of 2 that train together was ended by SIGKILL" in log
    found = pod.weights()
    assert killed_at > 0
    assert found.keys() == unbroken.keys()
    assert [name for name in found if (found[name] != unbroken[name]).any()] == []


@pytest.mark.faults
def test_processes_of_a_killed_step_are_gone_before_it_is_started_again(
    tmp_path: Path, unbroken: dict[str, Any]
) -> None:
    """They would train on, and write, beside those of the next attempt."""
    pod = Pod(tmp_path / "home")
    supervisor = pod.start()
    pod.await_checkpoint(0, supervisor)
    before = pod.ranks()
    pod.step().kill()
    psutil.wait_procs(before, timeout=5)
    assert not [process for process in before if process.is_running()]
    assert supervisor.wait() == 0
    assert [name for name, value in pod.weights().items() if (value != unbroken[name]).any()] == []


@pytest.mark.faults
def test_asked_to_stop_they_stop_with_a_checkpoint(tmp_path: Path) -> None:
    pod = Pod(tmp_path / "home", epochs=1000, checkpoint_seconds=1e9)
    pod.environment["STILLHOUSE_RETRIES"] = "0"
    supervisor = pod.start()
    spool = pod.home / "runs/run/spool/finetune.jsonl"
    while not spool.exists() or "train/loss" not in spool.read_text():
        assert supervisor.poll() is None
        time.sleep(0.05)
    assert pod.checkpoint() == 0
    pod.step().send_signal(signal.SIGTERM)
    assert supervisor.wait() == 1
    assert pod.checkpoint() > 0
    assert pod.ranks() == []
