"""An estimate of the memory that training takes, from the recipe alone.

Counted are the parameters of a network of the given shape, 16 bytes of each while it is trained (weights, gradients and
AdamW's two moments, float32), and the activations that are kept for the backward pass (`Architecture.kept_values`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kubernetes.client import ApiException
from kubernetes.utils.quantity import parse_quantity

from stillhouse.components.artifacts.chosen_base import is_auto, otherwise_of
from stillhouse.components.inspect.settings import Parameters, StepSettings
from stillhouse.components.models.settings import Architecture
from stillhouse.components.probe.finding import Finding, failure, not_checked, ok, warning
from stillhouse.components.training.settings import LoopSettings
from stillhouse.pipelines.cluster.connection import TIMEOUT
from stillhouse.pipelines.doctor.capacity import gib
from stillhouse.pipelines.doctor.check import NotCheckable, Visit

TRAINED_BYTES = 16
"""Of a parameter that is trained."""
LOADED_BYTES = 4
"""Of one that only answers."""
FLOAT = 4
PROGRAM_BYTES = 1 << 30
"""Python, torch and its libraries, in each process."""
CUDA_BYTES = 2 << 30
"""What CUDA adds to a process in the pod's memory, and its context on the GPU, about."""
PACKAGED = Architecture(layers=6, width=384, heads=12, vocab_size=30522, max_length=512)
"""The shape of the packaged base (docs/bases.md)."""
GPU_MEMORY_LABEL = "nvidia.com/gpu.memory"
"""Of nodes: MiB of a GPU, as NVIDIA's feature discovery writes it."""


@dataclass(frozen=True)
class Estimate:
    """Bytes of the step that takes most."""

    step: str
    certain: int
    """Weights, gradients and moments."""
    activations: int
    parameters: int
    """Of the largest model."""

    @property
    def total(self) -> int:
        """All that the models and the batch take."""
        return self.certain + self.activations


def memory(visit: Visit) -> Finding:
    """Whether model and batch fit into the pod's memory, and into the GPU's where a node tells its size."""
    named = [base for base in _bases(visit) if base]
    if unknown := [base for base in named if not is_auto(base) or otherwise_of(base)]:
        return not_checked(f"The size of {', '.join(unknown)} is not known from here.")
    steps = _steps(visit)
    if not isinstance(steps["finetune"].architecture, Architecture):
        return not_checked(f"The size of models of the task {visit.recipe.task} is not known from here.")
    hardware, found = visit.options.chosen_hardware(), estimate(steps)
    if named:  # whichever `auto` stands for
        found = max(found, estimate(_with_packaged(steps)), key=lambda one: one.total)
    pod = int(parse_quantity(hardware.memory))
    if not hardware.gpu_count:
        certain = found.certain + PROGRAM_BYTES
        return _judge(found, "a batch", certain, found.activations, pod, "the pod", "--hardware FILE.yaml")
    # On a GPU the pod's own memory holds each process, and for a moment the weights and a checkpoint.
    host = _judge(
        found,
        f"a process with CUDA for each of {hardware.gpu_count} GPUs, all of the shared memory",
        hardware.gpu_count * (PROGRAM_BYTES + CUDA_BYTES) + found.certain,
        int(parse_quantity(hardware.shared_memory)),
        pod,
        "the pod",
        "--hardware FILE.yaml",
    )
    gpu = _gpu_bytes(visit, hardware.gpu_type)
    if host.level != "ok" or gpu is None:
        return host
    return _judge(found, "a batch", found.certain + CUDA_BYTES, found.activations, gpu, "a GPU", "a larger GPU")


def estimate(steps: StepSettings) -> Estimate:
    """The step that takes most memory, of those that train from random weights."""
    pretrain, finetune, distill = steps["pretrain"], steps["finetune"], steps["distill"]
    teacher = finetune.architecture
    own = distill.student.architecture
    student = own or teacher.model_copy(update={"layers": min(distill.student.layers or 1, teacher.layers)})
    size, small = teacher.parameters, student.parameters
    kept_bytes = LOADED_BYTES * size + TRAINED_BYTES * small
    both = activation_bytes(student, distill.loop) + activation_bytes(teacher, distill.loop) // teacher.layers
    found = [
        Estimate("pretrain", TRAINED_BYTES * size, activation_bytes(teacher, pretrain.loop), size),
        Estimate("finetune", TRAINED_BYTES * size, activation_bytes(teacher, finetune.loop), size),
        Estimate("distill", kept_bytes, both, size),
    ]
    is_pretrained = pretrain.objective_on("") != "none"
    return max(found[0 if is_pretrained else 1 :], key=lambda one: one.total)


def activation_bytes(architecture: Architecture, loop: LoopSettings) -> int:
    """Bytes that a forward pass keeps for the backward one, float32."""
    return FLOAT * architecture.kept_values * loop.micro_batch_tokens


def _judge(found: Estimate, beside: str, certain: int, rest: int, limit: int, place: str, mend: str) -> Finding:
    need = certain + rest
    what = (
        f"{found.step} takes about {gib(need)} ({found.parameters / 1e6:.3g} million parameters, {beside}); "
        f"{place} has {gib(limit)}"
    )
    if certain > limit:
        return failure(f"{what}, less than the models alone need: take {mend}, or a smaller model.")
    if need > limit:
        return warning(f"{what}: micro-batches may have to be halved; take {mend}, or a smaller micro_batch_tokens.")
    return ok(f"{what}.")


def _steps(visit: Visit) -> StepSettings:
    return Parameters.of_recipe(visit.recipe.parameters()).steps("recipe")


def _with_packaged(steps: StepSettings) -> StepSettings:
    """The settings for a teacher of the packaged base's shape, which is not pretrained any more."""
    shaped = {"architecture": PACKAGED}
    return {
        **steps,
        "pretrain": steps["pretrain"].model_copy(update={"objective": "none"}),
        "finetune": steps["finetune"].model_copy(update=shaped),
    }


def _bases(visit: Visit) -> Iterable[str]:
    return dict.fromkeys((visit.recipe.model.base, visit.recipe.model.student.base))


def _gpu_bytes(visit: Visit, gpu_type: str) -> int | None:
    """Memory of the largest GPU of that type that a node's label tells."""
    try:
        nodes: Any = visit.core.list_node(_request_timeout=TIMEOUT).items
    except (ApiException, NotCheckable):
        return None
    labelled = [node for node in nodes if int(node.status.allocatable.get(gpu_type, 0))]
    sizes = [int((node.metadata.labels or {}).get(GPU_MEMORY_LABEL, 0)) for node in labelled]
    return max(sizes, default=0) << 20 or None
