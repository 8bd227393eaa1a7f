"""The graph of a run as KFP keeps it: its steps in their order, and what Argo's nodes say of them.

KFP's v2 API gives the states of tasks without saying which belongs to which; its v1 API hands out Argo's own document.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from graphlib import TopologicalSorter
from typing import Any

from stillhouse.pipelines.cluster.watch.pod_state import (
    TIME_UP,
    State,
    is_gpu,
    parse_time,
    pull_failure,
    scheduler_words,
)

Json = Mapping[str, Any]

EXECUTOR = "executor"
ATTEMPT = re.compile(r"\((\d+)\)")
"""What Argo appends to the name of whatever may be repeated; retry defaults of an installation make that each part."""
DRIVER = "-driver"
NEVER_RAN = ("Skipped", "Omitted")
FAILED = ("Failed", "Error")


@dataclass(frozen=True)
class Node:
    """One of Argo's nodes that stands for a pod."""

    id: str
    phase: str
    message: str
    started: datetime | None
    ended: datetime | None
    gpu_seconds: float
    """By Argo's reckoning, in whole seconds."""

    @property
    def state(self) -> State:
        """The same as the pod's, as far as Argo has taken it over: for those who cannot see pods."""
        match self.phase:
            case "Succeeded":
                return State("done")
            case "Failed" | "Error":
                said = TIME_UP if "deadline" in self.message else self.message
                return State("failed", said or "its pod failed without saying why")
            case "Running":
                return State("running")
        reason, _, said = self.message.partition(": ")
        if reason == "Unschedulable":
            return State("queued", scheduler_words(said))
        if "ImagePull" in reason:
            image = re.search(r'image "([^"]+)"', said)
            return State("blocked", pull_failure(image[1] if image else "?", said))
        return State("blocked", self.message) if reason.endswith("Error") else State("starting")


@dataclass(frozen=True)
class ArgoTask:
    """A step in Argo's graph."""

    phase: str = ""
    """Of the whole step; empty before it begins."""
    message: str = ""
    executors: tuple[Node, ...] = ()
    """Its pods, the first attempt first; one that never ran when KFP's cache had the outcome."""
    driver: Node | None = None
    """KFP's own pod, which looks into the cache and prepares the step."""

    @property
    def cached(self) -> bool:
        """Whether the outcome of an earlier run was taken over."""
        return self.phase == "Succeeded" and all(node.phase in NEVER_RAN for node in self.executors)


@dataclass(frozen=True)
class Workflow:
    """A run."""

    phase: str = ""
    message: str = ""
    tasks: Mapping[str, ArgoTask] = field(default_factory=dict)
    """By step; those that have begun."""
    limit_seconds: int | None = None
    """Longest time of the whole run; a cancel makes it 0."""


def step_names(spec: Json) -> list[str]:
    """The steps of a compiled pipeline in the order in which they run; groups of tasks are not steps."""

    def walk(component: Json) -> Iterator[str]:
        tasks = component["dag"]["tasks"]
        order = {name: task.get("dependentTasks", ()) for name, task in tasks.items()}
        for name in TopologicalSorter(order).static_order():
            inner = spec["components"][tasks[name]["componentRef"]["name"]]
            if "dag" in inner:
                yield from walk(inner)
            else:
                yield name

    return list(walk(spec["root"]))


def variables_of(spec: Json) -> dict[str, str]:
    """The environment variables that the steps of a compiled pipeline are given, by name."""
    executors = spec.get("deploymentSpec", {}).get("executors", {}).values()
    return {pair["name"]: pair["value"] for each in executors for pair in each.get("container", {}).get("env", ())}


def step_of(node_name: str) -> tuple[str, bool] | None:
    """Step, and whether it is the step's own pod and not KFP's driver, from a node's name; None for other pods.

    Names are paths: run.root.exit-handler-1.finetune.executor(0), run.root.exit-handler-1.finetune-driver; or
    run(0).root(0).exit-handler-1(0).finetune(0).executor(0).
    """
    *path, last = ATTEMPT.sub("", node_name).split(".")
    if last == EXECUTOR:
        return path[-1], True
    return (last.removesuffix(DRIVER), False) if last.endswith(DRIVER) else None


def read_workflow(manifest: str) -> Workflow:
    """Argo's document of a run, as KFP's v1 API hands it out."""
    document = json.loads(manifest) if manifest else {}
    status = document.get("status", {})
    nodes = list(status.get("nodes", {}).values())
    pods = [node for node in nodes if node["type"] in ("Pod", "Skipped")]
    executors: dict[str, list[Json]] = {}
    drivers: dict[str, Json] = {}
    for node in sorted(pods, key=_attempt):
        if found := step_of(node["name"]):
            step, own = found
            if own:
                executors.setdefault(step, []).append(node)
            else:
                drivers[step] = node
    tasks = {
        step: ArgoTask(
            phase=node["phase"],
            message=node.get("message", ""),
            executors=tuple(_node(each) for each in executors.get(step, ())),
            driver=_node(drivers[step]) if step in drivers else None,
        )
        for step, node in _tasks(nodes, {*executors, *drivers}).items()
    }
    limit = document.get("spec", {}).get("activeDeadlineSeconds")
    return Workflow(status.get("phase", ""), status.get("message", ""), tasks, limit)


def _tasks(nodes: list[Json], steps: set[str]) -> dict[str, Json]:
    """The node that stands for each whole step; before it there is one for the driver only."""
    whole = {step: {"phase": ""} for step in steps}
    return whole | {node["displayName"]: node for node in nodes if node["displayName"] in steps}


def _attempt(node: Json) -> list[int]:
    return [int(number) for number in ATTEMPT.findall(node["name"])]


def _node(node: Json) -> Node:
    used = node.get("resourcesDuration", {})
    return Node(
        node["id"],
        node["phase"],
        node.get("message", ""),
        parse_time(node.get("startedAt")),
        parse_time(node.get("finishedAt")),
        float(sum(seconds for name, seconds in used.items() if is_gpu(name))),
    )
