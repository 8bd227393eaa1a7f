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
| whole | what (metric, param, tag, artifact, dataset or verdict), and the fields of that: for the pipeline's own run |
| end | status (FINISHED, FAILED or KILLED), seconds, message, mistake (true for a user's, see UserError) |
"""

import json
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from stillhouse.components.tracking import settings
from stillhouse.errors import UserError

logger = logging.getLogger(__name__)

Event = dict[str, Any]

TORN: Event = {"event": "torn", "time": 0}
"""Stands for a line that a kill cut off."""


class Spool:
    """One step's spool, open for appending; safe to use from several threads.

    A full disk does not stop the step: what it reports waits in memory, in order, until there is room again.

    Raises:
        UserError: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._waiting = bytearray()
        """What the disk has not taken yet."""
        self._lost = 0
        """Lines that found no room in memory either."""
        self._said = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            mend = "free space, fix its permissions or set STILLHOUSE_HOME to another folder"
            raise UserError(f"cannot write '{path}': {error.strerror}; {mend}.") from error
        if self._file.tell() and not ends_with_newline(path):
            self._waiting += b"\n"

    def append(self, event: str, **fields: Any) -> None:
        """Write one event; when this returns the line is with the operating system and survives a kill.

        On a full disk it survives the end of the step, if there is room by then; progress is dropped.
        """
        line = json.dumps({"event": event, "time": time.time_ns() // 1_000_000, **fields}).encode() + b"\n"
        with self._lock:
            if self._waiting:
                self._write()
            if self._waiting and event == "progress":
                return
            if len(self._waiting) + len(line) > settings.WAITING_BYTES:
                self._lost += 1
                return
            self._waiting += line
            self._write()

    def close(self) -> None:
        """Write what waits, or say how much is lost."""
        with self._lock:
            self._write()
            self._file.close()
            if lost := self._lost + self._waiting.count(b"\n"):
                logger.error("%s: there was no room for %d lines; they will be missing in MLflow.", self.path, lost)

    def _write(self) -> None:
        try:
            while self._waiting:  # a disk that fills up takes a part, and raises at the next write
                del self._waiting[: self._file.write(self._waiting)]
        except OSError as error:
            if not self._said:
                self._said = True
                mend = "the step goes on, and what it reports waits in memory for room"
                logger.warning("cannot write '%s': %s; %s.", self.path, error.strerror, mend)


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


def points_behind(path: Path, offset: int) -> int:
    """Number of metric points behind byte `offset`."""
    return sum(len(event["values"]) for _, event in read_events(path, offset) if event["event"] == "metric")


def _parse(line: bytes) -> Event:
    try:
        return json.loads(line)
    except ValueError:
        return TORN


def ends_with_newline(path: Path) -> bool:
    """Whether the last line of a spool that holds something is whole."""
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
