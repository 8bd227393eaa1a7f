"""One of the processes that train a step together: `python -m ...distributed.rank_process JOB`, by torchrun.

JOB is a file that `launch` has written. The process runs the very function that a step's own process would run: up to
the training all do the same, in it each takes its share, and only the first one goes on to the model.
"""

import ctypes
import logging
import os
import pkgutil
import signal
import sys
from pathlib import Path
from typing import Any

from stillhouse.components.config.settings import Settings
from stillhouse.components.distributed.relay import NullRun, Relay
from stillhouse.components.training.cpu_limit import THREADS
from stillhouse.errors import USER_ERROR, UserError
from stillhouse.redaction import RedactingFormatter, guard_output

SET_PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux's prctl."""
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class Job(Settings):
    """What a process is to do."""

    step: str
    """The step's function, as module:name."""
    settings_class: str
    settings: dict[str, Any]
    paths: dict[str, str]
    relay: str = ""
    """File for what the step's process is to hear; on its way to another node the job has none."""

    def run(self, run: Any) -> dict[str, float]:
        """Run the step."""
        settings = pkgutil.resolve_name(self.settings_class).model_validate(self.settings)
        return pkgutil.resolve_name(self.step)(settings, **self.paths, run=run)


def main() -> None:
    """Entry of the process.

    Raises:
        SystemExit: with code 2 after a user's mistake, 130 when it was asked to stop.
    """
    guard_output()
    _die_with_parent()
    _share_processors()
    job = Job.parse(Path(sys.argv[1]).read_text(encoding="utf-8"))
    relay = Relay(Path(job.relay))
    from stillhouse.components.training.ranks import joined

    try:
        with joined() as ranks:
            _log(logging.INFO if ranks.leads else logging.WARNING)
            relay.tell("result", figures=job.run(relay if ranks.leads else NullRun()))
    except UserError as error:
        relay.tell("mistake", sentence=str(error))
        sys.exit(USER_ERROR)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


def _share_processors() -> None:
    """The threads that the step may have are for all processes of this machine together; one for each without a word,
    as torchrun has it."""
    together = int(os.environ.get(THREADS, "0"))
    os.environ[THREADS] = str(max(1, together // int(os.environ["LOCAL_WORLD_SIZE"])))


def _die_with_parent() -> None:
    """A step that is killed leaves no process behind that trains, and writes, on its own: torchrun gives each process
    a session, where the supervisor's signal to the group does not reach it."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


def _log(level: int) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter(LOG_FORMAT))
    logging.basicConfig(level=level, handlers=[handler])


if __name__ == "__main__":
    main()
