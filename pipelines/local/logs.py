"""The logs of a run on this machine."""

import time
from collections.abc import Callable
from pathlib import Path

from stillhouse.components.tracking.settings import spool_folder
from stillhouse.components.tracking.spool import read_events
from stillhouse.errors import UserError
from stillhouse.spelling import did_you_mean

POLL_SECONDS = 0.5
"""Time between two looks at a log that grows."""


def is_local_run(home: Path, run: str) -> bool:
    """Whether the run was one of this machine: its folder is in `home`."""
    return bool(run) and "/" not in run and (home / run / "logs").is_dir()


def show_local_logs(home: Path, run: str, step: str, write: Callable[[str], None], *, follow: bool) -> None:
    """Write what a step of the run has logged, of all its attempts; without a step all that the run has.

    Args:
        write: takes a line, without its end.
        follow: go on until the step, or the run, has ended.

    Raises:
        UserError: there is no log of that step.
    """
    folder = home / run / "logs"
    path = folder / f"{step}.log" if step else home / run / "pipeline.log"
    if not path.is_file():
        steps = sorted(found.stem for found in folder.glob("*.log") if found.stem != "sender")
        shown = f"it has logs of: {', '.join(steps)}." if steps else "no step of it has begun."
        raise UserError(f"The run {run} has no log of a step '{step}'; {did_you_mean(step, steps, shown)}")
    with path.open(encoding="utf-8", errors="replace") as file:
        while True:
            over = not follow or _has_ended(home, run, step or "pipeline")
            for line in file:
                write(line.rstrip("\n"))
            if over:
                return
            time.sleep(POLL_SECONDS)


def _has_ended(home: Path, run: str, step: str) -> bool:
    """Whether the step's last attempt has ended, or the whole run."""
    spools = [spool_folder(home, run) / f"{name}.jsonl" for name in (step, "pipeline")]
    events = [[event["event"] for _, event in read_events(spool)] for spool in spools if spool.is_file()]
    return any("end" in names[-1:] for names in events)
