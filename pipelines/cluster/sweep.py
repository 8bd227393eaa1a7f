"""What a run leaves that KFP ended without its exit step: after a cancel, a deadline or the loss of its cluster.

KFP is asked whether the run has ended; whatever it does not know, or has not ended, is left alone. Done twice, it does
nothing the second time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes.client import ApiException, CustomObjectsApi

from stillhouse.components.distributed.nodes.trainjob import GROUP, PLURAL, VERSION
from stillhouse.components.kubernetes.labels import RUN_LABEL
from stillhouse.components.runtime.attempts import UNFINISHED
from stillhouse.components.storage.lease import claim, read_leases
from stillhouse.components.storage.s3.store import S3Store
from stillhouse.components.storage.s3.uploads import Upload, abort, unfinished_uploads
from stillhouse.components.tracking.closing import close_runs, open_runs
from stillhouse.errors import UserError
from stillhouse.pipelines.cluster.cancel import pod_at_work
from stillhouse.pipelines.cluster.connection import ENDED, Cluster

TRAIN_JOBS = {"group": GROUP, "version": VERSION, "plural": PLURAL}


@dataclass(frozen=True)
class Swept:
    """What was closed or removed of a run."""

    run: str
    state: str
    """KFP's word."""
    mlflow_runs: int = 0
    train_jobs: int = 0
    checkpoints: int = 0
    uploads: int = 0

    def __str__(self) -> str:
        """One line for people."""
        parts = [
            f"{number} {name}{'s' * (number > 1)}"
            for number, name in (
                (self.mlflow_runs, "MLflow run"),
                (self.train_jobs, "TrainJob"),
                (self.checkpoints, "checkpoint folder"),
                (self.uploads, "unfinished upload"),
            )
            if number
        ]
        return f"{self.run} ({self.state}): {', '.join(parts) or 'nothing was left'}"


def sweep_run(cluster: Cluster, run: str, home: Path, store: S3Store, *, dry_run: bool = False) -> Swept:
    """Close and remove what the run left, with its checkpoints, which the same command would have gone on from.

    Args:
        dry_run: only say what would be closed and removed.

    Raises:
        UserError: it has not ended, or one of its pods still works; or KFP, MLflow or the store does not answer.
    """
    state = cluster.run(run).state
    if state not in ENDED:
        raise UserError(
            f"The run {run} is {state or 'PENDING'}; wait for its end, or end it: `stillhouse cancel {run}` returns "
            "when it has ended."
        )
    if pod := pod_at_work(cluster, run):
        raise UserError(f"The pod {pod} of the run {run} still ends; `stillhouse cancel {run}` waits until it is gone.")
    checkpoints, uploads = _give_up_checkpoints(store, run, dry_run)
    return Swept(
        run,
        state,
        mlflow_runs=_close(home, open_runs(home, run).get(run, []), state, dry_run),
        train_jobs=_delete_train_jobs(cluster, run, dry_run),
        checkpoints=checkpoints,
        uploads=uploads,
    )


def sweep_ended(cluster: Cluster, home: Path, *, dry_run: bool = False) -> Iterator[Swept]:
    """Close what every ended run has left open; checkpoints are left to the rules of retention.

    Raises:
        UserError: KFP or MLflow does not answer.
    """
    left_open = open_runs(home)
    for run in sorted(set(left_open) | _runs_with_train_jobs(cluster)):
        try:
            state = cluster.run(run).state
        except UserError:  # of this machine, of another cluster, or removed from KFP: nobody here can say that it ended
            continue
        if state in ENDED and not pod_at_work(cluster, run):
            closed = _close(home, left_open.get(run, []), state, dry_run)
            yield Swept(run, state, mlflow_runs=closed, train_jobs=_delete_train_jobs(cluster, run, dry_run))


def _close(home: Path, runs: list[Any], state: str, dry_run: bool) -> int:
    if not dry_run:
        why = f"KFP's state of the run is {state}, and no step was there to say why; closed by sweep."
        close_runs(home, runs, why, succeeded=state == "SUCCEEDED")
    return len(runs)


def _give_up_checkpoints(store: S3Store, run: str, dry_run: bool) -> tuple[int, int]:
    """Remove the checkpoints that the run worked on, unless another run works on them, and what it was uploading."""
    leases = [key for key, lease in read_leases(store) if lease.run == run]
    marks = [entry.key for entry in store.list(f"{UNFINISHED}/{run}")]
    folders = {store.get(mark).decode() for mark in marks}
    unfinished = unfinished_uploads(store) if folders else []
    uploads = {folder: [upload for upload in unfinished if upload.key.startswith(f"{folder}/")] for folder in folders}
    if not dry_run:
        for key in leases:
            store.delete(key)  # no pod of the run is left that could hold it
        folders = {folder for folder in folders if _remove(store, folder, uploads[folder])}
        for mark in marks:
            store.delete(mark)
    return len(folders), sum(len(uploads[folder]) for folder in folders)


def _remove(store: S3Store, folder: str, uploads: list[Upload]) -> bool:
    with claim(store, folder) as holder:
        if holder:
            return False
        for upload in uploads:
            abort(store, upload)
        store.delete(folder)
        return True


def _runs_with_train_jobs(cluster: Cluster) -> set[str]:
    return {job["metadata"].get("labels", {}).get(RUN_LABEL, "") for job in _train_jobs(cluster)} - {""}


def _delete_train_jobs(cluster: Cluster, run: str, dry_run: bool) -> int:
    jobs = _train_jobs(cluster, f"{RUN_LABEL}={run}")
    for job in jobs if not dry_run else []:
        with cluster.speaking_kubernetes():
            CustomObjectsApi(cluster.kubernetes).delete_namespaced_custom_object(
                **TRAIN_JOBS, namespace=cluster.namespace, name=job["metadata"]["name"]
            )
    return len(jobs)


def _train_jobs(cluster: Cluster, selector: str = "") -> list[dict[str, Any]]:
    api = CustomObjectsApi(cluster.kubernetes)
    with cluster.speaking_kubernetes():
        try:
            found: Any = api.list_namespaced_custom_object(
                **TRAIN_JOBS, namespace=cluster.namespace, label_selector=selector
            )
        except ApiException as error:
            if error.status == 404:  # the Trainer is not installed
                return []
            raise
    return found["items"]
