"""What an earlier run could not send: counted, sent once, and nobody waits for a silent server."""

from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from mlflow import MlflowClient
from mlflow.entities import Run

from stillhouse.components.tracking import sender
from stillhouse.components.tracking.run import step_run
from stillhouse.components.tracking.sender import Replayed, replay
from stillhouse.components.tracking.spool import unsent

Find = Callable[[str], Run]

RUN = "spam-20261122-151405"
DEAD_SERVER = "http://127.0.0.1:9"


def test_replay_counts_what_it_sent_and_sends_nothing_twice(home: Path, client: MlflowClient) -> None:
    with step_run("finetune") as run:
        run.metrics({"loss": 0.5, "f1": 0.9}, 1)
    assert replay(home) == [Replayed(RUN, points=2)]
    assert replay(home) == []


def test_replay_says_what_is_left(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with step_run("finetune") as run:
        run.metrics({"loss": 0.5}, 1)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", DEAD_SERVER)
    (replayed,) = replay(home)
    assert (replayed.points, replayed.left) == (0, 1)
    assert "Connection refused" in replayed.why


def test_a_silent_server_is_not_asked_for_every_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for run_id in ("a", "b", "c"):
        monkeypatch.setenv("STILLHOUSE_RUN", run_id)
        with step_run("finetune") as run:
            run.metrics({"loss": 0.5}, 1)
    asked: list[str] = []

    def ask(home: Path, run_id: str) -> Replayed:
        asked.append(run_id)
        return Replayed(run_id, why="silent")

    monkeypatch.setattr(sender, "_replay", ask)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", DEAD_SERVER)
    assert [(replayed.run, replayed.why) for replayed in replay(home)] == [(name, "silent") for name in "abc"]
    assert asked == ["a"]


def test_a_line_that_a_kill_cut_off_is_left_out_and_counted(
    home: Path, spools: Path, client: MlflowClient, mlflow_run: Find
) -> None:
    for last_words in (
        b'{"event": "metric", "ti',
        b'{"event": "metric", "time": 1, "step": 9, "values": {"loss": 0.5}}',
    ):
        with step_run("finetune") as run:
            run.metrics({"loss": run._attempt}, run._attempt)
        with (spools / "finetune.jsonl").open("ab") as spool:
            spool.write(last_words[:-1])
    (replayed,) = replay(home)
    assert replayed == Replayed(RUN, points=2, torn=2)
    points = client.get_metric_history(mlflow_run("finetune").info.run_id, "loss")
    assert sorted(point.step for point in points) == [1, 2]
    assert replay(home) == []


def test_replay_passes_over_a_run_that_a_sender_has_in_hand(home: Path, spools: Path) -> None:
    with step_run("finetune") as run:
        run.metrics({"loss": 0.5}, 1)
    with FileLock(spools / "sender.lock"):
        assert replay(home) == [Replayed(RUN, left=1, why="another process is sending it")]
    assert unsent(spools / "finetune.jsonl")
