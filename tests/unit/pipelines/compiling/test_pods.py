"""A pipeline as a cluster gets it, run through kfp.local: pods are processes there, and the supervisor is real."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stillhouse.components.runtime.attempts import read_attempts
from stillhouse.components.storage.store import FileStore


def run_frail(folder: Path, kind: str) -> tuple[list[str], list[str], str]:
    """Its starts, the outcomes of its attempts, and what the exit step wrote."""
    program = Path(__file__).with_name("frail.py")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        [sys.executable, str(program), str(folder), kind],
        check=True,
        capture_output=True,
        env=os.environ | {"PATH": path},
        cwd=folder,
    )
    attempts = read_attempts(FileStore(folder / "store"), "run-1")["frail"]
    (summary,) = folder.glob("out/*/conclude/summary")
    starts = (folder / "starts").read_text().splitlines()
    return starts, [attempt.outcome for attempt in attempts], summary.read_text()


@pytest.mark.timeout(120)
def test_a_killed_step_is_started_again_within_its_pod(tmp_path: Path) -> None:
    starts, outcomes, _ = run_frail(tmp_path, "kill")
    assert len(starts) == 3
    assert outcomes == ["signal", "signal", "succeeded"]


@pytest.mark.timeout(120)
def test_a_mistake_starts_once_however_often_pods_are_made_and_the_exit_step_says_it(tmp_path: Path) -> None:
    starts, outcomes, summary = run_frail(tmp_path, "mistake")
    assert len(starts) == 1
    assert outcomes == ["user_error"]
    assert "frail: data.csv, row 3: no label; add one." in summary
