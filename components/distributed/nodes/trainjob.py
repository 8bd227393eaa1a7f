"""Kubeflow Trainer's TrainJob: what it says, and the few things that a step does with it."""

import json
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from tenacity import Retrying, before_sleep_log, retry_if_exception, stop_after_delay, wait_exponential_jitter

from stillhouse.components.kubernetes.api import open_kubernetes, words_of
from stillhouse.components.kubernetes.labels import PART_OF, QUEUE_LABEL, RUN_LABEL
from stillhouse.components.storage.digests import sha256_bytes
from stillhouse.errors import UserError

logger = logging.getLogger(__name__)

GROUP, VERSION, PLURAL = "trainer.kubeflow.org", "v1alpha1", "trainjobs"
RUNTIME = {"apiGroup": GROUP, "kind": "TrainingRuntime", "name": "stillhouse-torch"}
"""Of manifests/components/trainer."""
REPLICATED_JOB, CONTAINER = "node", "node"
"""Names in that runtime."""
MANAGER = "stillhouse.io/step"
"""Who has patched the runtime, for people."""
HOME = "/home/stillhouse"
"""The writable folder of that runtime's pods."""
NOT_PASSED_ON = ("ARGO_", "KFP_", "HOME", "STILLHOUSE_HOME", "STILLHOUSE_NODE")
"""How variables begin that are of the step's pod alone."""
PATIENCE_SECONDS = 300.0
"""How long an API server that does not answer is asked again."""

T = TypeVar("T")


def name_of(run: str, step: str) -> str:
    """The same for each attempt at the step, and a DNS label that leaves room for what JobSet adds to it."""
    return f"{step}-{sha256_bytes(run.encode())[:16]}"


def make_trainjob(
    name: str, run: str, pod: dict[str, Any], nodes: int, gpu_count: int, hardware: dict[str, Any], command: list[str]
) -> dict[str, Any]:
    """The TrainJob of a step, owned by the step's pod.

    Image, environment and image pull secrets are the pod's; of Secrets only the references are copied.

    Args:
        pod: the step's pod, as the API gives it.
        gpu_count: accelerators, and processes, of each node; with 0 one process on the processor.
        hardware: gpu_type, cpu, memory, tolerations and node_selector of each node, and the queue.
        command: what each node runs.
    """
    main = next(each for each in pod["spec"]["containers"] if each["name"] == "main")
    limits = {"cpu": hardware["cpu"], "memory": hardware["memory"]}
    if gpu_count:
        limits[hardware["gpu_type"]] = str(gpu_count)
    placed = {
        "tolerations": hardware["tolerations"],
        "nodeSelector": hardware["node_selector"],
        "imagePullSecrets": pod["spec"].get("imagePullSecrets", []),
    }
    patch = {
        "name": REPLICATED_JOB,
        "template": {"spec": {"template": {"spec": {k: v for k, v in placed.items() if v}}}},
    }
    labels = {**PART_OF, RUN_LABEL: run}
    owner = {"apiVersion": "v1", "kind": "Pod", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "TrainJob",
        "metadata": {
            "name": name,
            "labels": labels | ({QUEUE_LABEL: hardware["queue"]} if hardware["queue"] else {}),
            "ownerReferences": [owner],
        },
        "spec": {
            "runtimeRef": RUNTIME,
            "trainer": {
                "image": main["image"],
                "command": command,
                "env": [*_passed_on(main.get("env", [])), *_own(run)],
                "numNodes": nodes,
                "numProcPerNode": max(1, gpu_count),
                "resourcesPerNode": {"requests": limits, "limits": limits},
            },
            "runtimePatches": [
                {"manager": MANAGER, "trainingRuntimeSpec": {"template": {"spec": {"replicatedJobs": [patch]}}}}
            ],
        },
    }


def _passed_on(variables: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The pod's variables without those that only make sense in it: of its own fields, of Argo's and of KFP's."""
    return [
        each
        for each in variables
        if not each["name"].startswith(NOT_PASSED_ON) and "fieldRef" not in each.get("valueFrom", {})
    ]


def _own(run: str) -> list[dict[str, Any]]:
    own = {"HOME": HOME, "STILLHOUSE_HOME": f"{HOME}/runs", "STILLHOUSE_RUN": run}
    return [{"name": name, "value": value} for name, value in own.items()]


def condition(job: dict[str, Any]) -> tuple[str, str]:
    """`Complete`, `Failed` or, as long as it is neither, an empty text; and what the controller says about it."""
    for each in job.get("status", {}).get("conditions", []):
        if each["type"] in ("Complete", "Failed") and each["status"] == "True":
            return each["type"], each["message"]
    return "", ""


class TrainJobs:
    """TrainJobs and pods of the step's namespace; an API server that is away is asked again for a while."""

    def __init__(self, namespace: str) -> None:
        from kubernetes.client import CoreV1Api, CustomObjectsApi

        kubernetes = open_kubernetes()
        self._namespace = namespace
        self._jobs, self._core = CustomObjectsApi(kubernetes), CoreV1Api(kubernetes)
        self._place = (GROUP, VERSION, namespace, PLURAL)

    def pod(self, name: str) -> dict[str, Any]:
        """A pod as the API gives it."""
        return _ask(lambda: _plain(self._core.read_namespaced_pod(name, self._namespace, _preload_content=False)))

    def read(self, name: str) -> dict[str, Any] | None:
        """The TrainJob of that name; None if there is none."""
        return _ask(lambda: self._jobs.get_namespaced_custom_object(*self._place, name), absent=True)

    def create(self, job: dict[str, Any]) -> None:
        """Make it.

        Raises:
            UserError: the cluster has no such kind, or the runtime is missing.
        """
        _ask(lambda: self._jobs.create_namespaced_custom_object(*self._place, job))

    def own(self, name: str, owners: list[dict[str, Any]]) -> None:
        """Let it live as long as another pod."""
        patch = {"metadata": {"ownerReferences": owners}}
        _ask(lambda: self._jobs.patch_namespaced_custom_object(*self._place, name, patch))

    def delete(self, name: str) -> None:
        """Remove it and all its pods; none of that name is not an error."""
        options = {"propagation_policy": "Foreground"}
        _ask(lambda: self._jobs.delete_namespaced_custom_object(*self._place, name, **options), absent=True)

    def first_failure(self, name: str) -> str:
        """Which of its pods' containers failed first, and how; empty if none is left to tell."""
        label = f"jobset.sigs.k8s.io/jobset-name={name}"
        pods = _ask(
            lambda: _plain(
                self._core.list_namespaced_pod(self._namespace, label_selector=label, _preload_content=False)
            )
        )
        ends = [
            (
                end["finishedAt"],
                f"pod {pod['metadata']['name']} ended with exit code {end['exitCode']} ({end['reason']})",
            )
            for pod in pods["items"]
            for status in pod["status"].get("containerStatuses", [])
            if (end := status["state"].get("terminated")) and end["exitCode"]
        ]
        return min(ends)[1] if ends else ""


def _plain(response: Any) -> Any:
    """The JSON of an answer, untouched by the client's classes."""
    return json.loads(response.data)


def _ask(call: Callable[[], T], *, absent: bool = False) -> Any:
    """The answer of the API server.

    Args:
        absent: whether None is the answer when there is no such object.

    Raises:
        UserError: it refuses.
    """
    from kubernetes.client import ApiException

    retrying = Retrying(
        retry=retry_if_exception(_may_pass),
        wait=wait_exponential_jitter(max=15),
        stop=stop_after_delay(PATIENCE_SECONDS),
        before_sleep=before_sleep_log(logger, logging.WARNING),
        reraise=True,
    )
    try:
        return retrying(call)
    except ApiException as error:
        if error.status == 404 and absent:
            return None
        if error.status not in (400, 403, 404, 422):
            raise
        raise UserError(
            f"Kubernetes refuses ({error.status}): {words_of(error)}; --nodes needs Kubeflow Trainer 2 in the cluster "
            "and manifests/components/trainer in the run's namespace."
        ) from None


def _may_pass(error: BaseException) -> bool:
    from kubernetes.client import ApiException
    from urllib3.exceptions import HTTPError

    return isinstance(error, HTTPError) or (
        isinstance(error, ApiException) and error.status in (429, 500, 502, 503, 504)
    )
