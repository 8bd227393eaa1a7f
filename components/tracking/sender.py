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
from tenacity import RetryCallState, RetryError, Retrying, before_sleep_log, stop_after_attempt, wait_exponential_jitter

from stillhouse.components.tracking import settings
from stillhouse.components.tracking.connection import answers, connect, patient
from stillhouse.components.tracking.delivery import Delivery
from stillhouse.components.tracking.spool import points_behind, read_sent, unsent
from stillhouse.redaction import guard_output, redact

logger = logging.getLogger(__name__)


_BACKOFF = wait_exponential_jitter(multiplier=settings.BACKOFF_SECONDS, max=settings.BACKOFF_SECONDS_MAX)


class Replayed(NamedTuple):
    """What a replay did for one run."""

    run: str
    """Id of the pipeline run."""
    points: int = 0
    """Metric points sent."""
    left: int = 0
    """Metric points that are left."""
    torn: int = 0
    """Lines left out, for a kill had cut them off."""
    why: str = ""
    """Why something is left; empty when all is sent."""

    def __str__(self) -> str:
        torn = f", {self.torn} left out that a kill had cut off" if self.torn else ""
        rest = f"{self.left} left: {self.why}" if self.why else "nothing left"
        return f"{self.run}: {self.points} points sent{torn}, {rest}"


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

    @property
    def torn(self) -> int:
        """Lines left out."""
        return sum(delivery.torn for delivery in self._deliveries.values())

    def send(self) -> None:
        """Send what is new in all spools; one that cannot be sent does not hold up the others.

        Raises:
            Exception: the last error of those that could not be sent.
        """
        failure: Exception | None = None
        for spool in self._spools():
            try:
                if spool.stem not in self._deliveries:
                    self._deliveries[spool.stem] = Delivery(patient(connect(self._home)), self._home, spool)
                self._deliveries[spool.stem].send()
            except Exception as error:
                failure = error
        if failure:
            raise failure

    def leave(self) -> None:
        """Mark what has started and not ended as killed."""
        for delivery in self._deliveries.values():
            delivery.abandon()

    @property
    def left(self) -> int:
        """Metric points not sent yet."""
        return sum(points_behind(spool, read_sent(spool).offset) for spool in self._spools())

    def _spools(self) -> list[Path]:
        """All spools, the pipeline's first: its run is the parent of the others."""
        return sorted(self._folder.glob("*.jsonl"), key=lambda path: (path.stem != settings.PIPELINE, path.stem))


def serve(home: Path, run_id: str, told: Callable[[], bool]) -> bool:
    """Send the spools of a run until `told` says that no more will come; then answer whether all is sent.

    Leftovers of earlier runs are sent too, as soon as the server answers.
    """
    sender = Sender(home, run_id)
    retrying = Retrying(
        wait=_BACKOFF,
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


def replay(home: Path, skip: str = "") -> list[Replayed]:
    """Send what earlier runs under `home` have left unsent, each point once; `skip` names the run at work.

    A server that does not answer is asked for one run, not for each.
    """
    done: list[Replayed] = []
    silent = ""
    for run_id in unsent_runs(home):
        if run_id == skip:
            continue
        if silent:
            done.append(Replayed(run_id, left=Sender(home, run_id).left, why=silent))
            continue
        done.append(_replay(home, run_id))
        silent = done[-1].why if done[-1].why and not answers(home) else ""
    return done


def unsent_runs(home: Path) -> list[str]:
    """Ids of the runs under `home` of which something is unsent."""
    folders = sorted(home.glob("*/spool"))
    return [folder.parent.name for folder in folders if any(unsent(spool) for spool in folder.glob("*.jsonl"))]


def _replay(home: Path, run_id: str) -> Replayed:
    sender = Sender(home, run_id)
    why = ""
    try:
        with FileLock(settings.spool_folder(home, run_id) / "sender.lock", timeout=0):
            retrying = Retrying(stop=stop_after_attempt(settings.REPLAYS), wait=_BACKOFF, reraise=True)
            retrying(sender.send)
            retrying(sender.leave)
    except Timeout:
        why = "another process is sending it"
    except Exception as error:
        why = f"MLflow does not take it ({_in_short(error)})"
    replayed = Replayed(run_id, sender.points, sender.left, sender.torn, why)
    (logger.warning if why else logger.info)("%s", replayed)
    return replayed


def _in_short(error: Exception) -> str:
    """Both ends of its message: the first says what was asked, the last what happened."""
    line = redact(" ".join(str(error).split())) or type(error).__name__
    half = settings.WHY_CHARACTERS // 2
    return line if len(line) <= 2 * half else f"{line[:half]}…{line[-half:]}"


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
    guard_output()  # errors of MLflow quote the server's address, password included
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
    return 0 if sent else 1


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    os._exit(code)  # somebody waits, and tearing down what MLflow has imported takes another second or two
