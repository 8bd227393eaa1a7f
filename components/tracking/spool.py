"""The spool: what a step has to say, as JSON lines in a file of its own.

A step appends and never waits; the sender (and whoever draws a live table) reads behind it. Each line is an
object with `event` and `time` (milliseconds since 1970), and by event:

| event | fields |
|---|---|
| start | run, step, attempt (from 1), pid, experiment, injected (MLFLOW_RUN_ID of the environment, or null) |
| metric | step (int), values {name: float} |
| param, tag | values {name: string} |
| progress | done, total, unit, note |
| artifact | path, folder |
| dataset | name, digest, source, rows {split: int} |
| end | status (FINISHED, FAILED or KILLED), seconds, message |
"""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

Event = dict[str, Any]

TORN: Event = {"event": "torn", "time": 0}
"""Stands for a line that a kill cut off."""


class Spool:
    """One step's spool, open for appending; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._lock = threading.Lock()
        self._file = path.open("ab", buffering=0)
        if self._file.tell() and not _ends_with_newline(path):
            self._file.write(b"\n")

    def append(self, event: str, **fields: Any) -> None:
        """Write one event; when this returns the line is with the operating system and survives a kill."""
        line = json.dumps({"event": event, "time": time.time_ns() // 1_000_000, **fields}) + "\n"
        rest = memoryview(line.encode())
        with self._lock:
            while rest:  # a disk that fills up takes a part, and raises at the next write
                rest = rest[self._file.write(rest) :]

    def close(self) -> None:
        with self._lock:
            self._file.close()


def read_events(path: Path, offset: int = 0) -> Iterator[tuple[int, Event]]:
    """Events behind byte `offset`, each with the offset at which the next one begins.

    A last line without its newline is still being written and is left for the next call.
    """
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                return
            offset += len(line)
            yield offset, _parse(line)


def _parse(line: bytes) -> Event:
    try:
        return json.loads(line)
    except ValueError:
        return TORN


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"


class Sent(NamedTuple):
    """How far a spool has been sent; kept beside it, so that the next sender goes on from there."""

    offset: int = 0
    """Bytes of the spool that the server has."""
    mlflow_run: str = ""
    """Id of the MLflow run; empty before the first start is sent."""
    attempt: int = 1
    ended: bool = True
    """False while MLflow shows the run as running."""


def read_sent(spool: Path) -> Sent:
    """What was kept beside `spool`; the beginning when there is nothing (sending twice does no harm)."""
    try:
        return Sent(**json.loads(spool.with_suffix(".sent").read_text()))
    except (FileNotFoundError, ValueError):
        return Sent()


def write_sent(spool: Path, sent: Sent) -> None:
    new = spool.with_suffix(".sent.new")
    new.write_text(json.dumps(sent._asdict()))
    new.replace(spool.with_suffix(".sent"))


def unsent(spool: Path) -> bool:
    """Whether the server lacks an event of this spool, or the news that its step is gone."""
    sent = read_sent(spool)
    return not sent.ended or any(True for _ in read_events(spool, sent.offset))
