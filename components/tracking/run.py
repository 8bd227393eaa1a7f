"""What a step sees of tracking: a run to write metrics, parameters, tags and artifacts to.

Everything goes to the step's spool and from there, by a process in the background, to MLflow. So a step never
waits for a server, and importing this module costs milliseconds.
"""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from stillhouse.components.config.home import home_folder
from stillhouse.components.tracking import settings
from stillhouse.components.tracking.address import refuse_unusable_address
from stillhouse.components.tracking.leftovers import SpoolStore, kept_in_store
from stillhouse.components.tracking.spool import Spool, read_events
from stillhouse.components.tracking.system import SystemSampler
from stillhouse.components.tracking.texts import flatten, text
from stillhouse.components.tracking.whole import FAILED, STOPPED, WholeRun
from stillhouse.errors import USER_ERROR, UserError
from stillhouse.redaction import RedactingFormatter, redact, redact_all

logger = logging.getLogger(__name__)

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class StepRun:
    """A step within a pipeline run; each method appends to the step's spool and returns at once.

    A retried step goes on in the spool of its earlier attempts. The points of a curve that one of them wrote
    already are not written again: a training that resumes from a checkpoint repeats them with other times, and
    sometimes values (tokens per second), and MLflow drops only what is the same in everything. A figure without a
    step is written again if it has another value: the newest is the one that the step went on with.
    """

    def __init__(self, step: str, run_id: str, home: Path) -> None:
        self.step = step
        """Name of the step."""
        self.run_id = run_id
        """Id of the pipeline run."""
        self.folder = home / run_id
        """Folder of the pipeline run."""
        self._spool = Spool(settings.spool_folder(home, run_id) / f"{step}.jsonl")
        self.whole = WholeRun(self._spool)
        """The run of the whole pipeline, for what a person should find there and need not look for in a step's."""
        self._attempt = 1
        self._system_samples = 0
        self._known: set[tuple[str, int, str]] = set()
        """Points of earlier attempts, see `_identity`."""
        self._read_earlier_attempts()
        self._started = time.monotonic()
        self._next_progress = 0.0
        self._ending = ("FINISHED", "")

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Points of the curves `values` at `step`."""
        points = {name: float(value) for name, value in values.items()}
        if self._known:
            points = {n: v for n, v in points.items() if _identity(n, step, v) not in self._known}
        if points:
            self._spool.append("metric", step=step, values=points)

    def params(self, values: Mapping[str, Any]) -> None:
        """Settings of the step, without secrets; nested ones are named with dots (`loop.epochs`)."""
        self._spool.append("param", values=redact_all(flatten(values)))

    def inputs(self, values: Mapping[str, Any]) -> None:
        """The same for values that KFP hands to the step under these very names.

        Its MLflow plugin logs plain ones itself, as JSON; MLflow refuses a second value and all that comes with it.
        """
        injected = bool(os.environ.get("MLFLOW_RUN_ID"))
        self.params({name: value for name, value in values.items() if isinstance(value, Mapping) or not injected})

    def tags(self, values: Mapping[str, Any]) -> None:
        self._spool.append("tag", values=redact_all({name: text(value) for name, value in values.items()}))

    def notes(self, values: Mapping[str, str]) -> None:
        """What a person should read while the pipeline runs: one sentence by name, also a tag (`note.NAME`)."""
        if values:
            self.tags({f"{settings.NOTE}{name}": sentence for name, sentence in values.items()})

    def progress(self, done: float, total: float, unit: str, note: str = "") -> None:
        """How far the step is, for the live table; may be called as often as is convenient."""
        now = time.monotonic()
        if now < self._next_progress and done < total:
            return
        pause = (now - self._started) / 300
        self._next_progress = now + min(max(pause, settings.PROGRESS_SECONDS), settings.PROGRESS_SECONDS_MAX)
        self._spool.append("progress", done=done, total=total, unit=unit, note=redact(note))

    def artifact(self, path: str | Path, folder: str = "") -> None:
        """A file or folder to keep in MLflow under `folder`; it is read later, so it must stay in place."""
        self._spool.append("artifact", path=str(Path(path).absolute()), folder=folder)

    def dataset(self, name: str, digest: str, source: str, split_rows: Mapping[str, int]) -> None:
        """The dataset this step works on; `digest` is its content's, `split_rows` are the rows per split."""
        self._spool.append("dataset", name=name, digest=digest, source=redact(source), rows=dict(split_rows))

    def end_as(self, status: str, message: str) -> None:
        """Let the run end as `status` (FAILED) for the reason `message`, though nothing is raised here."""
        self._ending = (status, message)

    def _read_earlier_attempts(self) -> None:
        for _, event in read_events(self._spool.path):
            if event["event"] == "start":
                self._attempt = event["attempt"] + 1
            elif event["event"] == "metric":
                for name, value in event["values"].items():
                    if name.startswith("system/"):
                        self._system_samples = event["step"] + 1
                    else:
                        self._known.add(_identity(name, event["step"], value))

    @contextmanager
    def _recorded(self) -> Iterator[None]:
        """Write the events start and end around the block."""
        self._started = time.monotonic()
        self._spool.append(
            "start",
            run=self.run_id,
            step=self.step,
            attempt=self._attempt,
            pid=os.getpid(),
            experiment=settings.experiment(),
            injected=os.environ.get("MLFLOW_RUN_ID") or None,
        )
        status, message, mistake = "FAILED", "", False
        try:
            yield
            status, message = self._ending
        except UserError as error:
            message, mistake = str(error), True
            raise
        except KeyboardInterrupt:
            status, message = "KILLED", "interrupted"
            raise
        except SystemExit as error:
            status, message = ("FAILED", self._why(error.code)) if error.code else ("FINISHED", "")
            raise
        except Exception as error:
            message = redact(f"{type(error).__name__}: {error}")
            logger.exception("%s failed", self.step)
            raise
        finally:
            seconds = time.monotonic() - self._started
            if self.step in (settings.PIPELINE, settings.EXIT_STEP) and status != "FINISHED":
                decision = STOPPED if status == "KILLED" else FAILED
                self.whole.ended(decision, message.removeprefix(f"{decision}: "))
            self._spool.append("end", status=status, seconds=round(seconds, 3), message=message, mistake=mistake)
            self._spool.close()

    def _why(self, code: object) -> str:
        """Why it ends with this code: a pipeline for the reason of the step that failed last."""
        failed = failures(self._spool.path.parent) if self.step == settings.PIPELINE else []
        return max(failed)[1] if failed else f"ended with {code}"


@contextmanager
def step_run(step: str, open_store: Callable[[], SpoolStore] | None = None) -> Iterator[StepRun]:
    """Run a step: open its spool and its log, sample the machine, and see to it that a sender is at work.

    The environment says which pipeline run it belongs to (STILLHOUSE_HOME, STILLHOUSE_RUN), and with
    STILLHOUSE_SENDER=external that somebody else sends. A step that belongs to none is a pipeline of its own: it writes
    the spool of the parent run, too.

    Args:
        step: name of the step.
        open_store: opens the place where unsent points outlive this machine; None when its disk does.

    Raises:
        SystemExit: with code 2 and the sentence on stderr, when the step raised a UserError.
    """
    home = home_folder()
    try:
        with ExitStack() as stack:
            refuse_unusable_address()
            pipeline = os.environ.get("STILLHOUSE_RUN")
            run_id = pipeline or settings.new_run_id(step)
            sends = os.environ.get("STILLHOUSE_SENDER") != "external"
            if sends and open_store:
                stack.enter_context(kept_in_store(open_store(), home, run_id, step, others=step == settings.FIRST_STEP))
            run = StepRun(step, run_id, home)
            if sends:
                stack.enter_context(_sender(home, run_id))
            stack.enter_context(_logging_to(run.folder / "logs" / f"{step}.log"))
            if not (pipeline or os.environ.get("MLFLOW_RUN_ID")):
                stack.enter_context(StepRun(settings.PIPELINE, run_id, home)._recorded())
            stack.enter_context(run._recorded())
            stack.enter_context(SystemSampler(run.metrics, run._system_samples))
            yield run
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(USER_ERROR) from None


@contextmanager
def pipeline_run(home: Path, run_id: str, experiment: str) -> Iterator[StepRun]:
    """Run a pipeline on this machine: one sender for all its steps, and the parent run's own spool.

    The status of the parent run is that of the block: FINISHED, FAILED by an exception, KILLED by Ctrl-C.
    Processes started inside the block find the run through the environment. An injected MLFLOW_RUN_ID becomes
    the parent run and is hidden from the steps.
    """
    home = home.absolute()
    run = StepRun(settings.PIPELINE, run_id, home)
    environment = {"STILLHOUSE_HOME": str(home), "MLFLOW_EXPERIMENT_NAME": experiment}
    inside = {"STILLHOUSE_RUN": run_id, "STILLHOUSE_SENDER": "external", "MLFLOW_RUN_ID": None}
    with _environment(environment), _sender(home, run_id), run._recorded(), _environment(inside):
        yield run


@contextmanager
def _sender(home: Path, run_id: str) -> Iterator[None]:
    """A sender in the background; at the end wait, within bounds, until all is sent."""
    closed = settings.spool_folder(home, run_id) / "closed"
    closed.unlink(missing_ok=True)
    log = home / run_id / "logs" / "sender.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-P", "-m", "stillhouse.components.tracking.sender"]
    command += ["--home", str(home), "--run", run_id, "--parent", str(os.getpid())]
    with log.open("ab") as output:
        # A session of its own: Ctrl-C in the terminal is for the step, and its last words are still sent.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield
    finally:
        with suppress(OSError):  # a full disk; then it ends when this process does
            closed.touch()
        try:
            sent = process.wait(settings.DRAIN_SECONDS) == 0
        except subprocess.TimeoutExpired:
            sent = False
        if not sent:
            logger.warning(
                "MLflow has not taken everything of %s yet; the next run, or `stillhouse replay`, sends the rest.",
                run_id,
            )


class _LogFile(logging.FileHandler):
    """A log that a full disk cuts short, and nothing more: what is missing in it stands on stderr."""

    def handleError(self, record: logging.LogRecord) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)

    def close(self) -> None:
        with suppress(OSError):  # what the stream still holds
            super().close()


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    """Send what is logged to a file, and to stderr unless somebody (as KFP's executor) shows it already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    root = logging.getLogger()
    handlers: list[logging.Handler] = [_LogFile(path)]
    if not root.handlers:
        handlers.append(logging.StreamHandler(sys.stderr))
    level = root.level
    root.setLevel(logging.INFO)
    for handler in handlers:
        handler.setFormatter(RedactingFormatter(LOG_FORMAT))
        root.addHandler(handler)
    try:
        yield
    finally:
        root.setLevel(level)
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()


@contextmanager
def _environment(values: Mapping[str, str | None]) -> Iterator[None]:
    """Set environment variables (None removes one) for the time of the block."""
    before = {name: os.environ.get(name) for name in values}
    _set_environment(values)
    try:
        yield
    finally:
        _set_environment(before)


def _set_environment(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def failures(spools: Path) -> list[tuple[int, str]]:
    """When the steps of a run failed (milliseconds since 1970), and why."""
    return [
        (event["time"], f"{spool.stem}: {event['message']}")
        for spool in spools.glob("*.jsonl")
        for _, event in read_events(spool)
        if event["event"] == "end" and event["status"] == "FAILED"
    ]


def _identity(name: str, step: int, value: float) -> tuple[str, int, str]:
    """What makes a point the same as another: name and step for a curve, the value too for a figure (step 0)."""
    return name, step, "" if step else repr(value)
