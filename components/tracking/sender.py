"""The sender: a process of its own that carries the spools of a run to MLflow.

It imports MLflow, makes the database and waits for a slow server, so that no step has to. It ends when it is
told (the file `closed` beside the spools, or its parent is gone) and all is sent, or the server is silent.
"""

import argparse
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout
from tenacity import RetryCallState, RetryError, Retrying, before_sleep_log, wait_exponential_jitter

from stillhouse.components.tracking import settings
from stillhouse.components.tracking.connection import connect
from stillhouse.components.tracking.delivery import Delivery
from stillhouse.components.tracking.spool import unsent

logger = logging.getLogger(__name__)


class Replayed(NamedTuple):
    """What a replay has done."""

    runs: int = 0
    """Runs of which everything is sent now."""
    points: int = 0
    """Metric points sent."""
    left: int = 0
    """Runs of which something is left, for the server did not take it."""


class Sender:
    """Sends the spools of one run, new ones included, until it is told to end."""

    def __init__(self, home: Path, run_id: str) -> None:
        self._home = home
        self._folder = settings.spool_folder(home, run_id)
        self._deliveries: dict[str, Delivery] = {}

    @property
    def points(self) -> int:
        """Metric points sent."""
        return sum(delivery.points for delivery in self._deliveries.values())

    def send(self) -> None:
        """Send what is new in all spools; one that cannot be sent does not hold up the others.

        Raises:
            Exception: the last error of those that could not be sent.
        """
        failure: Exception | None = None
        for spool in self._spools():
            try:
                if spool.stem not in self._deliveries:
                    self._deliveries[spool.stem] = Delivery(connect(self._home), self._home, spool)
                self._deliveries[spool.stem].send()
            except Exception as error:
                failure = error
        if failure:
            raise failure

    def leave(self) -> None:
        """Mark what has started and not ended as killed."""
        for delivery in self._deliveries.values():
            delivery.abandon()

    def _spools(self) -> list[Path]:
        """All spools, the pipeline's first: its run is the parent of the others."""
        return sorted(self._folder.glob("*.jsonl"), key=lambda path: (path.stem != settings.PIPELINE, path.stem))


def serve(home: Path, run_id: str, told: Callable[[], bool]) -> bool:
    """Send the spools of a run until `told` says that no more will come; then answer whether all is sent.

    Leftovers of earlier runs are sent too, as soon as the server answers.
    """
    sender = Sender(home, run_id)
    retrying = Retrying(
        wait=wait_exponential_jitter(multiplier=settings.BACKOFF_SECONDS, max=settings.BACKOFF_SECONDS_MAX),
        stop=lambda state: told() and _seconds(state) > settings.GIVE_UP_SECONDS,
        sleep=lambda seconds: _sleep(seconds, told),
        before_sleep=before_sleep_log(logger, logging.WARNING),
    )
    leftovers = True
    try:
        while True:
            last = told()  # asked first: whatever was written before is sent now
            retrying(sender.send)
            if leftovers:
                replay(home, skip=run_id)
                leftovers = False
            if last:
                retrying(sender.leave)
                return True
            _sleep(settings.POLL_SECONDS, told)
    except RetryError as error:
        logger.error("gave up; the rest is left for the next run", exc_info=error.last_attempt.exception())
        return False


def replay(home: Path, skip: str = "") -> Replayed:
    """Send what earlier runs under `home` have left unsent, each point once; `skip` names the run at work.

    A run that another sender has in hand is passed over.
    """
    runs = points = left = 0
    for folder in sorted(home.glob("*/spool")):
        run_id = folder.parent.name
        if run_id == skip or not any(unsent(spool) for spool in folder.glob("*.jsonl")):
            continue
        sender = Sender(home, run_id)
        try:
            with FileLock(folder / "sender.lock", timeout=0):
                sender.send()
                sender.leave()
            runs += 1
        except Timeout:
            continue
        except Exception as error:
            logger.warning("%s: something is left unsent: %s", run_id, error)
            left += 1
        points += sender.points
    return Replayed(runs, points, left)


def _seconds(state: RetryCallState) -> float:
    return state.seconds_since_start or 0.0


def _sleep(seconds: float, told: Callable[[], bool]) -> None:
    """Sleep, but hardly any more once we are told to end."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(settings.TOLD_SECONDS)
        if told():
            return


def main() -> int:
    """Entry of the process; exit code 1 says that something is left unsent."""
    parser = argparse.ArgumentParser(prog="python -m stillhouse.components.tracking.sender", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="folder of everything a run writes")
    parser.add_argument("--run", required=True, help="id of the pipeline run")
    parser.add_argument("--parent", type=int, help="process at whose end to end too")
    parser.add_argument("--until-idle", action="store_true", help="send what is there and end")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    os.nice(10)  # the step's work comes first
    home: Path = arguments.home.absolute()
    folder = settings.spool_folder(home, arguments.run)
    folder.mkdir(parents=True, exist_ok=True)
    closed = folder / "closed"

    def told() -> bool:
        gone = arguments.parent is not None and os.getppid() != arguments.parent
        return arguments.until_idle or gone or closed.exists()

    with FileLock(folder / "sender.lock"):
        sent = serve(home, arguments.run, told)
        closed.unlink(missing_ok=True)
    return 0 if sent else 1


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    os._exit(code)  # somebody waits, and tearing down what MLflow has imported takes another second or two
