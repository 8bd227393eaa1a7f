"""The supervisor, with real processes that are really killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stillhouse.components.runtime import supervisor
from stillhouse.components.runtime.attempts import Attempt, Journal, read_attempts
from stillhouse.components.runtime.supervisor import Supervisor, supervised
from stillhouse.components.storage.store import FileStore, Store
from stillhouse.errors import UserError

RUN = "0b1f7c8e-run"
HEAVY = {"torch", "kfp", "transformers", "mlflow", "datasets", "numpy"}
COUNTED = 'echo start >> "$0"; test "$(wc -l < "$0")" -ge {good}'
"""Succeeds at the n-th start."""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STILLHOUSE_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("STILLHOUSE_RUN", RUN)
    monkeypatch.setenv("STILLHOUSE_POD", "pod-1")
    monkeypatch.setattr(supervisor, "RESTART_SECONDS", (0.01, 0.02))
    return FileStore(tmp_path / "store")


@pytest.fixture
def supervise(store: Store, tmp_path: Path) -> Callable[..., int]:
    """Runs a shell script under a supervisor; `$0` is a file that it may write to."""

    def run(script: str, retries: int = 3) -> int:
        command = ["sh", "-c", script, str(tmp_path / "starts")]
        return Supervisor("finetune", command, Journal(store, RUN, "finetune"), retries).run()

    return run


def starts(tmp_path: Path) -> int:
    path = tmp_path / "starts"
    return len(path.read_text().splitlines()) if path.exists() else 0


def outcomes(store: Store) -> list[tuple[str, str]]:
    return [(attempt.outcome, attempt.detail) for attempt in read_attempts(store, RUN)["finetune"]]


def put(store: Store, *attempts: dict[str, Any]) -> None:
    journal = Journal(store, RUN, "finetune")
    for number, fields in enumerate(attempts, start=1):
        journal.write(Attempt(number=number, started="2026-11-22T10:00:00+00:00", **fields))


def test_a_process_that_succeeds_is_started_once(supervise: Callable[..., int], store: Store, tmp_path: Path) -> None:
    assert supervise(COUNTED.format(good=1)) == 0
    assert starts(tmp_path) == 1
    assert outcomes(store) == [("succeeded", "")]


def test_a_killed_process_is_started_again(supervise: Callable[..., int], store: Store, tmp_path: Path) -> None:
    script = COUNTED.format(good=3) + " || kill -9 $$"
    assert supervise(script) == 0
    assert outcomes(store) == [("signal", "SIGKILL"), ("signal", "SIGKILL"), ("succeeded", "")]


def test_a_signal_is_known_through_a_shell_too(supervise: Callable[..., int], store: Store) -> None:
    assert supervise("sh -c 'kill -SEGV $$'; exit $?", retries=0) == 1
    assert outcomes(store) == [("signal", "SIGSEGV")]


def test_an_exit_code_is_noted_and_repeated(supervise: Callable[..., int], store: Store) -> None:
    assert supervise(COUNTED.format(good=2) + " || exit 7") == 0
    assert outcomes(store) == [("exit_code", "7"), ("succeeded", "")]


def test_a_users_mistake_is_not_repeated(supervise: Callable[..., int], tmp_path: Path) -> None:
    assert supervise('echo start >> "$0"; exit 2') == 2
    assert starts(tmp_path) == 1


def test_a_mistake_is_noted_with_the_sentence_of_the_step(store: Store, tmp_path: Path) -> None:
    program = (
        "from stillhouse.components.tracking.run import step_run\n"
        "from stillhouse.errors import UserError\n"
        "with step_run('finetune'): raise UserError('data.csv, row 3: no label; add one.')\n"
    )
    os.environ["STILLHOUSE_SENDER"] = "external"
    try:
        code = Supervisor("finetune", [sys.executable, "-c", program], Journal(store, RUN, "finetune"), 3).run()
    finally:
        del os.environ["STILLHOUSE_SENDER"]
    assert code == 2
    assert outcomes(store) == [("user_error", "data.csv, row 3: no label; add one.")]


def test_the_budget_counts_starts_in_this_pod(supervise: Callable[..., int], tmp_path: Path) -> None:
    assert supervise('echo start >> "$0"; exit 1', retries=2) == 1
    assert starts(tmp_path) == 3


def test_the_budget_counts_lost_pods(supervise: Callable[..., int], store: Store, tmp_path: Path) -> None:
    put(store, {"pod": "pod-a"}, {"pod": "pod-b", "outcome": "exit_code", "detail": "1"})
    assert supervise('echo start >> "$0"; exit 1', retries=2) == 1
    assert starts(tmp_path) == 1


def test_a_spent_budget_starts_nothing_and_says_why(
    supervise: Callable[..., int], store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(store, {"outcome": "exit_code", "detail": "7"}, {})
    assert supervise('echo start >> "$0"', retries=1) == 1
    assert starts(tmp_path) == 0
    assert "gives up after 2 attempts; in the last one its pod ended without saying why" in capsys.readouterr().err


def test_an_attempt_after_a_mistake_answers_at_once_and_imports_nothing_heavy(store: Store, tmp_path: Path) -> None:
    put(store, {"outcome": "user_error", "detail": "data.csv, row 3: no label; add one."})
    work = "from stillhouse.components.runtime.gate import wait_at_gate; wait_at_gate(); open({!r}, 'w')"
    command = supervised("finetune", [sys.executable, "-c", work.format(str(tmp_path / "started"))])
    command = [sys.executable, "-X", "importtime", *command[1:]]
    ended = subprocess.run(command, capture_output=True, text=True)
    said = [line for line in ended.stderr.splitlines() if not line.startswith("import time:")]
    imported = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in ended.stderr.splitlines()}
    assert ended.returncode == 2
    assert said == ["finetune: data.csv, row 3: no label; add one. (attempt 1 of this run; fix it and start a new run)"]
    assert not (tmp_path / "started").exists()
    assert imported & HEAVY == set()


def test_what_a_dead_process_leaves_running_is_ended(supervise: Callable[..., int], tmp_path: Path) -> None:
    assert supervise('sleep 600 & echo $! > "$0"; kill -9 $$', retries=0) == 1
    child = int((tmp_path / "starts").read_text())
    for _ in range(100):
        state = Path(f"/proc/{child}/stat")
        if not state.exists() or state.read_text().split()[2] == "Z":
            return
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    pytest.fail("the worker outlived its process")


@pytest.mark.parametrize(
    "text",
    ["low 0\nhigh 0\nmax 3\noom 1\noom_kill {}\n", "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"],
    ids=["cgroup v2", "cgroup v1"],
)
def test_a_kill_for_memory_is_told_from_another(
    supervise: Callable[..., int], store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    counters = tmp_path / "memory.events"
    counters.write_text(text.format(1))
    monkeypatch.setattr(supervisor, "OOM_COUNTERS", (tmp_path / "none", counters))
    script = f"test -e '{tmp_path}/again' && kill -9 $$; touch '{tmp_path}/again'"
    script += f"; printf '{text.format(2)}' > '{counters}'; kill -9 $$"
    assert supervise(script, retries=1) == 1
    assert outcomes(store) == [("out_of_memory", ""), ("signal", "SIGKILL")]


class Down(FileStore):
    """A store that does not answer."""

    def list(self, prefix: str = "") -> Any:
        raise UserError("the store does not answer; look there.")

    def put(self, key: str, data: bytes) -> None:
        raise UserError("the store does not answer; look there.")


def test_a_store_that_fails_does_not_fail_the_step(store: Store, tmp_path: Path) -> None:
    journal = Journal(Down(tmp_path / "down"), RUN, "finetune")
    assert Supervisor("finetune", ["true"], journal, 1).run() == 0


def test_without_a_store_restarts_are_counted_in_the_pod(store: Store, tmp_path: Path) -> None:
    command = ["sh", "-c", 'echo start >> "$0"; exit 1', str(tmp_path / "starts")]
    assert Supervisor("finetune", command, Journal(None, "", "finetune"), 1).run() == 1
    assert starts(tmp_path) == 2


def test_what_the_process_writes_is_passed_on_without_secrets() -> None:
    script = "echo begin; echo password=hunter2hunter2 >&2; echo AKIAABCDEFGHIJKLMNOP; printf end"
    command = [*supervised("finetune", ["sh", "-c", script])]
    ended = subprocess.run([sys.executable, *command[1:]], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == ["begin", "password=[redacted]", "[redacted]", "end"]
