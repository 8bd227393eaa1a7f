"""A pod like those of the steps, for Kubernetes' own API: the same environment, account, security and volumes."""

from secrets import token_hex
from typing import Any

from stillhouse.components.kubernetes.labels import RUN_LABEL
from stillhouse.pipelines.compiling.hardware import Hardware
from stillhouse.pipelines.compiling.options import ClusterOptions
from stillhouse.pipelines.compiling.pods import FIELDS, SCRATCH, SMALL_REQUESTS, environment, labels

STEP = "doctor"
"""By which its pods are known, as those of the steps are by theirs."""
SHARED_MEMORY = "/dev/shm"
LOCKED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""Pod Security `restricted`, as KFP's compiler and `pods` have it for the steps."""


def pod(
    options: ClusterOptions,
    experiment: str,
    account: str,
    containers: list[dict[str, Any]],
    hardware: Hardware | None = None,
    *,
    seconds: int = 60,
) -> dict[str, Any]:
    """A pod that ends after so many seconds, with a name of its own.

    Args:
        experiment: MLflow's.
        hardware: Nodes that it goes to; without it any.
    """
    name = f"stillhouse-doctor-{token_hex(4)}"
    for one in containers:
        one["env"] = [*_plain(environment(options, experiment)), *_from_pod(), *_from_secrets(options)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "labels": {**labels(STEP), RUN_LABEL: name},
            "annotations": {"sidecar.istio.io/inject": "false"},  # a mesh's sidecar would never end; KFP has it too
        },
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": seconds,
            "serviceAccountName": account,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": LOCKED["seccompProfile"]},
            "imagePullSecrets": [{"name": options.pull_secret}] if options.pull_secret else [],
            "containers": containers,
            "volumes": _volumes(options, hardware),
            "tolerations": [one.model_dump(exclude_none=True) for one in hardware.tolerations] if hardware else [],
            "nodeSelector": hardware.node_selector if hardware else {},
        },
    }


def container(
    name: str, image: str, command: list[str], resources: dict[str, dict[str, str]], *, shared_memory: bool = False
) -> dict[str, Any]:
    """A container of that pod."""
    mounts = {**SCRATCH, "shm": SHARED_MEMORY} if shared_memory else SCRATCH
    return {
        "name": name,
        "image": image,
        "command": command,
        "resources": resources,
        "securityContext": LOCKED,
        "volumeMounts": [{"name": volume, "mountPath": path} for volume, path in mounts.items()],
    }


def step_resources(hardware: Hardware | None) -> dict[str, dict[str, str]]:
    """What a small step asks for, or one with hardware."""
    if hardware is None:
        return {"requests": dict(zip(("cpu", "memory"), SMALL_REQUESTS, strict=True))}
    gpus = {hardware.gpu_type: str(hardware.gpu_count)} if hardware.gpu_count else {}
    return {"limits": {"cpu": hardware.cpu, "memory": hardware.memory, **gpus}}


def _volumes(options: ClusterOptions, hardware: Hardware | None) -> list[dict[str, Any]]:
    volumes: list[dict[str, Any]] = [{"name": name, "emptyDir": {"sizeLimit": options.scratch}} for name in SCRATCH]
    if hardware:
        volumes.append({"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": hardware.shared_memory}})
    return volumes


def _plain(variables: dict[str, str]) -> list[dict[str, Any]]:
    return [{"name": name, "value": value} for name, value in variables.items()]


def _from_pod() -> list[dict[str, Any]]:
    return [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in FIELDS.items()]


def _from_secrets(options: ClusterOptions) -> list[dict[str, Any]]:
    return [
        {"name": variable, "valueFrom": {"secretKeyRef": {"name": secret.name, "key": key}}}
        for secret in options.secrets()
        for key, variable in secret.keys.items()
    ]
