"""What the pods of the GPU steps are given: presets of a few lines, and a team's own in YAML of the same form."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from stillhouse.components.config.settings import Settings, check
from stillhouse.components.config.yaml_file import read_yaml
from stillhouse.components.storage.urls import local_path
from stillhouse.errors import UserError

Cpu = Annotated[str, Field(pattern=r"^(\d+(\.\d+)?|\d+m)$")]
"""Processors: 4, 0.5 or 500m."""
Bytes = Annotated[str, Field(pattern=r"^\d+([EPTGMK]i?)?$")]
"""A size as Kubernetes and KFP both write it: 32Gi."""
ResourceName = Annotated[str, Field(pattern=r"^[a-z0-9.-]+/[A-Za-z0-9._-]+$")]
"""A resource of a device plugin: nvidia.com/gpu, amd.com/gpu, nvidia.com/mig-1g.10gb."""

SEVERAL = re.compile(r"gpus-([1-9]\d?)$")


class Toleration(Settings):
    """A taint that the pods tolerate."""

    key: str
    operator: Literal["Exists", "Equal"] = "Exists"
    value: str | None = None
    """With the operator Equal."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """None means all of them."""


class Hardware(Settings):
    """Hardware of a pod. The first four are defaults of the form's fields, the others are fixed when it is compiled."""

    gpu_count: int = Field(default=0, ge=0)
    gpu_type: ResourceName = "nvidia.com/gpu"
    cpu: Cpu = "4"
    memory: Bytes = "8Gi"
    shared_memory: Bytes = "1Gi"
    """For the workers that make batches; a container has 64 MiB otherwise. It counts against the memory."""
    tolerations: tuple[Toleration, ...] = ()
    node_selector: dict[str, str] = Field(default_factory=dict)

    def form(self) -> dict[str, str]:
        """Defaults of the form's fields, as text: KFP 2.17 takes a number in the place of a resource for nothing."""
        return {
            "gpu_count": str(self.gpu_count),
            "gpu_type": self.gpu_type,
            "pod_cpu": self.cpu,
            "pod_memory": self.memory,
        }


GPU_TAINT = Toleration(key="nvidia.com/gpu", effect="NoSchedule")
SPOT_TAINTS = (
    Toleration(key="cloud.google.com/gke-spot"),
    Toleration(key="kubernetes.azure.com/scalesetpriority", operator="Equal", value="spot"),
    Toleration(key="karpenter.sh/capacity-type", operator="Equal", value="spot"),
)


def gpus(count: int) -> Hardware:
    """A pod with `count` whole GPUs, and for each of them processors and memory to keep it fed."""
    return Hardware(
        gpu_count=count,
        cpu=str(8 * count),
        memory=f"{32 * count}Gi",
        shared_memory=f"{8 * count}Gi",
        tolerations=(GPU_TAINT,),
    )


PRESETS: dict[str, Hardware] = {
    # For trying out: it finds room on a node of two processors, beside what else lives there.
    "small": Hardware(cpu="1", memory="3Gi", shared_memory="512Mi"),
    "cpu": Hardware(),
    "gpu": gpus(1),
    # A seventh of an A100 or H100, where the device plugin's MIG strategy is `mixed`.
    "mig": gpus(1).model_copy(update={"gpu_type": "nvidia.com/mig-1g.10gb", "cpu": "4", "memory": "16Gi"}),
    # A GPU that several pods take turns on, where the device plugin renames what it shares.
    "shared": gpus(1).model_copy(update={"gpu_type": "nvidia.com/gpu.shared", "cpu": "4", "memory": "16Gi"}),
    # Nodes that go away at short notice: the checkpoints in the store make that bearable.
    "spot": gpus(1).model_copy(update={"tolerations": (GPU_TAINT, *SPOT_TAINTS)}),
}
"""By name; `gpus-N` is made on demand."""


def load_hardware(name: str) -> Hardware:
    """The preset of that name, or the one in that YAML file.

    Raises:
        UserError: there is no such preset or file, or the file says something else.
    """
    if name in PRESETS:
        return PRESETS[name]
    if several := SEVERAL.match(name):
        return gpus(int(several[1]))
    path = local_path(name)
    if path.suffix not in (".yaml", ".yml"):
        known = ", ".join([*PRESETS, "gpus-N"])
        raise UserError(f"--hardware: there is no preset '{name}'; use one of {known}, or the path of a YAML file.")
    return _read(path)


def _read(path: Path) -> Hardware:
    if not path.is_file():
        raise UserError(f"--hardware: there is no file '{path}'; check the path.")
    _, values = read_yaml(path, f"--hardware {path}")
    if not isinstance(values, dict):
        raise UserError(f"--hardware {path}: no YAML mapping in it; write keys and values, such as `gpu_count: 1`.")
    return check(Hardware, values, f"--hardware {path}")
