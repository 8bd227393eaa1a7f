"""End a run on a cluster, and wait until it has ended: KFP answers at once, and its pods take their time."""

import time
from collections.abc import Callable
from typing import Any

from kubernetes.client import CustomObjectsApi

from stillhouse.components.kubernetes.labels import RUN_LABEL
from stillhouse.errors import UserError
from stillhouse.pipelines.cluster.connection import ENDED, Cluster

POLL_SECONDS = 2.0
"""Time between two looks at the run."""
IDLE_SECONDS = 20.0
"""How long a cancelled run may be without a pod at work. Seen with KFP 2.17 and Argo 4.0 under the retry defaults of
KFP's own manifests: Argo notes another attempt at a part of the graph, whose time is up, and leaves it so."""
WORKFLOWS = {"group": "argoproj.io", "version": "v1alpha1", "plural": "workflows"}


def cancel_run(cluster: Cluster, run: str, say: Callable[[str], None]) -> str:
    """Ask KFP to end the run, and wait until it has and none of its pods works any more; KFP's word for how it ended.

    A run that has ended stays as it is. Without the right to list pods only KFP's state is waited for.

    Args:
        say: Is told what is waited for, each thing once.

    Raises:
        UserError: there is no such run, or KFP refuses.
    """
    if _state(cluster, run) not in ENDED:
        try:
            with cluster.speaking():
                cluster.client.terminate_run(run)
        except UserError:
            if _state(cluster, run) not in ENDED:  # else it ended by itself meanwhile
                raise
    return _wait(cluster, run, say)


def pod_at_work(cluster: Cluster, run: str) -> str | None:
    """Name of a pod of the run that has not ended; None when all have.

    Raises:
        UserError: Kubernetes does not answer, or does not let pods be listed.
    """
    with cluster.speaking_kubernetes():
        pods: Any = cluster.core.list_namespaced_pod(cluster.namespace, label_selector=f"{RUN_LABEL}={run}")
    return next((pod.metadata.name for pod in pods.items if pod.status.phase in ("Pending", "Running")), None)


def _wait(cluster: Cluster, run: str, say: Callable[[str], None]) -> str:
    said, idle_since, shut_down = set[str](), None, False
    while True:
        state = _state(cluster, run)
        pods, none_left = _pods_left(cluster, run)
        over = state in ENDED and none_left
        news = pods if state in ENDED else f"the run is {state}"
        if state in ENDED or pods:
            idle_since = None
        elif idle_since is None:
            idle_since = time.monotonic()
        elif not shut_down and time.monotonic() - idle_since >= IDLE_SECONDS:
            shut_down, news = True, _shut_down(cluster, run)
        if news and news not in said:
            said.add(news)
            say(news)
        if over:
            return state
        time.sleep(POLL_SECONDS)


def _shut_down(cluster: Cluster, run: str) -> str:
    """Tell Argo itself to end the run, and say that: see `IDLE_SECONDS`."""
    api: Any = CustomObjectsApi(cluster.kubernetes)
    try:
        with cluster.speaking_kubernetes():
            selected = {"namespace": cluster.namespace, "label_selector": f"{RUN_LABEL}={run}"}
            for found in api.list_namespaced_custom_object(**WORKFLOWS, **selected)["items"]:
                api.patch_namespaced_custom_object(
                    **WORKFLOWS,
                    namespace=cluster.namespace,
                    name=found["metadata"]["name"],
                    body={"spec": {"shutdown": "Terminate"}},
                )
    except UserError as error:
        return (
            "Argo does not end the run although none of its pods works any more; it may take 20 minutes, or whoever "
            f"may patch workflows sets `spec.shutdown: Terminate` in the run's ({error})"
        )
    return "Argo did not end the run although none of its pods works any more, and was told to"


def _pods_left(cluster: Cluster, run: str) -> tuple[str, bool]:
    """What to say of the pods of a run that KFP calls ended, and whether they are not to be waited for."""
    try:
        pod = pod_at_work(cluster, run)
    except UserError as error:
        return f"whether its pods have ended is not seen: {error}", True
    return (f"its pod {pod} still ends", False) if pod else ("", True)


def _state(cluster: Cluster, run: str) -> str:
    return cluster.run(run).state or "PENDING"
