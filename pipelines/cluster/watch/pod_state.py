"""What a pod is really doing, in one word and one sentence, from what Kubernetes says of it.

Plain data in, plain data out: objects are as the API server's JSON has them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from stillhouse.components.kubernetes.labels import QUEUE_LABEL

Json = Mapping[str, Any]

Kind = Literal["held", "queued", "pulling", "blocked", "starting", "running", "lost", "ending", "done", "failed"]

MAIN = "main"
"""The container in which a step runs; Argo's and KFP's own stand beside it."""
KUEUE = ("kueue.x-k8s.io", "v1beta2")
"""Group and version of its API."""
KUEUE_GATE = f"{KUEUE[0]}/admission"
PULL_REASONS = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError")
CONFIG_REASONS = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
"""Why the kubelet keeps a container waiting; its own words stand beside them."""
BEFORE_START = ("FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox")
"""Warnings of a node that say why a pod does not start."""
UNKNOWN = "ContainerStatusUnknown"
"""What a node says of a container that it has ended before it ran, or lost; the pod's own reason comes later."""
TIME_UP = "its time was up (--step-limit of a pod, or --run-limit of the whole run)"


class State(NamedTuple):
    """What a pod does, and why it does not go on; the sentence is the same as long as nothing changes."""

    kind: Kind
    why: str = ""


def pod_state(
    pod: Json, events: Iterable[Json] = (), nodes: Mapping[str, Json] | None = None, workload: Json | None = None
) -> State:
    """What `pod` is doing.

    Args:
        events: of this pod, in any order.
        nodes: the cluster's, by name; those that are not seen say nothing.
        workload: Kueue's object for the pod, if Kueue holds it.
    """
    status, nodes = pod.get("status", {}), nodes or {}
    match status.get("phase"):
        case "Succeeded":
            return State("done")
        case "Failed":
            return State("failed", _why_failed(pod))
    if lost := _lost(pod, nodes.get(pod["spec"].get("nodeName", ""))):
        return lost
    if pod["metadata"].get("deletionTimestamp"):
        return State("ending", "its pod is being deleted")
    scheduled = _condition(pod, "PodScheduled")
    if scheduled.get("status") != "True":
        return _waiting_for_node(pod, scheduled, nodes, workload)
    return _on_node(pod, list(events))


def pull_failure(image: str, said: str, missing_secret: str = "") -> str:
    """Why an image cannot be pulled, and what to do, from the words of the node's runtime.

    Args:
        missing_secret: name of a pull secret that the node did not find.
    """
    if missing_secret:
        return (
            f"there is no Secret '{missing_secret}' to pull '{image}' with; make it in this namespace, or correct "
            "--pull-secret"
        )
    # The runtime tells the way down to the cause; the cause is last. "ErrImagePull: " stands before another copy.
    cause = re.split(r"failed to resolve reference \S+ |failed to pull and unpack image \S+ ", said)[-1].strip()
    if re.search(r"\b401\b|\b403\b|unauthorized|forbidden|denied|no basic auth|authorization failed", said, re.I):
        return (
            f"the registry refuses '{image}' ({cause}): the pull secret is missing or wrong; correct it or name "
            "another with --pull-secret"
        )
    if re.search(r"not found|manifest unknown|name unknown", said, re.I):
        return f"there is no image '{image}' ({cause}); push it, or correct --image-repository or the image's name"
    if "ErrImageNeverPull" in said or "is not present with pull policy of Never" in said:
        return f"the image '{image}' is not on the node and must not be pulled there; load it, or change its policy"
    return f"'{image}' cannot be pulled ({cause}); look at its name, the registry and the node's network"


def gpus(pod: Json) -> int:
    """Accelerators that the step's container holds: every resource that is not Kubernetes' own."""
    return sum(_gpu_requests(pod).values())


def gpu_seconds(pod: Json, now: datetime) -> float:
    """Accelerators times the seconds that the step's container has run."""
    started, ended = main_times(pod)
    return gpus(pod) * ((ended or now) - started).total_seconds() if started else 0.0


def main_times(pod: Json) -> tuple[datetime | None, datetime | None]:
    """When the step's container was started and ended; None where it has not."""
    state = _main(pod).get("state", {})
    ran = state.get("terminated") or state.get("running") or {}
    return parse_time(ran.get("startedAt")), parse_time(ran.get("finishedAt"))


def parse_time(text: str | None) -> datetime | None:
    """Kubernetes' way to write a time."""
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def _waiting_for_node(pod: Json, scheduled: Json, nodes: Mapping[str, Json], workload: Json | None) -> State:
    gates = [gate["name"] for gate in pod["spec"].get("schedulingGates", ())]
    if KUEUE_GATE in gates:
        return State("held", _held(pod, workload))
    if gates:
        return State("held", f"held back by {', '.join(gates)}; whoever set that gate must lift it")
    return State("queued", _never(pod, nodes) + scheduler_words(scheduled.get("message", "")))


def scheduler_words(message: str) -> str:
    """Why the scheduler finds no node, without what it has to say on preemption; empty when it has not looked yet."""
    return _sentence(re.split(r"(?: no new claims to deallocate,)? preemption: ", message)[0])


def _never(pod: Json, nodes: Mapping[str, Json]) -> str:
    """What to say first when no node, however idle, has the accelerators; empty when one has."""
    for name, wanted in _gpu_requests(pod).items():
        most = max((int(node["status"]["allocatable"].get(name, 0)) for node in nodes.values()), default=wanted)
        if wanted > most:
            return (
                f"no node has {wanted} {name}, the largest has {most}: ask for less with gpu_count, or for another "
                "gpu_type, or the run waits until its --run-limit; the scheduler says: "
            )
    return ""


def _held(pod: Json, workload: Json | None) -> str:
    queue = pod["metadata"].get("labels", {}).get(QUEUE_LABEL, "?")
    said = ""
    if workload:
        conditions = {condition["type"]: condition for condition in workload.get("status", {}).get("conditions", ())}
        refused = conditions.get("QuotaReserved") or conditions.get("Admitted") or {}
        said = _sentence(refused.get("message", ""))
    return f"held by Kueue in the queue '{queue}'" + (f": {said}" if said else "")


def _on_node(pod: Json, events: list[Json]) -> State:
    for container in _containers(pod):
        waiting = container.get("state", {}).get("waiting", {})
        reason, said = waiting.get("reason", ""), waiting.get("message", "")
        if reason in PULL_REASONS:
            return State("blocked", pull_failure(container["image"], said or reason, _missing_pull_secret(events)))
        if reason in CONFIG_REASONS:
            return State(
                "blocked",
                f"its container cannot be created: {_sentence(said)}; correct that, or create what is missing",
            )
    main = _main(pod).get("state", {})
    if "running" in main:
        return State("running")
    if ended := main.get("terminated"):
        if ended.get("reason") == UNKNOWN:
            return State("ending", "its pod is being ended by its node")
        return (
            State("failed", _exit(ended)) if ended.get("exitCode") else State("running", "its results are being saved")
        )
    return _not_started(events)


def _not_started(events: list[Json]) -> State:
    ordered = sorted(events, key=_event_time)
    warnings = [event for event in ordered if event["type"] == "Warning" and event["reason"] in BEFORE_START]
    if warnings:
        return State("blocked", f"it does not start: {_sentence(warnings[-1]['message'])}")
    pulled = " ".join(event["message"] for event in ordered if event["reason"] == "Pulled")
    for event in ordered:
        image = re.search(r'"([^"]+)"', event["message"]) if event["reason"] == "Pulling" else None
        if image and image[0] not in pulled:
            return State("pulling", f"the image '{image[1]}'")
    return State("starting")


def _lost(pod: Json, node: Json | None) -> State | None:
    """None when the pod's node answers, or is not seen."""
    ready = _condition(node, "Ready") if node else {}
    if node is None or ready.get("status") == "True":
        return None
    name, since = node["metadata"]["name"], parse_time(ready.get("lastTransitionTime"))
    lost = f"its node {name} has not answered since {since:%H:%M:%S} UTC" if since else f"its node {name} is not ready"
    if not pod["metadata"].get("deletionTimestamp"):
        return State("lost", f"{lost}; if it stays away, Kubernetes gives up the pod after some minutes")
    return State(
        "lost",
        f"{lost} and the pod stays Terminating: KFP shows 'running' until the node is back, or somebody says that it "
        f"is gone for good: kubectl delete node {name} (or kubectl taint node {name} "
        "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute)",
    )


def _why_failed(pod: Json) -> str:
    status = pod["status"]
    disrupted = _condition(pod, "DisruptionTarget")
    if disrupted.get("status") == "True":
        return f"its pod was ended by the cluster ({disrupted['reason']}: {_sentence(disrupted.get('message', ''))})"
    if status.get("reason") == "DeadlineExceeded" and _ran_out_of_time(pod):
        return TIME_UP
    if status.get("reason") and status["reason"] != "DeadlineExceeded":
        return f"its pod was ended by the cluster ({status['reason']}: {_sentence(status.get('message', ''))})"
    for container in _containers(pod):
        ended = container.get("state", {}).get("terminated", {})
        if ended.get("exitCode"):
            name = container["name"]
            return _exit(ended) if name == MAIN else f"its container {name} failed: {_exit(ended)}"
    return _sentence(status.get("message", "")) or "its pod failed without saying why"


def _ran_out_of_time(pod: Json) -> bool:
    """Whether the step's container had not ended by itself before; a kubelet says DeadlineExceeded of it all the same,
    if it is started anew after the pod's time."""
    began, (_, ended) = parse_time(pod["status"].get("startTime")), main_times(pod)
    limit = pod["spec"].get("activeDeadlineSeconds")
    return not (began and ended and limit and ended < began + timedelta(seconds=limit))


def _exit(ended: Json) -> str:
    if ended.get("reason") == "OOMKilled":
        return "it needed more memory than its pod has (raise pod_memory)"
    return f"its process ended with exit code {ended['exitCode']}"


def _containers(pod: Json) -> Sequence[Json]:
    """Main first: of several that say something, it is the one that people know."""
    status = pod.get("status", {})
    listed = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
    return sorted(listed, key=lambda container: container["name"] != MAIN)


def _main(pod: Json) -> Json:
    return next((container for container in _containers(pod) if container["name"] == MAIN), {})


def _condition(thing: Json, kind: str) -> Json:
    conditions = thing.get("status", {}).get("conditions", ())
    return next((condition for condition in conditions if condition["type"] == kind), {})


def _gpu_requests(pod: Json) -> dict[str, int]:
    main = next(container for container in pod["spec"]["containers"] if container["name"] == MAIN)
    limits = main.get("resources", {}).get("limits", {})
    return {name: int(amount) for name, amount in limits.items() if is_gpu(name)}


def is_gpu(resource: str) -> bool:
    """Whether a resource comes from a vendor's device plugin, as nvidia.com/gpu does, and is not Kubernetes' own."""
    return "/" in resource


def _missing_pull_secret(events: list[Json]) -> str:
    said = [event["message"] for event in events if event["reason"] == "FailedToRetrieveImagePullSecret"]
    found = re.search(r"\((.+?)\)", said[-1]) if said else None
    return found[1] if found else ""


def _event_time(event: Json) -> str:
    return event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or ""


def _sentence(text: str) -> str:
    return " ".join(text.split()).rstrip(".")
