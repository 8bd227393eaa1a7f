"""Run the pipeline on this machine: kfp.local in one child process, its progress in front of the person.

This process starts the child (`worker`) and the MLflow sender, draws what the files of the run say, and stops
the child on Ctrl-C.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import psutil
from rich.console import Console

from stillhouse.components.storage.disk import writing
from stillhouse.components.storage.home import TEMPORARY, at_work
from stillhouse.components.tracking.address import refuse_unusable_address
from stillhouse.components.tracking.run import pipeline_run
from stillhouse.components.tracking.settings import new_run_id
from stillhouse.pipelines.local.live_table import View, choose_view
from stillhouse.pipelines.local.outcome import show_failure
from stillhouse.pipelines.local.progress import Follower, Progress
from stillhouse.pipelines.local.time_left import Expected

RETRAIN = "stillhouse.pipelines.retrain:retrain"
RETRAIN_WITHOUT_PRETRAINING = f"{RETRAIN}_without_pretraining"
"""The pipelines, as module and name."""
POLL_SECONDS = 0.1
"""Time between two looks at the log and the spools."""
GRACE = ((signal.SIGINT, 10.0), (signal.SIGTERM, 3.0), (signal.SIGKILL, 2.0))
"""Signals a child gets that shall end, and the seconds it has after each."""


class Stopped(KeyboardInterrupt):
    """The run shall end: Ctrl-C, or a signal that means the same."""


@dataclass(frozen=True)
class Job:
    """What to run."""

    name: str
    """First part of the run's id, and MLflow's experiment."""
    parameters: dict[str, Any]
    """Arguments of the pipeline."""
    steps: Sequence[str]
    """Its steps in the order they run, as the table shows them."""
    pipeline: str = RETRAIN
    idle: Sequence[str] = ()
    """Steps that it does without this time."""
    cache: bool = True
    """Take over the results of steps whose inputs and settings have not changed."""


def run_pipeline(job: Job, home: Path, verbose: bool, conclude: Callable[[Path], None]) -> None:
    """Run `job` under `home`; `conclude` shows the outcome, given the run's folder.

    Raises:
        UserError: `home` cannot be written to, or MLFLOW_TRACKING_URI is not an address of MLflow's.
        SystemExit: a step failed, which was said on stderr: with code 2 for a user's mistake, else 1.
        Stopped: on Ctrl-C, SIGTERM or SIGHUP, after everything it started has ended.
    """
    refuse_unusable_address()
    home = home.absolute()
    run_id = _make_folder(home, job.name)
    folder, progress = home / run_id, Progress.of(job.steps, job.idle)
    progress.left = Expected.of(home, job.name, but=run_id).sentence
    with _stop_signals(), at_work(run_id, home):
        with writing(folder):
            (folder / "pipeline.log").touch()
        try:
            with pipeline_run(home, run_id, job.name):
                code = _run_child(job, home, folder, progress, verbose)
                if code:
                    raise SystemExit(show_failure(progress.failed, folder))
                conclude(folder)
        finally:
            _write_summary(folder, progress, verbose)


def _run_child(job: Job, home: Path, folder: Path, progress: Progress, verbose: bool) -> int:
    with (
        choose_view(Console(), verbose) as view,
        _temporary_folder(folder) as temporary,
    ):
        follower = Follower(progress, folder / "pipeline.log", folder / "spool", view.log)
        child = _start(job, home, folder, temporary)
        try:
            return _follow(child, follower, view)
        except Stopped:
            sys.stderr.write("Stopping; the same command goes on where this one stopped.\n")
            _stop(child)
            follower.read()
            progress.close(succeeded=False)
            raise
        finally:
            _stop(child)


def _make_folder(home: Path, name: str) -> str:
    """Make the folder of a new run; a second run within the same second gets a number."""
    run_id = base = new_run_id(name)
    numbers = count(2)
    with writing(home):
        home.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                (home / run_id).mkdir()
                return run_id
            except FileExistsError:
                run_id = f"{base}-{next(numbers)}"


@contextmanager
def _temporary_folder(folder: Path) -> Iterator[Path]:
    """A folder for what the steps need for a moment; a link leads `sweep` to it, should we be killed."""
    link = folder / TEMPORARY
    with tempfile.TemporaryDirectory(prefix="stillhouse-") as temporary:
        link.symlink_to(temporary)
        try:
            yield Path(temporary)
        finally:
            link.unlink()


def _start(job: Job, home: Path, folder: Path, temporary: Path) -> subprocess.Popen[bytes]:
    parameters = folder / "parameters.json"
    with writing(parameters):
        parameters.write_text(json.dumps(job.parameters, indent=1), encoding="utf-8")
    command = [
        sys.executable,
        "-P",
        "-m",
        "stillhouse.pipelines.local.kfp_process",
        job.pipeline,
        str(home),
        str(folder),
    ]
    environment = {
        # Threads that spin while they wait starve the sender and every neighbour (docs/log.md has the figures).
        "OMP_WAIT_POLICY": "PASSIVE",
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONUNBUFFERED": "1",
        # kfp leaves a folder with the source of each task behind; this one is emptied at the end.
        "TMPDIR": str(temporary),
    }
    with (folder / "pipeline.log").open("ab") as log:
        return subprocess.Popen(
            [*command, *([] if job.cache else ["--no-cache"])],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,  # a process group of its own: a signal to it misses none of them
        )


def _follow(child: subprocess.Popen[bytes], follower: Follower, view: View) -> int:
    while True:
        code = child.poll()
        follower.read()
        if code is not None:
            follower.progress.close(code == 0)
            view.show(follower.progress, last=True)
            return code
        view.show(follower.progress)
        with suppress(subprocess.TimeoutExpired):
            child.wait(POLL_SECONDS)


def _stop(child: subprocess.Popen[bytes]) -> None:
    """End the child and every process it started, gently first; a further Ctrl-C cuts a grace short."""
    for number, seconds in GRACE if child.poll() is None else ():
        with suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            child.wait(seconds)
            break
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


@contextmanager
def _stop_signals() -> Iterator[None]:
    """Within the block Ctrl-C, SIGTERM and SIGHUP raise Stopped."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _write_summary(folder: Path, progress: Progress, verbose: bool) -> None:
    """Write summary.json: each step's time, and the cost of orchestration: wall time over own work."""
    wall, own = time.time() - psutil.Process().create_time(), progress.own_seconds
    ratio = round(wall / own, 4) if own else None
    summary = {
        "format": 1,
        "run": folder.name,
        "wall_seconds": round(wall, 3),
        "own_seconds": round(own, 3),
        "ratio": ratio,
        "steps": progress.summary(),
    }
    with writing(folder):
        (folder / "summary.json").write_text(json.dumps(summary, indent=1), encoding="utf-8")
    if verbose and ratio:
        Console().print(f"wall {wall:.1f} s, the steps' own work {own:.1f} s, ratio {ratio:.2f}", highlight=False)
