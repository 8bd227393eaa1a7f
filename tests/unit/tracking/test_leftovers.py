"""Spools that outlive their machine: what a step leaves in the store, and who sends it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from stillhouse.components.storage.store import FileStore, Store
from stillhouse.components.tracking import settings
from stillhouse.components.tracking.leftovers import bring, kept_in_store, settle
from stillhouse.components.tracking.run import step_run
from stillhouse.components.tracking.sender import replay
from stillhouse.components.tracking.spool import unsent
from stillhouse.errors import UserError

RUN = "spam-20261122-151405"
DEAD_SERVER = "http://127.0.0.1:9"

Find = Callable[[str], Run]


class Broken(FileStore):
    """A store that is out of reach."""

    def list(self, prefix: str = "") -> list[object]:  # type: ignore[override]
        raise UserError("cannot reach the store.")

    def put(self, key: str, data: bytes) -> None:
        raise UserError("cannot reach the store.")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return FileStore(tmp_path / "store")


def keys(store: Store) -> list[str]:
    """Of all but the notes to whom a spool is to be sent."""
    return [entry.key for entry in store.list() if not entry.key.endswith(".server")]


def pod(home: Path, store: Store, first: int, last: int, step: str = "finetune", others: bool = False) -> None:
    """A step that nobody sends for, on a machine that is gone thereafter."""
    with kept_in_store(store, home, RUN, step, others), step_run(step) as run:
        for number in range(first, last):
            run.metrics({"loss": 1 / number, "tokens_per_second": time.monotonic()}, number)
    shutil.rmtree(home / RUN)


def test_a_step_with_unsent_points_leaves_its_spool_under_run_and_step(home: Path, store: Store) -> None:
    pod(home, store, 1, 3)
    assert keys(store) == [f"spools/{RUN}/finetune.jsonl"]


def test_a_step_that_sent_everything_leaves_nothing(home: Path, store: Store) -> None:
    with kept_in_store(store, home, RUN, "finetune", others=False):
        with step_run("finetune"):
            pass
        replay(home)
    assert keys(store) == []


def test_what_a_pod_left_is_sent_from_elsewhere_and_then_removed(
    home: Path, store: Store, client: MlflowClient, mlflow_run: Find
) -> None:
    pod(home, store, 1, 4)
    bring(store, home)
    (replayed,) = replay(home)
    settle(store, home)
    assert (replayed.points, replayed.why) == (6, "")
    assert not store.list()
    points = client.get_metric_history(mlflow_run("finetune").info.run_id, "loss")
    assert [(point.step, point.value) for point in points] == [(1, 1.0), (2, 1 / 2), (3, 1 / 3)]
    assert keys(store) == []


def test_a_retry_in_another_pod_goes_on_in_the_spool_of_the_first(
    home: Path, store: Store, client: MlflowClient, mlflow_run: Find
) -> None:
    pod(home, store, 1, 6)
    pod(home, store, 4, 9)
    bring(store, home)
    replay(home)
    run = mlflow_run("finetune")
    for name in ("loss", "tokens_per_second"):
        assert [point.step for point in client.get_metric_history(run.info.run_id, name)] == list(range(1, 9))
    assert run.data.tags["stillhouse.attempt"] == "2"


def test_a_later_step_brings_what_its_run_left_and_the_first_step_what_any_left(
    home: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", DEAD_SERVER)
    pod(home, store, 1, 2, step="prepare")
    with kept_in_store(store, home, RUN, "finetune", others=False):
        assert (home / RUN / "spool" / "prepare.jsonl").exists()
    with kept_in_store(store, home / "second", "other-run", "finetune", others=False):
        assert not (home / "second" / RUN).exists()
    with kept_in_store(store, home / "third", "other-run", "inspect", others=True):
        assert (home / "third" / RUN / "spool" / "prepare.jsonl").exists()


def test_a_run_with_another_server_leaves_what_is_not_meant_for_it(
    home: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", DEAD_SERVER)
    pod(home, store, 1, 2, step="prepare")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:10")
    with kept_in_store(store, home / "other", "other-run", "inspect", others=True):
        assert not (home / "other" / RUN).exists()
    assert keys(store) == [f"spools/{RUN}/prepare.jsonl"]


def test_what_is_sent_in_part_is_not_sent_again(home: Path, store: Store) -> None:
    with kept_in_store(store, home, RUN, "finetune", others=False), step_run("finetune") as run:
        run.metrics({"loss": 0.5}, 1)
        replay(home)
        run.metrics({"loss": 0.25}, 2)
    shutil.rmtree(home / RUN)
    bring(store, home)
    assert [replayed.points for replayed in replay(home)] == [1]


def test_a_longer_spool_here_is_not_replaced_by_an_older_copy(home: Path, store: Store) -> None:
    with kept_in_store(store, home, RUN, "finetune", others=False), step_run("finetune"):
        pass
    with step_run("finetune"):
        pass
    spool = home / RUN / "spool" / "finetune.jsonl"
    longer = spool.read_bytes()
    bring(store, home)
    assert spool.read_bytes() == longer


def test_a_copy_that_is_longer_than_what_was_sent_here_stays(home: Path, store: Store) -> None:
    pod(home, store, 1, 3)
    bring(store, home)
    replay(home)
    shutil.copytree(home / RUN, home / "kept")
    pod(home, store, 3, 5)
    shutil.copytree(home / "kept", home / RUN)
    settle(store, home)
    assert keys(store) == [f"spools/{RUN}/finetune.jsonl", f"spools/{RUN}/finetune.sent"]


def test_while_nothing_can_be_sent_the_spool_is_kept_for_the_case_of_a_kill(
    home: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import os, signal, sys, time; from pathlib import Path\n"
        "from stillhouse.components.storage.store import FileStore\n"
        "from stillhouse.components.tracking import settings\n"
        "from stillhouse.components.tracking.run import step_run\n"
        "settings.KEEP_SECONDS = 0.05\n"
        "store = FileStore(Path(sys.argv[1]))\n"
        "with step_run('finetune', lambda: store) as run:\n"
        "    run.metrics({'loss': 0.5}, 1)\n"
        "    while not any(entry.key.endswith('.jsonl') for entry in store.list('spools')):\n"
        "        time.sleep(0.01)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    monkeypatch.delenv("STILLHOUSE_SENDER")
    environment = os.environ | {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    assert subprocess.run([sys.executable, "-c", code, store.url], env=environment).returncode == -signal.SIGKILL
    copy = home / "elsewhere"
    bring(store, copy)
    assert [replayed.points for replayed in replay(copy)] == [1]


def test_a_store_out_of_reach_costs_a_warning(home: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with kept_in_store(Broken(tmp_path), home, RUN, "finetune", others=False), step_run("finetune"):
        pass
    assert caplog.messages.count("could not bring what is unsent: cannot reach the store.") == 1
    assert caplog.messages.count("could not leave what is unsent: cannot reach the store.") == 1
    assert unsent(settings.spool_folder(home, RUN) / "finetune.jsonl")


def test_a_key_that_leads_elsewhere_is_passed_over(home: Path) -> None:
    class Planted(FileStore):
        def list(self, prefix: str = "") -> list[object]:  # type: ignore[override]
            class Entry:
                key, size = "spools/../planted.jsonl", 1

            return [Entry]

    bring(Planted(home / "store"), home)  # type: ignore[arg-type]
    assert not list(home.parent.rglob("planted*"))
