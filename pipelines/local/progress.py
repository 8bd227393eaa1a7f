"""What is known of a running pipeline, read from its log and from the spools of its steps."""

import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from stillhouse.components.tracking.settings import NOTE
from stillhouse.components.tracking.spool import Event, read_events
from stillhouse.pipelines.terminal import headline

State = Literal["waiting", "running", "cached", "done", "skipped", "failed"]

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
EXECUTING = re.compile(r"\S+ - INFO - Executing task '([\w-]+)'$")
CACHED = re.compile(r"\S+ - INFO - Task ([\w-]+) cache hit ")
FINISHED = re.compile(r"\S+ - \w+ - Task '([\w-]+)' finished with status (SUCCESS|FAILURE)$")
"""What kfp.local 2.17 logs about its tasks; the lines of the steps themselves are indented."""
TRACEBACK = "    Traceback (most recent call last):"


@dataclass
class StepProgress:
    """One step."""

    step: str
    state: State = "waiting"
    started: float = 0.0
    """Seconds since 1970 when its process was started."""
    finished: float = 0.0
    own_seconds: float = 0.0
    """Its own work over all attempts, without the start of its process."""
    done: float = 0.0
    total: float = 0.0
    unit: str = ""
    note: str = ""
    rate: float = 0.0
    """Units per second since the first progress of this phase."""
    metric: str = ""
    notes: list[str] = field(default_factory=list)
    """Sentences that a person should read while it runs."""
    message: str = ""
    """Why it failed."""
    crashed: bool = False
    """It failed with a traceback, so not by a mistake of the user's."""
    _phase_began: tuple[float, float] = (0.0, 0.0)

    @property
    def seconds_left(self) -> float | None:
        """Of the present phase; None as long as nothing is known."""
        return (self.total - self.done) / self.rate if self.rate > 0 else None

    def seconds(self, now: float) -> float:
        """Wall time so far, start of the process included."""
        return (self.finished or now) - self.started if self.started else 0.0

    def apply(self, event: Event) -> None:
        """Take in an event of the step's spool."""
        match event["event"]:
            case "start":
                self.message = ""
            case "progress":
                self._progress(event)
            case "tag":
                said = (value for name, value in event["values"].items() if name.startswith(NOTE))
                self.notes += [sentence for sentence in said if sentence not in self.notes]
                self.metric = event["values"].get("decision", self.metric)
            case "metric":
                self._metrics(event["values"])
            case "end":
                self.own_seconds += event["seconds"]
                self.message = event["message"]
                self.crashed = self.crashed and not event["mistake"]

    def _progress(self, event: Event) -> None:
        at, done = event["time"] / 1000, float(event["done"])
        if (event["unit"], event["total"]) != (self.unit, self.total) or done < self.done:
            self.unit, self.total, self.rate = event["unit"], float(event["total"]), 0.0
            self._phase_began = (at, done)
        self.done, self.note = done, event["note"]
        began, done_before = self._phase_began
        if at > began:
            self.rate = (done - done_before) / (at - began)

    def _metrics(self, values: dict[str, float]) -> None:
        self.metric = headline(values) or self.metric


@dataclass
class Progress:
    """All steps of a run, in the order they run."""

    rows: dict[str, StepProgress]
    clock: Callable[[], float] = time.time
    left: Callable[["Progress"], str] = lambda progress: ""
    """A sentence on the time left of the whole run; empty where nothing is to be said."""

    @classmethod
    def of(cls, steps: Iterable[str], idle: Collection[str] = ()) -> "Progress":
        """Nothing done yet: all `steps` wait, but for those that are `idle`: the run does without them."""
        return cls({step: StepProgress(step, "skipped" if step in idle else "waiting") for step in steps})

    def read_log_line(self, line: str) -> None:
        """Take in a line of the pipeline's log."""
        if line.startswith(TRACEBACK):
            for row in self._in_state("running"):
                row.crashed = True
            return
        plain = COLOURS.sub("", line)
        if found := EXECUTING.match(plain):
            row = self._row(found[1])
            row.state, row.started, row.finished, row.crashed = "running", self.clock(), 0.0, False
        elif found := CACHED.match(plain):
            self._row(found[1]).state = "cached"
        elif found := FINISHED.match(plain):
            row = self._row(found[1])
            row.state, row.finished = "done" if found[2] == "SUCCESS" else "failed", self.clock()

    def close(self, succeeded: bool) -> None:
        """The pipeline ended: after a success what never ran was skipped; a step that still ran failed."""
        for row in self._in_state("waiting") if succeeded else ():
            row.state = "skipped"
        for row in self._in_state("running"):
            row.state, row.finished = "failed", self.clock()

    @property
    def failed(self) -> StepProgress | None:
        """The step that failed."""
        return next(self._in_state("failed"), None)

    @property
    def own_seconds(self) -> float:
        """The steps' own work."""
        return sum(row.own_seconds for row in self.rows.values())

    def summary(self) -> dict[str, Any]:
        """State and own seconds of each step, for summary.json."""
        return {
            row.step: {
                "state": row.state,
                "cached": row.state == "cached",
                "seconds": round(row.own_seconds, 3),
            }
            for row in self.rows.values()
        }

    @property
    def notes(self) -> list[str]:
        """What the steps have said for a person to read."""
        return [f"{row.step}: {sentence}" for row in self.rows.values() for sentence in row.notes]

    def _in_state(self, state: State) -> Iterator[StepProgress]:
        return (row for row in self.rows.values() if row.state == state)

    def _row(self, step: str) -> StepProgress:
        return self.rows.setdefault(step, StepProgress(step))


@dataclass
class Follower:
    """Reads behind a run's log and spools and keeps what is known of it up to date."""

    progress: Progress
    log: Path
    spools: Path
    on_log_line: Callable[[str], None] = lambda line: None
    _log_offset: int = 0
    _spool_offsets: dict[Path, int] = field(default_factory=dict)

    def read(self) -> None:
        """Take in everything that was written since the last call."""
        for line in self._new_log_lines():
            self.progress.read_log_line(line)
            self.on_log_line(line)
        for path in sorted(self.spools.glob("*.jsonl")):
            if row := self.progress.rows.get(path.stem):
                for offset, event in read_events(path, self._spool_offsets.get(path, 0)):
                    self._spool_offsets[path] = offset
                    row.apply(event)

    def _new_log_lines(self) -> list[str]:
        with self.log.open("rb") as file:
            file.seek(self._log_offset)
            data = file.read()
        complete = data[: data.rfind(b"\n") + 1]
        self._log_offset += len(complete)
        return complete.decode(errors="replace").splitlines()
