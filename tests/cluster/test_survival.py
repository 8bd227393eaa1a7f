"""What clusters do to pods, and what becomes of the run: each a small recipe whose fine-tuning takes a minute or two."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cluster_runs import Runs
from kubernetes.client import V1DeleteOptions
from kubernetes.stream import stream

from stillhouse.components.attempts import read_attempts
from stillhouse.components.storage.store import Store

pytestmark = pytest.mark.cluster

Small = Callable[..., Path]
KILL = """
import os, pathlib
for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
    if b"kfp.dsl.executor_main" in path.read_bytes() and int(path.parent.name) != os.getpid():
        command = path.read_bytes().split(b"\\0")
        if command[0].endswith((b"python3", b"python")):
            os.kill(int(path.parent.name), 9)
"""


def outcomes(store: Store, run: str, step: str) -> list[tuple[str, str]]:
    return [(attempt.outcome, attempt.detail) for attempt in read_attempts(store, run, step).get(step, [])]


def training(runs: Runs, store: Store, run: str) -> Any:
    """The pod of finetune, once a checkpoint of it lies in the store."""
    pod = runs.running(run, "finetune")
    leases = lambda: [entry for entry in store.list("leases") if run in entry.key]  # noqa: E731
    runs.until(leases, 5)
    key = __import__("json").loads(store.get(leases()[0].key))["keys"][0]
    runs.until(lambda: store.list(key), 5)
    return pod


def kill(runs: Runs, pod: Any) -> None:
    stream(
        runs.cluster.core.connect_get_namespaced_pod_exec,
        pod.metadata.name,
        runs.cluster.namespace,
        container="main",
        command=["python3", "-c", KILL],
        stderr=True,
        stdout=True,
    )


def test_a_killed_process_goes_on_from_its_checkpoint_in_the_same_pod(runs: Runs, store: Store, small: Small) -> None:
    run = runs.submit(small("killed", epochs=60))
    kill(runs, training(runs, store, run))
    assert runs.end(run) == "SUCCEEDED"
    assert outcomes(store, run, "finetune") == [("signal", "SIGKILL"), ("succeeded", "")]
    (pod,) = runs.pods(run, "finetune")
    assert "resumed" in runs.log(pod)


def test_a_deleted_pod_is_followed_by_one_that_goes_on(runs: Runs, store: Store, small: Small) -> None:
    run = runs.submit(small("deleted", epochs=60))
    pod = training(runs, store, run)
    now = V1DeleteOptions(grace_period_seconds=0)
    runs.cluster.core.delete_namespaced_pod(pod.metadata.name, runs.cluster.namespace, body=now)
    assert runs.end(run) == "SUCCEEDED"
    assert outcomes(store, run, "finetune") == [("running", ""), ("succeeded", "")]


def test_a_users_mistake_is_made_once(runs: Runs, store: Store, small: Small) -> None:
    run = runs.submit(small("mistaken"), "--set", "prepare.min_rows=100000")
    assert runs.end(run) == "FAILED"
    ((outcome, sentence),) = outcomes(store, run, "prepare")
    assert outcome == "user_error"
    assert "100,000" in sentence or "100000" in sentence
