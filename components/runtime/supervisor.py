"""The parent of a step's process in its pod: starts it again from its checkpoint when it dies.

    python -m stillhouse.components.runtime.supervisor STEP -- COMMAND...

Whether Argo repeats a process that failed, and a pod that was deleted, differs from installation to installation, and
KFP's launcher ends with 1 whatever happened. So failures of the process are repeated here, and pods are left to Argo.
A user's mistake (exit code 2) is not repeated, by this pod or any other of the run.

Every step's pod waits for this module: the process is started before anything is imported that takes time (`gate`).

| variable | meaning |
|---|---|
| STILLHOUSE_RETRIES | how often a step is started again, new pods included |
| STILLHOUSE_RUN, STILLHOUSE_STORE | where the attempts are noted; without both each pod counts alone |
| STILLHOUSE_POD | name of the pod |
"""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import IO, TYPE_CHECKING

from stillhouse.components.runtime.gate import Child
from stillhouse.components.training.cpu_limit import limit_threads
from stillhouse.errors import USER_ERROR
from stillhouse.redaction import guard_output

if TYPE_CHECKING:
    from tenacity import RetryCallState

    from stillhouse.components.runtime.attempts import Attempt, Journal, Outcome

logger = logging.getLogger("stillhouse.supervisor")

RESTART_SECONDS = (1.0, 60.0)
"""First and longest pause before the process is started again."""
LAST_WORDS_SECONDS = 5.0
"""How long the output of an ended process is waited for, should somebody outlive it and hold it open."""
OOM_COUNTERS = (Path("/sys/fs/cgroup/memory.events"), Path("/sys/fs/cgroup/memory/memory.oom_control"))
"""Where the kernel counts what it killed for memory, in cgroup v2 and v1."""


def supervised(step: str, command: Sequence[str]) -> list[str]:
    """`command`, with its supervisor before it."""
    return ["python3", "-P", "-m", "stillhouse.components.runtime.supervisor", step, "--", *command]


class Supervisor:
    """Starts the process of one step until it succeeds, makes a user's mistake, or its budget is spent."""

    def __init__(
        self, step: str, command: Sequence[str], journal: "Journal", retries: int, first: Child | None = None
    ) -> None:
        """`first` is a process of this command that waits at the gate already."""
        self._step, self._command, self._journal, self._retries = step, command, journal, retries
        self._first = first

    def run(self) -> int:
        """The exit code of the last attempt, 2 for a user's mistake."""
        from tenacity import Retrying, retry_if_result, stop_after_attempt, wait_exponential_jitter

        earlier = self._journal.earlier
        if mistake := next((attempt for attempt in earlier if attempt.outcome == "user_error"), None):
            self._say(f"{mistake.sentence} (attempt {mistake.number} of this run; fix it and start a new run)")
            self._drop_first()
            return USER_ERROR
        left = 1 + self._retries - len(earlier)
        if left <= 0:
            self._say(f"gives up after {len(earlier)} attempts; in the last one {earlier[-1].sentence}.")
            self._drop_first()
            return 1
        retrying = Retrying(
            retry=retry_if_result(lambda attempt: attempt.outcome not in ("succeeded", "user_error")),
            wait=wait_exponential_jitter(multiplier=RESTART_SECONDS[0], max=RESTART_SECONDS[1]),
            stop=stop_after_attempt(left),
            before_sleep=self._say_why,
            retry_error_callback=lambda state: state.outcome and state.outcome.result(),
        )
        last: Attempt = retrying(self._attempt)
        return {"succeeded": 0, "user_error": USER_ERROR}.get(last.outcome, 1)

    def _drop_first(self) -> None:
        if self._first:
            _end_session(self._first.process)

    def _attempt(self) -> "Attempt":
        from stillhouse.components.runtime.attempts import Attempt

        number = len(self._journal.earlier) + 1
        attempt = Attempt(number=number, pod=os.environ.get("STILLHOUSE_POD", ""), started=_now())
        self._journal.write(attempt)
        killed_before = _killed_for_memory()
        child, self._first = self._first or Child(self._command), None
        words = Thread(target=_pass_on, args=(child.process.stdout,), daemon=True)
        words.start()
        child.let_through()
        code = child.process.wait()
        _end_session(child.process)  # its workers may outlive it
        words.join(LAST_WORDS_SECONDS)
        outcome, detail = self._judge(code, _killed_for_memory() > killed_before)
        attempt = attempt.model_copy(update={"outcome": outcome, "detail": detail, "ended": _now()})
        self._journal.write(attempt)
        self._journal.earlier.append(attempt)
        return attempt

    def _judge(self, code: int, killed_for_memory: bool) -> tuple["Outcome", str]:
        if code == 0:
            return "succeeded", ""
        if code == USER_ERROR:
            return "user_error", self._sentence()
        if killed_for_memory:
            return "out_of_memory", ""
        number = -code if code < 0 else code - 128  # a shell in between says 128 + N
        if number in set(signal.Signals):
            return "signal", signal.Signals(number).name
        return "exit_code", str(code)

    def _sentence(self) -> str:
        """What the step wrote at its end."""
        from stillhouse.components.config.home import home_folder
        from stillhouse.components.tracking.settings import spool_folder
        from stillhouse.components.tracking.spool import read_events

        spool = spool_folder(home_folder(), os.environ.get("STILLHOUSE_RUN", "")) / f"{self._step}.jsonl"
        if spool.is_file():
            ends = [event for _, event in read_events(spool) if event["event"] == "end"]
            if ends and ends[-1]["mistake"]:
                return ends[-1]["message"]
        return "the step ended with exit code 2; its log says why"

    def _say_why(self, state: "RetryCallState") -> None:
        assert state.outcome and state.next_action
        attempt, pause = state.outcome.result(), state.next_action.sleep
        self._say(f"attempt {attempt.number}: {attempt.sentence}; starting it again in {pause:.0f} s.")

    def _say(self, sentence: str) -> None:
        sys.stderr.write(f"{self._step}: {sentence}\n")


def _pass_on(words: IO[str]) -> None:
    """Let what the step and KFP's executor write pass through this process's guarded output: they print inputs."""
    for line in words:
        sys.stdout.write(line)


def _end_session(process: "subprocess.Popen[str]") -> None:
    """End the process and all that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _killed_for_memory() -> int:
    """How many processes of this container the kernel has killed because its memory ran out."""
    for path in OOM_COUNTERS:
        if path.is_file():
            counts = dict(line.split() for line in path.read_text().splitlines())
            return int(counts.get("oom_kill", 0))
    return 0


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def main() -> int:
    """Entry of the process."""
    guard_output()
    limit_threads()
    step, _, *command = sys.argv[1:]
    first = Child(command)
    from stillhouse.components.runtime.attempts import Journal
    from stillhouse.components.storage.home import local_store

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    run = os.environ.get("STILLHOUSE_RUN", "")
    store = local_store() if run and os.environ.get("STILLHOUSE_STORE") else None
    journal = Journal(store, run, step)
    return Supervisor(step, command, journal, int(os.environ.get("STILLHOUSE_RETRIES", "0")), first).run()


if __name__ == "__main__":
    sys.exit(main())
