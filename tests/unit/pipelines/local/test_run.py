"""The local runner with the real kfp.local, on a pipeline of two trivial steps."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from stillhouse.components.storage.lease import Lease, live_leases
from stillhouse.components.storage.store import FileStore

RUN_TINY = Path(__file__).with_name("run_tiny.py")


def start(home: Path, *options: str, terminal: int | None = None) -> subprocess.Popen[str]:
    """Start a run; what it says goes to `terminal`, or to pipes."""
    to = subprocess.PIPE if terminal is None else terminal
    return subprocess.Popen(
        [sys.executable, "-P", str(RUN_TINY), "run", str(home), *options],
        stdin=terminal,
        stdout=to,
        stderr=to,
        text=True,
        env=os.environ | {"PYTHONPATH": str(RUN_TINY.parent), "TMPDIR": str(home.parent)},
    )


class Ended:
    """A run that has ended: what it said, how, and its summary."""

    def __init__(self, home: Path, *options: str) -> None:
        before = set(summaries(home))
        process = start(home, *options)
        self.out, self.err = process.communicate(timeout=60)
        self.code = process.returncode
        (self.summary,) = set(summaries(home)) - before
        self.folder = self.summary.parent
        self.steps = json.loads(self.summary.read_text())["steps"]

    def states(self) -> dict[str, str]:
        return {step: found["state"] for step, found in self.steps.items()}


def wait_for_leases(home: Path, number: int) -> list[Lease]:
    deadline = time.monotonic() + 30
    while len(leases := live_leases(FileStore(home))) < number:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return leases


def summaries(home: Path) -> Iterator[Path]:
    return home.glob("tiny-*/summary.json")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("a home") / "runs"


@pytest.fixture(scope="module")
def first(home: Path) -> Ended:
    """The first run in `home`; later ones find what it cached."""
    return Ended(home)


def test_a_run_ends_well_and_shows_its_outcome(first: Ended) -> None:
    assert (first.code, first.err) == (0, "")
    assert first.out.endswith(f"outcome of {first.folder.name}\n")


def test_without_a_terminal_there_is_a_plain_line_for_each_change(first: Ended) -> None:
    lines = first.out.splitlines()
    assert [line.split(",")[0] for line in lines if "running" not in line] == [
        "write: done",
        "train: done",
        f"outcome of {first.folder.name}",
    ]
    assert "\x1b" not in first.out


def test_the_last_line_of_a_step_has_its_metric(first: Ended) -> None:
    assert "f1_macro 0.75" in next(line for line in first.out.splitlines() if line.startswith("train: done"))


def test_the_summary_has_the_own_seconds_of_each_step_and_the_ratio_to_wall_time(first: Ended) -> None:
    summary = json.loads(first.summary.read_text())
    own = sum(step["seconds"] for step in summary["steps"].values())
    assert own >= 0.1
    assert summary["ratio"] == pytest.approx(summary["wall_seconds"] / own, rel=0.02)


def test_the_steps_logs_are_files_of_the_run(first: Ended) -> None:
    assert (first.folder / "pipeline.log").stat().st_size
    assert (first.folder / "logs" / "train.log").is_file()


def test_no_temporary_file_is_left(first: Ended, home: Path) -> None:
    assert [path.name for path in home.parent.iterdir() if path != home] == []


def test_a_second_run_takes_every_step_from_the_cache_though_metrics_have_no_file(first: Ended, home: Path) -> None:
    assert Ended(home).states() == {"write": "cached", "train": "cached"}


def test_the_entry_of_a_step_that_is_taken_from_the_cache_says_when(first: Ended, home: Path) -> None:
    entries = sorted((home / "cache").glob("*.json"))
    for entry in entries:
        os.utime(entry, (0, 0))

    Ended(home)

    assert sum(entry.stat().st_mtime > 0 for entry in entries) == 2


def test_a_run_and_its_worker_hold_what_they_use_while_they_are_at_work(first: Ended, home: Path) -> None:
    process = start(home, "--seconds", "60")
    leases = wait_for_leases(home, 2)
    (folder,) = [path.parent for path in home.glob("tiny-*/temporary")]

    assert all(lease.covers(folder.name, "cache", "pipeline") and lease.is_live() for lease in leases)
    assert (folder / "temporary").is_dir()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)

    assert list((home / "leases").iterdir()) == []
    assert not (folder / "temporary").is_symlink()


def test_without_cache_every_step_runs_and_verbose_streams_the_logs(first: Ended, home: Path) -> None:
    ended = Ended(home, "--no-cache", "--verbose")
    assert ended.states() == {"write": "done", "train": "done"}
    assert "Executing task" in ended.out
    assert "ratio" in ended.out


def test_a_changed_parameter_runs_the_steps_that_depend_on_it(first: Ended, home: Path) -> None:
    assert Ended(home, "--seconds", "0.2").states() == {"write": "cached", "train": "done"}


def test_kfp_changes_no_parameter_that_mentions_the_interpreter(first: Ended, home: Path) -> None:
    assert {model.read_text() for model in (home / "pipeline").glob("*/train/model")} == {"lib/python3.11/x"}


def test_a_mistake_of_the_user_is_one_sentence_and_exit_code_2(first: Ended, home: Path) -> None:
    ended = Ended(home, "--fail", "mistake")
    assert (ended.code, ended.err) == (2, "data.csv, row 3: no label; add one.\n")
    assert ended.states() == {"write": "cached", "train": "failed"}


def test_a_crash_is_exit_code_1_with_the_traceback_and_the_log(first: Ended, home: Path) -> None:
    ended = Ended(home, "--fail", "crash")
    assert ended.code == 1
    assert "Traceback" in ended.err
    assert "train failed: ValueError: a defect" in ended.err
    assert str(ended.folder / "pipeline.log") in ended.err


def test_a_step_that_is_killed_is_exit_code_1_and_says_so(first: Ended, home: Path) -> None:
    ended = Ended(home, "--fail", "kill")
    assert ended.code == 1
    assert "train failed: its process ended without saying why" in ended.err


def test_ctrl_c_stops_every_process(first: Ended, home: Path) -> None:
    process = start(home, "--seconds", "60")
    descendants = wait_for_step(process, home)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "the same command goes on" in err
    assert not [found for found in descendants if is_alive(found)]


def test_sigterm_stops_it_too_and_gives_the_terminal_its_cursor_back(first: Ended, home: Path) -> None:
    ours, theirs = pty.openpty()
    process = start(home, "--seconds", "70", terminal=theirs)
    os.close(theirs)
    descendants = wait_for_step(process, home)
    process.send_signal(signal.SIGTERM)
    shown = read_all(ours)
    assert process.wait(timeout=20) == 143
    assert not [found for found in descendants if is_alive(found)]
    assert "train" in shown
    assert shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l")


def wait_for_step(process: subprocess.Popen[str], home: Path) -> list[psutil.Process]:
    """Wait until `train` has begun in the newest run; the processes below `process` by then."""
    for _ in range(600):
        newest = max(home.glob("tiny-*"), key=lambda path: path.stat().st_ctime_ns)
        if (newest / "spool" / "train.jsonl").is_file() and not (newest / "summary.json").exists():
            return psutil.Process(process.pid).children(recursive=True)
        time.sleep(0.05)
    raise AssertionError("the step did not begin")


def is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def read_all(descriptor: int) -> str:
    parts = []
    while True:
        try:
            part = os.read(descriptor, 65536)
        except OSError:  # Linux: the other side is closed
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts).decode()
