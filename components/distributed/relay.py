"""What the first of several training processes has to say, on its way to the step's own process.

The one MLflow run of a step belongs to the process that KFP has started. The processes that train append a line of
JSON for each call to a file, and the step's process makes the same calls of its run.
"""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

PROGRESS_SECONDS = 1.0
"""Between two lines about progress, for the file stays small in a long training."""
POLL_SECONDS = 0.2
CALLS = ("params", "metrics", "notes", "progress")
"""What is passed on to the run."""


class Relay:
    """Stands for the run of a step in a process that trains; each call is a line of the file `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next_progress = 0.0

    def params(self, values: Mapping[str, Any]) -> None:
        """As `StepRun.params`."""
        self.tell("params", values=values)

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """As `StepRun.metrics`."""
        self.tell("metrics", values=values, step=step)

    def notes(self, values: Mapping[str, str]) -> None:
        """As `StepRun.notes`."""
        self.tell("notes", values=values)

    def progress(self, done: float, total: float, unit: str, note: str = "") -> None:
        """As `StepRun.progress`."""
        now = time.monotonic()
        if now >= self._next_progress or done >= total:
            self._next_progress = now + PROGRESS_SECONDS
            self.tell("progress", done=done, total=total, unit=unit, note=note)

    def tell(self, call: str, **given: Any) -> None:
        """Append one line."""
        line = json.dumps({"call": call, "given": given}, default=float) + "\n"
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line)


class NullRun:
    """Stands for the run of a step in the processes that only help."""

    def params(self, values: Mapping[str, Any]) -> None:
        """The first process tells."""

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """The first process tells."""

    def notes(self, values: Mapping[str, str]) -> None:
        """The first process tells."""

    def progress(self, done: float, total: float, unit: str, note: str = "") -> None:
        """The first process tells."""


class Listener:
    """Makes the calls of a `Relay` on a run, and keeps what else it tells."""

    def __init__(self, run: Any) -> None:
        self._run = run
        self._rest = b""
        self.result: dict[str, float] | None = None
        """What the step returned in the first process."""
        self.mistake = ""
        """The sentence of a UserError in any of them."""

    def hear(self, data: bytes) -> None:
        """Take the next part of the lines; the last one may be cut."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            told = json.loads(line)
            if told["call"] in CALLS:
                getattr(self._run, told["call"])(**told["given"])
            elif told["call"] == "mistake":
                self.mistake = self.mistake or told["given"]["sentence"]
            else:
                self.result = told["given"]["figures"]

    def follow(self, path: Path, ended: Callable[[float], bool]) -> None:
        """Hear all that comes into the file until `ended`, which waits for so many seconds, says that it was the end.

        Raises:
            Exception: what the run raises.
        """
        with path.open("rb") as file:
            last = False
            while not last:
                last = ended(POLL_SECONDS)
                self.hear(file.read())
