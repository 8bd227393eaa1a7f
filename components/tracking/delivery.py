"""One spool on its way to MLflow."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stillhouse.components.tracking import settings
from stillhouse.components.tracking.connection import PARENT_TAG, RUN_TAG, STEP_TAG, find_or_create, refused
from stillhouse.components.tracking.entities import (
    MAX_PARAM_CHARACTERS,
    MAX_TAG_CHARACTERS,
    dataset_input,
    key,
    send_artifact,
)
from stillhouse.components.tracking.spool import (
    Event,
    Sent,
    ends_with_newline,
    read_events,
    read_sent,
    write_sent,
)
from stillhouse.components.tracking.whole_delivery import tell, whole_run

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

logger = logging.getLogger(__name__)

ERROR_TAG = "stillhouse.error"
SECONDS_TAG = "stillhouse.seconds"
ATTEMPT_TAG = "stillhouse.attempt"


@dataclass
class Batch:
    """What goes to the server in one request, and how far the spool is sent thereafter."""

    offset: int = 0
    metrics: "list[Metric]" = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.metrics) + len(self.params) + len(self.tags)

    def singles(self) -> "list[Batch]":
        """A batch for each thing in it."""
        return [
            *(Batch(metrics=[metric]) for metric in self.metrics),
            *(Batch(params={name: value}) for name, value in self.params.items()),
            *(Batch(tags={name: value}) for name, value in self.tags.items()),
        ]

    @classmethod
    def of(cls, batches: "list[Batch]") -> "Batch":
        """All that is in `batches`."""
        return cls(
            metrics=[metric for batch in batches for metric in batch.metrics],
            params={name: value for batch in batches for name, value in batch.params.items()},
            tags={name: value for batch in batches for name, value in batch.tags.items()},
        )


class Delivery:
    """Sends one step's spool and remembers how far it came.

    Metrics go verbatim (name, step, timestamp, value), so the server drops a point that comes twice. A curve's
    point that an earlier attempt sent from another machine, with a spool of its own, is left out here.
    Parameters cannot change: another value in a later attempt becomes the tag `attempt.<n>.<name>`. An event
    that the server refuses for good (a name it does not take) is logged and left out.

    A spool may come late: its pod was lost, and the step was done again, or the whole pipeline ended. So a status goes
    by the times of what happened, not by the order of arrival, and a step never ends its parent.
    """

    def __init__(self, client: "MlflowClient", home: Path, spool: Path) -> None:
        self.points = 0
        """Metric points sent by this object."""
        self.torn = 0
        """Lines left out, for a kill had cut them off."""
        self._client = client
        self._home = home
        self._spool = spool
        self._run_id = spool.parent.parent.name
        self._step = spool.stem
        self._sent = read_sent(spool)
        self._params: dict[str, str] | None = None
        """Parameters the server has; None before the run is open."""
        self._known: set[tuple[str, int]] = set()
        """Name and step of the points that the server had before this spool came."""

    def send(self) -> None:
        """Send what is new.

        Raises:
            Exception: the server does not answer; the next call goes on behind what it has taken.
        """
        if self._spool.stat().st_size == self._sent.offset:
            return
        if self._params is None and self._sent.mlflow_run:
            self._reopen()
        batch = Batch(self._sent.offset)
        for offset, event in read_events(self._spool, self._sent.offset):
            if event["event"] in ("start", "artifact", "dataset", "whole", "end", "torn"):
                self._flush(batch)
                self._send_alone(event)
                self._keep(offset=offset)
                batch = Batch(offset)
            else:
                self._collect(event, batch)
                batch.offset = offset
            if len(batch) >= settings.BATCH_EVENTS:
                self._flush(batch)
                batch = Batch(offset)
        self._flush(batch)

    def abandon(self) -> None:
        """Nobody has written the end of this step: let MLflow not show it as running for ever.

        It counts as killed when it was last heard of, so that its end, should it come after all, is the later one.
        """
        if not ends_with_newline(self._spool):
            self._leave_out_torn()
        if not self._sent.ended:
            heard = max((event["time"] for _, event in read_events(self._spool)), default=0)
            self._or_leave_out(lambda: self._terminate("KILLED", heard), "the end")
            self._keep(ended=True)

    def _send_alone(self, event: Event) -> None:
        if event["event"] == "start":
            self._start(event)
        elif event["event"] == "torn":
            self._leave_out_torn()
        else:
            acts = {"artifact": self._artifact, "dataset": self._dataset, "whole": self._whole, "end": self._end}
            act = acts[event["event"]]
            self._or_leave_out(lambda: act(event), event)

    def _start(self, event: Event) -> None:
        run = self._adopt(event["injected"]) if event["injected"] else None
        if run is None:
            run = find_or_create(self._client, self._home, event["experiment"], self._run_id, self._step, event["time"])
        if not self._sent.mlflow_run:
            self._known = self._points_of(run)
        self._open(run)
        self._reopen_parent(run, event["time"])
        if not _has_ended(run, event["time"]):
            self._client.update_run(run.info.run_id, status="RUNNING")
            if error := run.data.tags.get(ERROR_TAG):
                self._client.set_tag(run.info.run_id, f"attempt.{run.data.tags.get(ATTEMPT_TAG, 1)}.error", error)
                self._client.delete_tag(run.info.run_id, ERROR_TAG)
            self._client.set_tag(run.info.run_id, ATTEMPT_TAG, str(event["attempt"]))
        self._keep(mlflow_run=run.info.run_id, attempt=event["attempt"], ended=False)

    def _reopen_parent(self, run: "Run", time: int) -> None:
        """A step that begins after the pipeline's end begins it again (KFP's "retry"); one told of late does not."""
        if self._spool.with_stem(settings.PIPELINE).exists():
            return  # that speaks for the parent
        parent = run.data.tags.get(PARENT_TAG)
        found = self._client.get_run(parent) if parent else None
        if found is None or found.data.tags.get(RUN_TAG) != self._run_id:
            return  # somebody else's, such as that of KFP's plugin
        if found.info.status != "RUNNING" and (found.info.end_time or 0) < time:
            self._client.update_run(found.info.run_id, status="RUNNING")

    def _points_of(self, run: "Run") -> set[tuple[str, int]]:
        """Name and step of each point of its curves; the machine's samples count from 0 on each machine."""
        curves = [name for name in run.data.metrics if not name.startswith("system/")]
        return {
            (name, point.step)
            for name in curves
            for point in self._client.get_metric_history(run.info.run_id, name)
            if point.step
        }

    def _adopt(self, injected: str) -> "Run | None":
        """The run that somebody opened for this step; None when the server does not know it."""
        try:
            run = self._client.get_run(injected)
        except Exception as error:
            if not refused(error):
                raise
            logger.warning("%s: MLflow has no run %s (MLFLOW_RUN_ID); opening one.", self._step, injected)
            return None
        self._client.set_tag(injected, RUN_TAG, self._run_id)
        self._client.set_tag(injected, STEP_TAG, self._step)
        return run

    def _artifact(self, event: Event) -> None:
        send_artifact(self._client, self._sent.mlflow_run, event)

    def _dataset(self, event: Event) -> None:
        self._client.log_inputs(self._sent.mlflow_run, [dataset_input(event, self._step)])

    def _whole(self, event: Event) -> None:
        step = self._client.get_run(self._sent.mlflow_run)
        self.points += tell(self._client, whole_run(self._client, step, self._run_id), event)

    def _end(self, event: Event) -> None:
        self._keep(ended=True)
        if not self._terminate(event["status"], event["time"]):
            return
        self._client.set_tag(self._sent.mlflow_run, SECONDS_TAG, str(event["seconds"]))
        if event["message"]:
            self._client.set_tag(self._sent.mlflow_run, ERROR_TAG, event["message"][:MAX_TAG_CHARACTERS])

    def _terminate(self, status: str, time: int) -> bool:
        """Let the run end at `time`, unless another attempt has ended it later; whether it did."""
        run = self._client.get_run(self._sent.mlflow_run)
        if _has_ended(run, time):
            return False
        self._client.set_terminated(run.info.run_id, status, time)
        return True

    def _reopen(self) -> None:
        """Go on with the run of an earlier sender; a server that lacks it gets everything from the start."""
        try:
            self._open(self._client.get_run(self._sent.mlflow_run))
        except Exception as error:
            if not refused(error):
                raise
            self._sent = Sent()

    def _open(self, run: "Run") -> None:
        self._params = dict(run.data.params)
        self._sent = self._sent._replace(mlflow_run=run.info.run_id)

    def _keep(self, **changes: Any) -> None:
        self._sent = self._sent._replace(**changes)
        write_sent(self._spool, self._sent)

    def _collect(self, event: Event, batch: Batch) -> None:
        from mlflow.entities import Metric

        values = {key(name): value for name, value in event.get("values", {}).items()}
        if event["event"] == "metric":
            step = event["step"]
            new = {name: value for name, value in values.items() if (name, step) not in self._known}
            batch.metrics += [Metric(name, value, event["time"], step) for name, value in new.items()]
        elif event["event"] == "tag":
            batch.tags |= values
        elif event["event"] == "param":
            self._collect_params(values, batch)

    def _collect_params(self, values: dict[str, str], batch: Batch) -> None:
        known = (self._params or {}) | batch.params
        for name, value in values.items():
            value = value[:MAX_PARAM_CHARACTERS]
            if name not in known:
                batch.params[name] = value
            elif known[name] != value:
                batch.tags[key(f"attempt.{self._sent.attempt}.{name}")] = value

    def _leave_out_torn(self) -> None:
        self.torn += 1
        logger.warning("%s: left out a line that a kill had cut off.", self._step)

    def _flush(self, batch: Batch) -> None:
        if len(batch):
            self._log_in_parts(batch.singles())
            self._params = (self._params or {}) | batch.params
            self.points += len(batch.metrics)
        if batch.offset != self._sent.offset:
            self._keep(offset=batch.offset)

    def _log(self, batch: Batch) -> None:
        from mlflow.entities import Param, RunTag

        self._client.log_batch(
            self._sent.mlflow_run,
            metrics=batch.metrics,
            params=[Param(name, value) for name, value in batch.params.items()],
            tags=[RunTag(name, value[:MAX_TAG_CHARACTERS]) for name, value in batch.tags.items()],
        )

    def _log_in_parts(self, singles: list[Batch]) -> None:
        """Halve what the server refuses until that is found which it does not take; all the rest is sent."""
        try:
            self._log(Batch.of(singles))
        except Exception as error:
            if not refused(error):
                raise
            if len(singles) == 1 or self._is_deleted():
                logger.warning("%s: MLflow refuses %s: %s", self._step, singles, error)
                return
            middle = len(singles) // 2
            self._log_in_parts(singles[:middle])
            self._log_in_parts(singles[middle:])

    def _is_deleted(self) -> bool:
        return self._client.get_run(self._sent.mlflow_run).info.lifecycle_stage == "deleted"

    def _or_leave_out(self, action: Callable[[], object], what: object) -> None:
        try:
            action()
        except Exception as error:
            if not refused(error):
                raise
            logger.warning("%s: MLflow refuses %s: %s", self._step, what, error)


def _has_ended(run: "Run", time: int) -> bool:
    """Whether it ended after `time` by its own word; that it was killed may be what others say of it."""
    return run.info.status in ("FINISHED", "FAILED") and (run.info.end_time or 0) > time
