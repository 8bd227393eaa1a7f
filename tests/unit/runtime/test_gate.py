"""A process begins beside its supervisor and works only when it is let through."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stillhouse.components.runtime.gate import GATE, Child, wait_at_gate

WORK = (
    "from stillhouse.components.runtime.gate import wait_at_gate; "
    "print('here', flush=True); wait_at_gate(); print('worked')"
)


@pytest.fixture
def child() -> Child:
    # As KFP's executor is started: by a shell.
    return Child(["sh", "-c", '"$0" -c "$1"', sys.executable, WORK])


def test_it_works_when_it_is_let_through(child: Child) -> None:
    assert child.process.stdout
    assert child.process.stdout.readline() == "here\n"
    time.sleep(0.2)
    assert child.process.poll() is None
    child.let_through()
    assert child.process.stdout.read() == "worked\n"
    assert child.process.wait() == 0


def test_it_does_not_work_when_its_supervisor_is_gone() -> None:
    program = (
        f"import sys; from stillhouse.components.runtime.gate import Child; Child([sys.executable, '-c', {WORK!r}])"
    )
    # The supervisor ends; what it has started inherits the terminal of this test through a file.
    script = program.replace("Child([", "child = Child([") + "; import os; print(child.process.pid); os._exit(9)"
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, timeout=60)
    pid = int(done.stdout)
    for _ in range(200):
        if not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2]:
            break
        time.sleep(0.05)
    else:
        pytest.fail("the process still waits")


def test_a_process_that_has_ended_is_let_through_without_a_word() -> None:
    child = Child(["true"])
    child.process.wait()
    child.let_through()


def test_where_nobody_asks_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(GATE, raising=False)
    wait_at_gate()


def test_processes_that_it_starts_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    waits, opens = os.pipe()
    monkeypatch.setenv(GATE, str(waits))
    os.write(opens, b"1")
    wait_at_gate()
    assert GATE not in os.environ
    os.close(opens)
