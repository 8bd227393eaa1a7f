"""A step on several nodes: a TrainJob does the work, the step's own pod makes it, follows it and takes what it made.

The TrainJob's name comes from the run and the step, and it is owned by the step's pod. So an attempt that finds one at
work, or done, adopts it; one that has failed is made anew and goes on from the newest checkpoint in the store.
"""

import json
import logging
import os
import time
from pathlib import Path
from typing import Any

from stillhouse.components.distributed.nodes.exchange import OUTPUT, Exchange
from stillhouse.components.distributed.nodes.trainjob import TrainJobs, condition, make_trainjob, name_of
from stillhouse.components.distributed.rank_process import Job
from stillhouse.components.distributed.relay import Listener
from stillhouse.components.storage.home import local_store
from stillhouse.components.storage.lease import hold
from stillhouse.errors import UserError

logger = logging.getLogger(__name__)

POLL_SECONDS = 5.0
"""Between two looks at the TrainJob and at what its nodes tell."""


class TrainJobFailed(RuntimeError):
    """The TrainJob failed, or somebody removed it."""


def run_on_nodes(job: Job, step: str, gpu_count: int, run: Any) -> dict[str, float]:
    """Run a step on STILLHOUSE_NODES nodes of STILLHOUSE_NODE_HARDWARE, with so many processes on each.

    Returns:
        What the step returned in the first process.

    Raises:
        UserError: one of the processes raised it, or there is no store for the nodes to share.
        TrainJobFailed: it ended otherwise.
    """
    if not os.environ.get("STILLHOUSE_STORE", "").startswith("s3://"):
        raise UserError("--nodes: the nodes share no disk, so that they need a store; give --store s3://bucket/prefix.")
    store, name = local_store(), name_of(run.run_id, step)
    exchange = Exchange(store, name)
    following = _Following(TrainJobs(os.environ["STILLHOUSE_NAMESPACE"]), name, exchange, run)
    with hold(store, exchange.key, run=run.run_id):
        try:
            following.begin(job, gpu_count)
            following.to_the_end()
            return following.take(Path(job.paths[OUTPUT]))
        except KeyboardInterrupt:
            following.give_up()
            raise


class _Following:
    """One attempt at the step, with the TrainJob of that name."""

    def __init__(self, jobs: TrainJobs, name: str, exchange: Exchange, run: Any) -> None:
        self._jobs, self._name, self._exchange, self._run = jobs, name, exchange, run
        self._listener = Listener(run)
        self._heard: set[str] = set()
        self._state = ""

    def begin(self, job: Job, gpu_count: int) -> None:
        """Adopt the TrainJob that there is, unless it is of no more use; else make one."""
        pod = self._jobs.pod(os.environ["STILLHOUSE_POD"])
        nodes, hardware = int(os.environ["STILLHOUSE_NODES"]), json.loads(os.environ["STILLHOUSE_NODE_HARDWARE"])
        command = ["python3", "-P", "-m", "stillhouse.components.distributed.nodes", self._name]
        wanted = make_trainjob(self._name, self._run.run_id, pod, nodes, gpu_count, hardware, command)
        found = self._jobs.read(self._name)
        if found is not None and self._is_of_use(found):
            logger.info("TrainJob %s is there already; this attempt follows it", self._name)
            self._jobs.own(self._name, wanted["metadata"]["ownerReferences"])
            return
        self._remove(found)
        self._exchange.give(job)
        self._jobs.create(wanted)
        logger.info("TrainJob %s made: %d nodes, %d processes on each", self._name, nodes, max(1, gpu_count))

    def to_the_end(self) -> None:
        """Pass on what its nodes tell until it is complete.

        Raises:
            UserError: one of its processes raised it.
            TrainJobFailed: it failed otherwise, or is gone.
        """
        while True:
            job = self._jobs.read(self._name)
            for lines in self._exchange.told(self._heard):
                self._listener.hear(lines)
            if job is None:
                raise TrainJobFailed(f"TrainJob {self._name} was removed by somebody else")
            ended, message = condition(job)
            if ended == "Complete":
                return
            if ended == "Failed":
                raise self._failure(message)
            self._say(job)
            time.sleep(POLL_SECONDS)

    def take(self, model: Path) -> dict[str, float]:
        """Bring the model home and clear the place; the TrainJob itself stays for its logs as long as the pod does."""
        assert self._listener.result is not None
        self._exchange.take_back(model)
        self._exchange.clear()
        return self._listener.result

    def give_up(self) -> None:
        """End the TrainJob with the step."""
        self._jobs.delete(self._name)

    def _is_of_use(self, job: dict[str, Any]) -> bool:
        """Whether it is at work, or complete and what it made not taken yet."""
        if job["metadata"].get("deletionTimestamp"):
            return False
        ended, _ = condition(job)
        return not ended or (ended == "Complete" and self._exchange.is_complete())

    def _remove(self, job: dict[str, Any] | None) -> None:
        if job is not None:
            self._jobs.delete(self._name)
            while self._jobs.read(self._name) is not None:
                time.sleep(POLL_SECONDS)

    def _failure(self, message: str) -> Exception:
        if self._listener.mistake:
            return UserError(self._listener.mistake)
        first = self._jobs.first_failure(self._name)
        return TrainJobFailed(f"TrainJob {self._name} failed: {first or message}")

    def _say(self, job: dict[str, Any]) -> None:
        """A line whenever its pods' state changes."""
        counts = next(iter(job.get("status", {}).get("jobsStatus", [])), {})
        shown = ", ".join(
            f"{counts[name]} {name}" for name in ("active", "ready", "suspended", "failed") if counts.get(name)
        )
        state = shown or "waiting for its pods"
        if state != self._state:
            self._state = state
            logger.info("TrainJob %s: %s", self._name, state)
