"""Whatever happens to MLflow, training goes on, and in the end every point is there once.

A process computes and reports as a training does, against a real server behind a proxy; what the server's database
holds in the end is compared with what the spools say.
"""

import json
import math
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from tests.faults import proxy
from tests.faults.mlflow_server import MlflowServer, Point, wait_for
from tests.faults.mlflow_training import NUM_STEPS
from tests.faults.proxy import ERROR, LOST_ANSWER, RESET, SLOW, FaultProxy

from stillhouse.components.tracking.connection import connect
from stillhouse.components.tracking.run import pipeline_run, step_run
from stillhouse.components.tracking.sender import unsent_runs
from stillhouse.components.tracking.spool import Event, read_events

pytestmark = pytest.mark.faults

MAX_SHARE = 0.02
"""Most of a training's time that reporting may take."""
PROGRAM = Path(sys.executable).with_name("stillhouse")
TRAINING = Path(__file__).with_name("mlflow_training.py")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    folder = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        connect(folder)
    server = MlflowServer(folder / "mlflow.db")
    yield server
    server.kill()


@pytest.fixture
def between(server: MlflowServer) -> Iterator[FaultProxy]:
    """Stands before the server, and is told what to spoil."""
    with FaultProxy(server.url, 0.0) as between:
        yield between


@dataclass
class Work:
    """A home folder in which a training-like process runs."""

    home: Path
    run_id: str
    server: MlflowServer

    def start(self, *arguments: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, str(TRAINING), *map(str, arguments)])

    def stillhouse(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([PROGRAM, command], capture_output=True, text=True)

    def replay(self) -> str:
        """Send the rest; says what was sent. A sender of the run may still be at it."""
        wait_for(lambda: not self.senders())
        replayed = self.stillhouse("replay")
        assert (replayed.returncode, replayed.stderr) == (0, "")
        assert self.stillhouse("replay").stdout == f"Nothing is unsent in '{self.home}'.\n"
        return replayed.stdout

    def senders(self) -> list[psutil.Process]:
        return [process for process in psutil.process_iter() if str(self.home) in _command(process)]

    def events(self, step: str) -> list[Event]:
        path = self.home / self.run_id / "spool" / f"{step}.jsonl"
        return [event for _, event in read_events(path)] if path.exists() else []

    def num_reported(self) -> int:
        return len(self.points("finetune"))

    def points(self, step: str) -> list[Point]:
        """What the step reported, as MLflow's database writes it."""
        return sorted(
            (key, event["step"], event["time"], 0.0 if math.isnan(value) else value, math.isnan(value))
            for event in self.events(step)
            if event["event"] == "metric"
            for key, value in event["values"].items()
        )

    def check(self, *steps: str) -> None:
        """Every point of these steps is there, once, and no other run bears this pipeline's name."""
        recorded = self.server.recorded(self.run_id)
        assert set(recorded) == {"pipeline", *steps}
        for step in steps:
            assert recorded[step].points == self.points(step)
            assert recorded[step].status == "FINISHED"
        curves = [point[:2] for point in recorded["finetune"].points if point[0].startswith("train/")]
        assert len(curves) == len(set(curves)) == 3 * NUM_STEPS


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.fixture
def work(
    tmp_path: Path,
    request: pytest.FixtureRequest,
    server: MlflowServer,
    between: FaultProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Work]:
    work = Work(tmp_path / "home", request.node.name, server)
    work.home.mkdir()
    for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_NAME", "STILLHOUSE_STORE", "STILLHOUSE_SENDER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STILLHOUSE_HOME", str(work.home))
    monkeypatch.setenv("STILLHOUSE_RUN", work.run_id)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", between.url)
    yield work
    for sender in work.senders():
        sender.kill()


Fault = Callable[[Work, FaultProxy], Iterator[None]]
"""Runs to its first yield before the training begins, to its second when the training reports, to its third when the
training has ended; then everything is well."""


def well(work: Work, between: FaultProxy) -> Iterator[None]:
    work.server.start()
    yield
    yield
    yield


def dead_at_the_start(work: Work, between: FaultProxy) -> Iterator[None]:
    work.server.kill()
    yield
    work.server.start()
    yield
    yield


def dying_in_the_middle(work: Work, between: FaultProxy) -> Iterator[None]:
    work.server.start()
    yield
    wait_for(lambda: work.server.num_points(work.run_id) > 0)
    work.server.kill()
    yield
    work.server.start()
    yield


def slow(work: Work, between: FaultProxy) -> Iterator[None]:
    work.server.start()
    between.kinds, between.share = [SLOW], 1.0
    yield
    yield
    between.share = 0.0
    yield


def answering_500(work: Work, between: FaultProxy) -> Iterator[None]:
    work.server.start()
    between.kinds, between.share = [ERROR], 1.0
    yield
    wait_for(lambda: work.num_reported() > 200)
    between.share = 0.0
    yield
    yield


def answering_500_or_not_at_all_to_every_third(work: Work, between: FaultProxy) -> Iterator[None]:
    work.server.start()
    between.kinds, between.share = [ERROR, LOST_ANSWER, RESET], 0.3
    yield
    yield
    yield


def database_locked(work: Work, between: FaultProxy) -> Iterator[None]:
    work.server.start()
    yield
    wait_for(lambda: work.server.num_points(work.run_id) > 0)
    with work.server.locked():
        wait_for(lambda: work.num_reported() > 400)
        yield
    yield


def a_killed_sender(work: Work, between: FaultProxy) -> Iterator[None]:
    work.server.start()
    yield
    wait_for(lambda: work.server.num_points(work.run_id) > 0)
    for sender in work.senders():
        sender.kill()
    yield
    yield


SECONDS: dict[Fault, float] = {}
"""How long each training took, for the ratio that is printed; the machine's noise is in it."""
FAULTS = [
    well,
    dead_at_the_start,
    dying_in_the_middle,
    slow,
    answering_500,
    answering_500_or_not_at_all_to_every_third,
    database_locked,
    a_killed_sender,
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_training_goes_on_and_every_point_arrives_once(
    fault: Fault, work: Work, between: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "LATE", 10.0)
    story = fault(work, between)
    next(story)
    training = work.start()
    wait_for(lambda: work.num_reported() > 20)
    next(story)
    assert training.wait(120) == 0
    next(story)
    trained = json.loads((work.home / "trained.json").read_text())
    share = trained["reporting"] / trained["seconds"]
    sent = work.replay() if unsent_runs(work.home) or work.senders() else "all was sent in the run"
    SECONDS[fault] = trained["seconds"]
    ratio = SECONDS[fault] / SECONDS.get(well, math.nan)
    print(f"\n{fault.__name__}: reporting {share:.3%} of {SECONDS[fault]:.1f} s, {ratio:.2f} of well; {sent}")  # noqa: T201
    assert share < MAX_SHARE
    work.check("prepare", "finetune")
    recorded = work.server.recorded(work.run_id)
    assert recorded["pipeline"].status == "FINISHED"
    assert recorded["pipeline"].params == {"data_source": "emails.parquet"}
    assert recorded["finetune"].params == {"epochs": "3", "batch": "64"}
    tags = recorded["finetune"].tags
    assert (tags["stillhouse.attempt"], tags["attempt.1.error"]) == ("2", "RuntimeError: a crash")
    assert tags["attempt.2.batch"] == "32"
    assert tags["mlflow.parentRunId"]
    assert "stillhouse.error" not in tags


def test_a_server_that_stays_down_past_the_end_gets_everything_by_replay(work: Work) -> None:
    work.server.kill()
    assert work.start().wait(120) == 0
    wait_for(lambda: not work.senders())
    replayed = work.stillhouse("replay")
    assert replayed.returncode == 1
    assert replayed.stdout.startswith(f"{work.run_id}: 0 points sent, ")
    assert replayed.stderr.endswith("then run `stillhouse replay` again; nothing is lost until then.\n")
    work.server.start()
    num_points = len(work.points("prepare") + work.points("finetune") + work.points("pipeline"))
    assert work.replay() == f"{work.run_id}: {num_points} points sent, nothing left\n"
    work.check("prepare", "finetune")


def test_a_server_that_stays_down_past_the_end_gets_everything_by_the_next_run(work: Work) -> None:
    work.server.kill()
    assert work.start().wait(120) == 0
    wait_for(lambda: not work.senders())
    work.server.start()
    with pipeline_run(work.home, "next", "faults"):
        wait_for(lambda: not unsent_runs(work.home) or unsent_runs(work.home) == ["next"])
    work.check("prepare", "finetune")


def test_steps_that_are_killed_and_go_on_report_each_point_once(
    work: Work, between: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender of a killed step outlives it, for the server is slow; the next attempt brings its own."""
    monkeypatch.setattr(proxy, "LATE", 1.0)
    work.server.start()
    between.kinds, between.share = [SLOW], 1.0
    chance, last = random.Random(0), 1
    for about in (20, 50, 80, 110):
        training = work.start(max(1, last - 10), NUM_STEPS)
        target = 3 * (about + chance.randrange(10))
        wait_for(lambda target=target: work.num_reported() > target)
        training.send_signal(signal.SIGKILL)
        assert training.wait() == -signal.SIGKILL
        last = max(point[1] for point in work.points("finetune") if point[0].startswith("train/"))
    assert len(work.senders()) > 1
    between.share = 0.0
    assert work.start(last - 10, NUM_STEPS).wait(120) == 0
    wait_for(lambda: not work.senders())
    if unsent_runs(work.home):
        work.replay()
    work.check("finetune")
    assert work.server.recorded(work.run_id)["finetune"].tags["stillhouse.attempt"] == "5"


def test_two_senders_at_once_send_each_point_once(
    work: Work, between: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    work.server.start()
    monkeypatch.setenv("STILLHOUSE_SENDER", "external")
    with step_run("finetune") as run:
        for step in range(1, 5401):
            run.metrics({"train/loss": 1 / step}, step)
    command = [sys.executable, "-m", "stillhouse.components.tracking.sender", "--home", str(work.home)]
    senders = [subprocess.Popen([*command, "--run", work.run_id, "--until-idle"]) for _ in range(2)]
    assert [sender.wait(120) for sender in senders] == [0, 0]
    assert work.server.recorded(work.run_id)["finetune"].points == work.points("finetune")
    assert sum(request.path.endswith("/runs/log-batch") for request in between.seen) == 5400 / 900


def test_a_disk_that_is_full_for_a_while_neither_stops_the_step_nor_loses_a_point(
    work: Work, small_disk: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLHOUSE_SENDER", "external")
    ballast = work.home / "ballast"
    with step_run("finetune") as run:
        run.metrics({"train/loss": 1.0}, 1)
        with pytest.raises(OSError, match="No space left"), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1024))
        for step in range(2, 2000):
            run.metrics({"train/loss": 1 / step}, step)
        assert work.num_reported() < 100
        ballast.unlink()
    steps = [event["step"] for event in work.events("finetune") if "train/loss" in event.get("values", {})]
    assert steps == list(range(1, 2000))


@pytest.fixture
def small_disk(work: Work) -> Iterator[None]:
    """The home folder is a file system of 256 kB."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(work.home)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.fail("only root can mount a small file system; run this test as root.")
    yield
    subprocess.run(["umount", str(work.home)], check=True)
