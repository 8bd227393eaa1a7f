"""What each step of a run on a cluster is doing, in one word and one sentence: from a look at the run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from stillhouse.components.attempts import last_failure
from stillhouse.pipelines.pod_state import TIME_UP, Json, Kind, State, gpu_seconds, main_times, pod_state
from stillhouse.pipelines.pods import EXIT, EXIT_SECONDS
from stillhouse.pipelines.sight import Sight
from stillhouse.pipelines.workflow import FAILED, NEVER_RAN, Task, step_of

NODE_NAME = "workflows.argoproj.io/node-name"
NODE_ID = "workflows.argoproj.io/node-id"

RowState = Kind | Literal["waiting", "preparing", "retrying", "cached", "skipped"]

ENDED: tuple[RowState, ...] = ("done", "cached", "skipped", "failed")
ENDING_SECONDS = 60
"""So long a run may take to end when its time is up."""
ARGO_MINUTES = 20
"""So often Argo looks at a run in which nothing changes."""
WAITING: tuple[Kind, ...] = ("held", "queued", "pulling", "blocked", "lost")


@dataclass
class Row:
    """One step."""

    step: str
    state: RowState = "waiting"
    why: str = ""
    attempts: int = 0
    """Processes that were started, or pods where those are not seen."""
    started: datetime | None = None
    """Of its first process."""
    ended: datetime | None = None
    gpu_seconds: float = 0.0
    metric: str = ""


@dataclass
class Memory:
    """What earlier looks at a run have shown and later ones do not: pods come and go."""

    waited: dict[str, State] = field(default_factory=dict)
    """What each step last waited for."""
    _pods: dict[str, tuple[str, str, float]] = field(default_factory=dict)
    """Step, Argo's node and GPU seconds of each pod, by its uid."""

    def read(self, pods: Iterable[Json], now: datetime) -> None:
        """Take in the pods that are to be seen now."""
        for step, of_step in pods_by_step(pods).items():
            for pod in of_step:
                self._pods[pod["metadata"]["uid"]] = (step, node_id(pod), gpu_seconds(pod, now))

    def wait(self, step: str, state: State, *, seen: bool) -> str:
        """Note what a step waits for, and return why: of a pod that is gone what was `seen` of it tells more."""
        known = self.waited.get(step)
        if not seen and known and known.kind == state.kind:
            return known.why
        self.waited[step] = state
        return state.why

    def gpu_seconds(self, step: str, task: Task) -> float:
        """Of the step's pods, and of those that were gone before anybody looked by Argo's reckoning."""
        seen = [(node, seconds) for of_step, node, seconds in self._pods.values() if of_step == step]
        measured = {node for node, _ in seen}
        unmeasured = sum(node.gpu_seconds for node in task.executors if node.id not in measured)
        return sum(seconds for _, seconds in seen) + unmeasured


def rows_of(steps: Iterable[str], sight: Sight, memory: Memory, metrics: Mapping[str, str]) -> list[Row]:
    """A row for each of the steps.

    Args:
        memory: of the earlier looks; this one is added.
        metrics: newest metric by step, for people.
    """
    memory.read(sight.pods, sight.now)
    pods, drivers = pods_by_step(sight.pods), pods_by_step(sight.pods, own=False)
    return [
        _row(step, sight, pods.get(step, []), drivers.get(step, []), memory, metrics.get(step, "")) for step in steps
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


def past_limit(sight: Sight) -> str:
    """What to know of a run that goes on after its time; empty for others.

    Seen with KFP 2.17 and Argo 4.0: where all that is left waits for a node, Argo looks at the time only when something
    changes; and the exit step begins after the limit, and neither the limit nor a cancel ends it.
    """
    limit = sight.workflow.limit_seconds
    if not limit or not sight.began or sight.over or (sight.now - sight.began).total_seconds() < limit + ENDING_SECONDS:
        return ""
    passed = f"the run's --run-limit of {limit} s has passed"
    pending = [pod for pod in sight.pods if pod["status"].get("phase") == "Pending"]
    if waiting := [step for step in pods_by_step(pending) if step != EXIT]:
        return (
            f"{passed}; {', '.join(waiting)} goes on waiting until Argo looks at the run again, {ARGO_MINUTES} minutes "
            "after its last change at the latest; to end it now: stillhouse cancel"
        )
    return (
        f"{passed}; only the exit step goes on, which neither the limit nor a cancel ends: mend what it waits for; on "
        f"a node its own limit of {EXIT_SECONDS} s ends it"
    )


def why_ended(rows: Iterable[Row], sight: Sight, memory: Memory) -> str:
    """Why a run did not succeed: a limit, else the attempts know best, then the pods, then Argo."""
    limit = sight.workflow.limit_seconds
    if limit == 0:
        return "it was cancelled"
    failures = [row for row in rows if row.state == "failed"]
    if limit and sight.began and sight.ended and (sight.ended - sight.began).total_seconds() >= limit:
        ended = [_cut_off(row.step, memory) for row in failures if TIME_UP in row.why]
        return f"the whole run took longer than its --run-limit of {limit} s, which ended {', '.join(ended)}"
    if failed := last_failure(sight.attempts):
        return f"{failed[0]}: {failed[1].sentence}"
    if failures:
        return f"{failures[0].step}: {failures[0].why}"
    return sight.workflow.message or f"KFP says {sight.state} and no more; look at its page"


def _cut_off(step: str, memory: Memory) -> str:
    return f"{step} ({memory.waited[step].kind}: {memory.waited[step].why})" if step in memory.waited else step


def _row(step: str, sight: Sight, pods: list[Json], drivers: list[Json], memory: Memory, metric: str) -> Row:
    task, attempts = sight.workflow.tasks.get(step, Task()), sight.attempts.get(step, [])
    states = _states(task, pods, sight)
    state, why = _state(task, states, _driver(task, drivers, sight), sight.over)
    if attempts and state in ("failed", "retrying") and TIME_UP not in why:
        why = attempts[-1].sentence
    if state in WAITING:
        why = memory.wait(step, State(state, why), seen=bool(pods))
    elif TIME_UP in why and step in memory.waited:
        why = f"{why}; until then it was {memory.waited[step].kind}: {memory.waited[step].why}"
    number = max(len(attempts), len(states))
    if state in (*WAITING, "starting", "running") and number > 1:
        before = attempts[-2].sentence if len(attempts) > 1 else states[-2].why
        why = f"{why + '; ' if why else ''}attempt {number}; the one before: {before}"
    times = [main_times(pod) for pod in pods]
    started = min((begin for begin, _ in times if begin), default=None if pods else _begun(task))
    ended = max((end for _, end in times if end), default=_end(task)) if state in ENDED else None
    return Row(step, state, why, number, started, ended, memory.gpu_seconds(step, task), metric)


def _states(task: Task, pods: list[Json], sight: Sight) -> list[State]:
    """Of each pod of a step; of those that are not to be seen what Argo says."""
    by_node: dict[str, list[Json]] = {}
    for pod in pods:
        by_node.setdefault(node_id(pod), []).append(pod)
    states: list[State] = []
    for node in task.executors:
        seen = by_node.pop(node.id, [])
        if seen:
            states += [state_of_pod(pod, sight) for pod in seen]
        elif node.phase not in NEVER_RAN:
            states.append(node.state)
    newer = [pod for seen in by_node.values() for pod in seen]  # KFP takes Argo's document over every few seconds
    return states + [state_of_pod(pod, sight) for pod in newer]


def state_of_pod(pod: Json, sight: Sight) -> State:
    """What one of the pods is doing."""
    uid = pod["metadata"]["uid"]
    return pod_state(pod, sight.events.get(uid, ()), sight.nodes, sight.workloads.get(uid))


def _driver(task: Task, drivers: list[Json], sight: Sight) -> State | None:
    if drivers:
        return state_of_pod(drivers[-1], sight)
    return task.driver.state if task.driver else None


def _state(task: Task, states: list[State], driver: State | None, over: bool) -> tuple[RowState, str]:
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
        return "failed", task.message or "its pod is gone, and left no word"
    if driver and driver.why and driver.kind not in ("done", "running"):
        return driver.kind, f"KFP's driver: {driver.why}"
    if over:
        return "skipped", ""
    return ("preparing" if driver else "waiting"), ""


def _begun(task: Task) -> datetime | None:
    return next((node.started for node in task.executors if node.phase not in NEVER_RAN), None)


def _end(task: Task) -> datetime | None:
    return next((node.ended for node in reversed(task.executors)), None)
