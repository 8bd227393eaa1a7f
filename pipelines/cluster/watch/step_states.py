"""What each step of a run on a cluster is doing, in one word and one sentence: from a look at the run."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from stillhouse.components.runtime.attempts import Attempt, last_failure
from stillhouse.components.tracking.settings import EXIT_STEP
from stillhouse.pipelines.cluster.watch.argo_workflow import FAILED, NEVER_RAN, ArgoTask, Node, step_of
from stillhouse.pipelines.cluster.watch.pod_state import (
    TIME_UP,
    Json,
    Kind,
    State,
    gpu_seconds,
    gpus,
    main_times,
    parse_time,
    pod_state,
)
from stillhouse.pipelines.cluster.watch.snapshot import Snapshot
from stillhouse.pipelines.compiling.pods import EXIT_SECONDS

NODE_NAME = "workflows.argoproj.io/node-name"
NODE_ID = "workflows.argoproj.io/node-id"

StepKind = Kind | Literal["waiting", "preparing", "retrying", "cached", "skipped"]

ENDED: tuple[StepKind, ...] = ("done", "cached", "skipped", "failed")
ENDING_SECONDS = 60
"""How long a run may take to end when its time is up."""
ARGO_MINUTES = 20
"""How often Argo looks at a run in which nothing changes."""
WAITING: tuple[Kind, ...] = ("held", "queued", "pulling", "blocked", "lost")


@dataclass
class StepState:
    """One step."""

    step: str
    state: StepKind = "waiting"
    why: str = ""
    attempts: int = 0
    """Processes that were started, and pods that left no note of one."""
    started: datetime | None = None
    """Of its first process."""
    ended: datetime | None = None
    gpu_seconds: float = 0.0
    metric: str = ""


@dataclass(frozen=True)
class Seen:
    """What was last seen of a pod."""

    step: str
    name: str
    node: str
    """Argo's; a pod that Argo makes again in place of a deleted one has the same, and the same name."""
    created: datetime
    started: datetime | None
    """Of the step's container; None before it starts."""
    ended: datetime | None
    gpus: int
    gpu_seconds: float


@dataclass
class Memory:
    """What earlier looks at a run have shown and later ones do not: pods come and go."""

    waited: dict[str, State] = field(default_factory=dict)
    """What each step last waited for."""
    _pods: dict[str, Seen] = field(default_factory=dict)
    """By uid, the oldest first."""

    def read(self, pods: Iterable[Json], now: datetime) -> None:
        """Take in the pods that are to be seen now."""
        for step, of_step in pods_by_step(pods).items():
            for pod in of_step:
                about, (started, ended) = pod["metadata"], main_times(pod)
                created = parse_time(about.get("creationTimestamp")) or now
                spent = gpu_seconds(pod, now)
                seen = Seen(step, about["name"], node_id(pod), created, started, ended, gpus(pod), spent)
                self._pods[about["uid"]] = seen

    def wait(self, step: str, state: State, *, seen: bool) -> str:
        """Note what a step waits for, and return why: of a pod that is gone what was `seen` of it tells more."""
        known = self.waited.get(step)
        if not seen and known and known.kind == state.kind:
            return known.why
        self.waited[step] = state
        return state.why

    def attempts(self, step: str, task: ArgoTask, noted: Sequence[Attempt]) -> int:
        """How often the step was started: each process that was noted, and each pod that left no note."""
        pods = self._of(step)
        in_pod = Counter(_pod_of(attempt, pods) for attempt in noted)
        told = {_number(attempt.pod) for attempt in noted}
        silent = [node for node in self._unseen(step, task) if _number(node.id) not in told]
        return max(len(noted), in_pod[None] + sum(max(in_pod[pod], 1) for pod in pods) + len(silent))

    def times(self, step: str, task: ArgoTask, noted: Sequence[Attempt]) -> tuple[datetime | None, datetime | None]:
        """When the first of the step's processes was started and the last one ended, in pods that are gone as well.

        Argo's times count for pods that nobody saw; they begin before the process does.
        """
        pods = self._of(step)
        begins = [parse_time(attempt.started) for attempt in noted[:1]]
        begins += [pod.started for pod in pods] + [node.started for node in self._unseen(step, task)]
        last = next((node.ended for node in reversed(task.executors)), None)
        return min(filter(None, begins), default=None), (pods[-1].ended if pods else None) or last

    def gpu_seconds(self, step: str, task: ArgoTask, noted: Sequence[Attempt], now: datetime) -> float:
        """Of the step's pods; of those that were gone before anybody looked what Argo, or else the notes, say."""
        pods = self._of(step)
        known = sum(pod.gpu_seconds for pod in pods) + sum(node.gpu_seconds for node in self._unseen(step, task))
        begins = [parse_time(attempt.started) or now for attempt in noted]
        for number, attempt in enumerate(noted):
            same = [pod for pod in pods if pod.name == attempt.pod]
            if same and _pod_of(attempt, pods) is None:
                ended = parse_time(attempt.ended) or [*begins, now][number + 1]
                known += same[0].gpus * (ended - begins[number]).total_seconds()
        return known

    def _of(self, step: str) -> list[Seen]:
        return [pod for pod in self._pods.values() if pod.step == step]

    def _unseen(self, step: str, task: ArgoTask) -> list[Node]:
        """Argo's nodes of pods that nobody saw."""
        seen = {pod.node for pod in self._of(step)}
        return [node for node in task.executors if node.id not in seen and node.phase not in NEVER_RAN]


def _pod_of(attempt: Attempt, pods: Sequence[Seen]) -> Seen | None:
    """The pod in which an attempt was made; None when it was gone before anybody saw it."""
    begin = parse_time(attempt.started)
    made = [pod for pod in pods if pod.name == attempt.pod and begin and pod.created <= begin]
    return made[-1] if made else None


def _number(name: str) -> str:
    """What Argo's name for a pod and the pod's own name have in common: the number at their end."""
    return name.rpartition("-")[2]


def step_states(
    steps: Iterable[str], snapshot: Snapshot, memory: Memory, metrics: Mapping[str, str]
) -> list[StepState]:
    """What each of the steps is doing.

    Args:
        memory: of the earlier looks; this one is added.
        metrics: newest metric by step, for people.
    """
    memory.read(snapshot.pods, snapshot.now)
    pods, drivers = pods_by_step(snapshot.pods), pods_by_step(snapshot.pods, own=False)
    return [
        _step_state(step, snapshot, pods.get(step, []), drivers.get(step, []), memory, metrics.get(step, ""))
        for step in steps
    ]


def pods_by_step(pods: Iterable[Json], *, own: bool = True) -> dict[str, list[Json]]:
    """The pods in which steps run (`own`), or KFP's drivers that prepare them, by step, in the order given."""
    found: dict[str, list[Json]] = {}
    for pod in pods:
        place = step_of(pod["metadata"].get("annotations", {}).get(NODE_NAME, ""))
        if place and place[1] == own:
            found.setdefault(place[0], []).append(pod)
    return found


def node_id(pod: Json) -> str:
    """Argo's name for a pod."""
    return pod["metadata"].get("annotations", {}).get(NODE_ID, "")


def past_limit(snapshot: Snapshot) -> str:
    """What to know of a run that goes on after its time; empty for others.

    Seen with KFP 2.17 and Argo 4.0: where all that is left waits for a node, Argo looks at the time only when something
    changes; and the exit step begins after the limit, and neither the limit nor a cancel ends it.
    """
    limit = snapshot.workflow.limit_seconds
    if not limit or not snapshot.began or snapshot.over:
        return ""
    if (snapshot.now - snapshot.began).total_seconds() < limit + ENDING_SECONDS:
        return ""
    passed = f"the run's --run-limit of {limit} s has passed"
    pending = [pod for pod in snapshot.pods if pod["status"].get("phase") == "Pending"]
    if waiting := [step for step in pods_by_step(pending) if step != EXIT_STEP]:
        return (
            f"{passed}; {', '.join(waiting)} goes on waiting until Argo looks at the run again, {ARGO_MINUTES} minutes "
            "after its last change at the latest; to end it now: stillhouse cancel"
        )
    return (
        f"{passed}; only the exit step goes on, which neither the limit nor a cancel ends: fix what it waits for; on "
        f"a node its own limit of {EXIT_SECONDS} s ends it"
    )


def why_ended(rows: Iterable[StepState], snapshot: Snapshot, memory: Memory) -> str:
    """Why a run did not succeed: a limit, else the attempts know best, then the pods, then Argo."""
    limit = snapshot.workflow.limit_seconds
    if limit == 0:
        return "it was cancelled"
    failures = [row for row in rows if row.state == "failed"]
    if limit and snapshot.began and snapshot.ended and (snapshot.ended - snapshot.began).total_seconds() >= limit:
        ended = [_cut_off(row.step, memory) for row in failures if TIME_UP in row.why]
        return f"the whole run took longer than its --run-limit of {limit} s, which ended {', '.join(ended)}"
    if failed := last_failure(snapshot.attempts):
        return f"{failed[0]}: {failed[1].sentence}"
    if failures:
        return f"{failures[0].step}: {failures[0].why}"
    return snapshot.workflow.message or f"KFP says {snapshot.state} and no more; look at its page"


def _cut_off(step: str, memory: Memory) -> str:
    return f"{step} ({memory.waited[step].kind}: {memory.waited[step].why})" if step in memory.waited else step


def _step_state(
    step: str, snapshot: Snapshot, pods: list[Json], drivers: list[Json], memory: Memory, metric: str
) -> StepState:
    task, attempts = snapshot.workflow.tasks.get(step, ArgoTask()), snapshot.attempts.get(step, [])
    states = _states(task, pods, snapshot)
    state, why = _state(task, states, _driver(task, drivers, snapshot), snapshot.over)
    if attempts and state in ("failed", "retrying") and TIME_UP not in why:
        why = attempts[-1].sentence
    if state in WAITING:
        why = memory.wait(step, State(state, why), seen=bool(pods))
    elif TIME_UP in why and step in memory.waited:
        why = f"{why}; until then it was {memory.waited[step].kind}: {memory.waited[step].why}"
    number = memory.attempts(step, task, attempts)
    if state in (*WAITING, "starting", "running") and number > 1:
        why = f"{why + '; ' if why else ''}attempt {number}; the one before: {_before(attempts, states, number)}"
    started, ended = memory.times(step, task, attempts)
    spent = memory.gpu_seconds(step, task, attempts, snapshot.now)
    return StepState(step, state, why, number, started, ended if state in ENDED else None, spent, metric)


def _before(attempts: Sequence[Attempt], states: list[State], number: int) -> str:
    """What became of the attempt before the newest."""
    if len(attempts) >= number:
        return attempts[-2].sentence
    if len(states) > 1:
        return states[-2].why
    return attempts[-1].sentence if attempts else "its pod is gone, and did not say how it ended"


def _states(task: ArgoTask, pods: list[Json], snapshot: Snapshot) -> list[State]:
    """Of each pod of a step; of those that are not to be seen what Argo says."""
    by_node: dict[str, list[Json]] = {}
    for pod in pods:
        by_node.setdefault(node_id(pod), []).append(pod)
    states: list[State] = []
    for node in task.executors:
        seen = by_node.pop(node.id, [])
        if seen:
            states += [state_of_pod(pod, snapshot) for pod in seen]
        elif node.phase not in NEVER_RAN:
            states.append(node.state)
    newer = [pod for seen in by_node.values() for pod in seen]  # KFP takes Argo's document over every few seconds
    return states + [state_of_pod(pod, snapshot) for pod in newer]


def state_of_pod(pod: Json, snapshot: Snapshot) -> State:
    """What one of the pods is doing."""
    uid = pod["metadata"]["uid"]
    return pod_state(pod, snapshot.events.get(uid, ()), snapshot.nodes, snapshot.workloads.get(uid))


def _driver(task: ArgoTask, drivers: list[Json], snapshot: Snapshot) -> State | None:
    if drivers:
        return state_of_pod(drivers[-1], snapshot)
    return task.driver.state if task.driver else None


def _state(task: ArgoTask, states: list[State], driver: State | None, over: bool) -> tuple[StepKind, str]:
    if task.cached:
        return "cached", ""
    if driver and driver.kind == "failed":
        return "failed", f"KFP's driver: {driver.why}"
    if task.phase in NEVER_RAN:
        return "skipped", ""
    if states:
        newest = states[-1]
        if newest.kind == "failed" and task.phase not in FAILED and not over:
            return "retrying", newest.why
        if task.phase in FAILED and newest.kind not in ("failed", "lost"):
            return "failed", newest.why or task.message
        return newest.kind, newest.why
    if task.phase in FAILED:
        return "failed", task.message or "its pod is gone, and did not say how it ended"
    if driver and driver.why and driver.kind not in ("done", "running"):
        return driver.kind, f"KFP's driver: {driver.why}"
    if over:
        return "skipped", ""
    return ("preparing" if driver else "waiting"), ""
