"""Room for the pods: what nodes could ever offer, what quotas leave, what the namespace admits."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from kubernetes.client import ApiException, ApisApi
from kubernetes.utils.quantity import parse_quantity

from stillhouse.components.kubernetes.api import words_of
from stillhouse.components.kubernetes.images import LIGHT, TRAINING
from stillhouse.components.probe.finding import Finding, failure, not_checked, ok, warning
from stillhouse.pipelines.cluster.connection import TIMEOUT
from stillhouse.pipelines.compiling.hardware import Hardware, Toleration
from stillhouse.pipelines.doctor.check import Visit, lacks_right
from stillhouse.pipelines.doctor.pod_like_a_step import container, pod, step_resources

KARPENTER = "karpenter.sh"
AUTOSCALER = ("kube-system", "cluster-autoscaler-status")
CLOSING = ("NoSchedule", "NoExecute")
"""Effects of taints that keep a pod away."""


def nodes(visit: Visit) -> Finding:
    """Whether any node, were it empty, could take a pod of the GPU steps."""
    hardware = visit.options.chosen_hardware()
    asked, found = _asked(hardware), visit.core.list_node(_request_timeout=TIMEOUT).items
    takes = [node for node in found if _offers(node, asked)]
    fitting = [node for node in takes if not _closed_by(node, hardware)]
    if fitting:
        return ok(f"{len(fitting)} of {len(found)} nodes could offer {_words(asked)} to a pod.")
    if takes:
        why = "; ".join(sorted({_closed_by(node, hardware) for node in takes}))
        trouble = f"No node that offers {_words(asked)} takes these pods: {why}; fix the hardware file."
    else:
        trouble = f"No node offers {_words(asked)}; {_largest(found, asked)}"
    if _may_grow(visit):
        return warning(f"{trouble} An autoscaler is at work here, which may add one that does.")
    return failure(trouble)


def quota(visit: Visit) -> Finding:
    """Whether the namespace's quotas leave room for a pod of the GPU steps."""
    quotas: Any = visit.core.list_namespaced_resource_quota(visit.namespace, _request_timeout=TIMEOUT).items
    counted = [one for one in quotas if not one.spec.scopes and not one.spec.scope_selector]
    asks, never, later = _counted(visit.options.chosen_hardware()), [], []
    for one in counted:
        used = one.status.used or {}
        for resource, hard in (one.status.hard or {}).items():
            limit, ask = parse_quantity(hard), asks.get(resource, Decimal(0))
            if ask > limit:
                never.append(f"'{one.metadata.name}' allows {hard} {resource}, a pod asks for {_plain(ask)}")
            elif ask and ask + parse_quantity(used.get(resource, "0")) > limit:
                later.append(f"'{one.metadata.name}' allows {hard} {resource}, of which {used[resource]} is used")
    if never:
        return failure(f"The quota {'; '.join(never)}: ask for less in the hardware file, or have it raised.")
    if later:
        return warning(f"The quota {'; '.join(later)}: pods wait until it is free.")
    names = ", ".join(f"'{one.metadata.name}'" for one in counted)
    return ok(f"{names} leaves room for a pod." if names else f"None in '{visit.namespace}'.")


def admission(visit: Visit) -> Finding:
    """Whether Kubernetes would take the pods: both kinds are handed in, to be looked at and not made."""
    options, hardware = visit.options, visit.options.chosen_hardware()
    kinds = {"light": (LIGHT, None), "GPU": (TRAINING, hardware)}
    for kind, (image, asked) in kinds.items():
        resources, shared = step_resources(asked), asked is not None
        one = container("main", options.image_of(image), ["true"], resources, shared_memory=shared)
        body = pod(options, visit.recipe.name, visit.account, [one], asked)
        try:
            visit.core.create_namespaced_pod(visit.namespace, body, dry_run="All", _request_timeout=TIMEOUT)
        except ApiException as error:
            said = words_of(error)
            if lacks_right(error) or error.status == 401:
                raise
            if "exceeded quota" in said:
                return not_checked("The quota comes first.")
            return failure(f"Kubernetes would refuse the {kind} steps' pods: {said}; fix the pods or the policy.")
    return ok("Kubernetes would take the pods of all steps.")


def _asked(hardware: Hardware) -> dict[str, Decimal]:
    asked = {"cpu": parse_quantity(hardware.cpu), "memory": parse_quantity(hardware.memory)}
    return {hardware.gpu_type: Decimal(hardware.gpu_count), **asked} if hardware.gpu_count else asked


def _counted(hardware: Hardware) -> dict[str, Decimal]:
    """What a pod of that hardware counts in a quota, by the names that quotas use."""
    asked = _asked(hardware)
    of = {f"{kind}.{name}": amount for name, amount in asked.items() for kind in ("requests", "limits")}
    return {"pods": Decimal(1), "count/pods": Decimal(1), **asked, **of}


def _offers(node: Any, asked: dict[str, Decimal]) -> bool:
    return all(_amount(node, resource) >= amount for resource, amount in asked.items())


def _amount(node: Any, resource: str) -> Decimal:
    return parse_quantity(node.status.allocatable.get(resource, "0"))


def _closed_by(node: Any, hardware: Hardware) -> str:
    """What keeps the pods away from a node that has room; empty when nothing does."""
    labels = node.metadata.labels or {}
    for key, value in hardware.node_selector.items():
        if labels.get(key) != value:
            return f"none carries the label {key}={value}"
    for taint in node.spec.taints or []:
        if taint.effect in CLOSING and not any(_tolerates(one, taint) for one in hardware.tolerations):
            return f"the taint {taint.key}={taint.value or ''}:{taint.effect} is not tolerated"
    return f"{node.metadata.name} is cordoned" if node.spec.unschedulable else ""


def _tolerates(toleration: Toleration, taint: Any) -> bool:
    same = toleration.key == taint.key and toleration.effect in (None, taint.effect)
    return same and (toleration.operator == "Exists" or toleration.value == taint.value)


def _largest(found: Iterable[Any], asked: dict[str, Decimal]) -> str:
    """What the node with most of it offers, scarcest first."""
    if not (best := max(found, key=lambda node: [_amount(node, name) for name in asked], default=None)):
        return "there is no node."
    most = {name: _amount(best, name) for name in asked}
    if not all(most.values()):
        others = sorted({name for node in found for name in node.status.allocatable if "/" in name})
        devices = f"; devices here: {', '.join(others)}" if others else "; no node here has such devices"
        return f"none has {', '.join(name for name, amount in most.items() if not amount)}{devices}."
    return f"the largest offers {_words(most)}: ask for less in a hardware file (--hardware FILE.yaml)."


def _may_grow(visit: Visit) -> bool:
    """Whether nodes come when they are needed."""
    try:
        known: Any = ApisApi(visit.kubernetes).get_api_versions(_request_timeout=TIMEOUT)
        if any(group.name == KARPENTER for group in known.groups):
            return True
        visit.core.read_namespaced_config_map(AUTOSCALER[1], AUTOSCALER[0], _request_timeout=TIMEOUT)
    except ApiException:
        return False
    return True


def _words(amounts: dict[str, Decimal]) -> str:
    return " with ".join(
        part
        for part in (
            " and ".join(f"{amount:f} {name}" for name, amount in amounts.items() if "/" in name),
            " and ".join(_unit(name, amounts[name]) for name in ("cpu", "memory")),
        )
        if part
    )


def gib(count: float | Decimal) -> str:
    """Bytes in GiB."""
    amount = float(count) / 2**30
    return f"{amount:.3g} GiB" if amount < 1000 else f"{amount:.0f} GiB"


def _unit(name: str, amount: Decimal) -> str:
    return gib(amount) if name == "memory" else f"{amount.normalize():f} {'CPU' if amount == 1 else 'CPUs'}"


def _plain(amount: Decimal) -> str:
    return gib(amount) if amount > 2**20 else f"{amount.normalize():f}"
