"""conclude: the exit step, which runs after success and failure alike.

KFP starts no further pod after a cancel or when the run's deadline has passed: then only `stillhouse sweep` closes what
is left. On this machine the process that started the run closes its MLflow run, and here only the rest is done.
"""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from stillhouse.components.artifacts.verdict import stored_verdict
from stillhouse.components.conclude.webhook import message, notify
from stillhouse.components.config.home import home_folder
from stillhouse.components.runtime.attempts import last_failure, read_attempts
from stillhouse.components.storage.home import local_store
from stillhouse.components.storage.store import Store
from stillhouse.components.tracking.run import StepRun, failures
from stillhouse.components.tracking.settings import spool_folder

logger = logging.getLogger(__name__)


class Ending(NamedTuple):
    """How a run ended."""

    succeeded: bool
    decision: str
    """promoted, rejected, not enough evidence, unchanged, conflict, nothing to learn, waiting; `failed` without a
    verdict."""
    why: str
    step: str = ""
    """The step that failed."""
    version: str | None = None
    loses_to: Sequence[str] = ()
    """Baselines that the candidate loses to."""

    @property
    def sentence(self) -> str:
        """Both for people."""
        if self.why.lower().startswith(self.decision):
            return self.why
        return f"{self.decision}: {self.step + ': ' if self.step else ''}{self.why}"


def conclude(model_name: str, *, state: str, summary: str, run: StepRun | None) -> None:
    """Write how the run ended to `summary`, as Markdown, to MLflow, and to the webhook if there is one.

    Args:
        state: What KFP says of the run's other steps, for the case that no step said how it ended.
        run: The run to close; None when somebody else closes it.

    Raises:
        UserError: the store cannot be read.
    """
    run_id = run.run_id if run else os.environ["STILLHOUSE_RUN"]
    ending = _ending(local_store(), run_id, state)
    logger.info("%s", ending.sentence)
    path = Path(summary)
    path.parent.mkdir(parents=True, exist_ok=True)
    said = ending.sentence.removeprefix(f"{ending.decision}: ")
    path.write_text(f"# {model_name}: {ending.decision}\n\n{said}\n", encoding="utf-8")
    if run:
        run.whole.tags({"decision": ending.decision, "why": ending.why})
        if not ending.succeeded:
            run.end_as("FAILED", ending.sentence)
    notify(message(text=ending.sentence, model_name=model_name, run=run_id, **ending._asdict()))


def _ending(store: Store, run_id: str, state: str) -> Ending:
    """What promote decided, or decline; else why the step failed that failed last."""
    if verdict := stored_verdict(store, run_id):
        return Ending(True, verdict.decision, verdict.why, version=verdict.version, loses_to=verdict.loses_to)
    return _failure(store, run_id, state)


def _failure(store: Store, run_id: str, state: str) -> Ending:
    if failed := last_failure(read_attempts(store, run_id)):
        step, attempt = failed
        return Ending(False, "failed", attempt.sentence, step)
    # Without a supervisor, as on this machine, the spools know.
    if told := failures(spool_folder(home_folder(), run_id)):
        step, _, why = max(told)[1].partition(": ")
        return Ending(False, "failed", why, step)
    return Ending(False, "failed", f"no step said how it ended; KFP's state is {state or 'unknown'}, look at its pods.")
