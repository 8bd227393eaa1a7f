"""The logs of a step on a cluster: of its pods, and of those that are gone what Argo has kept."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from stillhouse.errors import UserError
from stillhouse.pipelines.cluster.connection import TIMEOUT, Cluster
from stillhouse.pipelines.cluster.watch.argo_workflow import FAILED, NEVER_RAN, ArgoTask, Node
from stillhouse.pipelines.cluster.watch.pod_state import MAIN, Json, State
from stillhouse.pipelines.cluster.watch.snapshot import Reader, Snapshot
from stillhouse.pipelines.cluster.watch.step_states import node_id, pods_by_step, state_of_pod
from stillhouse.redaction import redact

POLL_SECONDS = 3.0
"""Time between two looks whether the step has a new pod."""
LOST_LOG = "unable to retrieve container logs"
"""How a node says that it has a pod's log no more."""
NOT_STARTED = ("held", "queued", "pulling", "blocked", "starting")


class Source(NamedTuple):
    """A pod of a step, be it there or gone."""

    node_id: str
    """Argo's name for it."""
    pod: Json | None
    state: State

    @property
    def name(self) -> str:
        """For people."""
        return self.pod["metadata"]["name"] if self.pod else self.node_id


def show_logs(
    cluster: Cluster,
    run_id: str,
    step: str,
    write: Callable[[str], None],
    *,
    follow: bool = False,
    number: int | None = None,
) -> None:
    """Write what the step's process wrote, pod by pod, each under a heading; secrets are hidden.

    Args:
        write: takes a line, without its end.
        follow: wait for the step's pods and go on while they run, until the step has ended.
        number: only the pod of this number, from 1; -1 is the one before the newest.

    Raises:
        UserError: there is no such run, step or pod, or nothing of it can be read.
    """
    reader = Reader(cluster, run_id)
    if step not in reader.steps:
        raise UserError(f"The run has no step '{step}'; its steps are: {', '.join(reader.steps)}.")
    shown = 0
    while True:
        snapshot = reader.look()
        found = sources(snapshot, step)
        if number is not None:
            _show(cluster, run_id, _chosen(found, number, step), write, follow)
            return
        for at, source in enumerate(found[shown:], shown + 1):
            if follow and source.state.kind in NOT_STARTED and not snapshot.over:
                break
            write(f"==> {step}, pod {at} of {len(found)}: {source.name} <==")
            _show(cluster, run_id, source, write, follow)
            shown = at
        phase = snapshot.workflow.tasks.get(step, ArgoTask()).phase
        ended = snapshot.over or phase in (*FAILED, "Succeeded", *NEVER_RAN)
        if shown == len(found) and (ended or not follow):
            break
        time.sleep(POLL_SECONDS)
    if not shown:
        raise UserError(_nothing(snapshot, step))


def sources(snapshot: Snapshot, step: str) -> list[Source]:
    """The step's pods in the order in which they were started."""
    task = snapshot.workflow.tasks.get(step, ArgoTask())
    pods: dict[str, Json] = {node_id(pod): pod for pod in pods_by_step(snapshot.pods).get(step, [])}
    nodes: dict[str, Node | None] = dict.fromkeys(pods) | {
        node.id: node for node in task.executors if node.phase not in NEVER_RAN
    }
    order = [node.id for node in task.executors if node.id in nodes]
    order += [name for name in pods if name not in order]  # KFP takes Argo's document over every few seconds
    return [_source(name, pods.get(name), nodes[name], snapshot) for name in order]


def _source(name: str, pod: Json | None, node: Node | None, snapshot: Snapshot) -> Source:
    if pod:
        return Source(name, pod, state_of_pod(pod, snapshot))
    assert node
    return Source(name, None, node.state)


def _chosen(found: list[Source], number: int, step: str) -> Source:
    at = number - 1 if number > 0 else len(found) - 1 + number
    if not 0 <= at < len(found):
        raise UserError(f"'{step}' has had {len(found)} pods; give --attempt a number from 1 to that, or leave it out.")
    return found[at]


def _show(cluster: Cluster, run_id: str, source: Source, write: Callable[[str], None], follow: bool) -> None:
    state = source.state
    if state.kind in NOT_STARTED:
        write(f"(nothing yet; it is {state.kind}{': ' + state.why if state.why else ''})")
        return
    why = "its pod is gone"
    if source.pod:
        try:
            for line in _from_pod(cluster, source.pod, follow):
                write(redact(line))
            return
        except UserError as error:
            why = str(error).rstrip(".")
    kept = cluster.archived_log(run_id, source.node_id)
    if not kept:
        raise UserError(
            f"The log of {source.name} cannot be had: {why}, and Argo has kept no copy (archiveLogs in its artifact "
            "repository makes it keep one); what the step reported is in MLflow, and `stillhouse watch` says how it "
            "ended."
        )
    write(redact(kept.rstrip("\n")))


def _nothing(snapshot: Snapshot, step: str) -> str:
    task = snapshot.workflow.tasks.get(step, ArgoTask())
    if task.cached:
        return f"'{step}' did not run: the outcome of an earlier run was taken over, and its log is with that one."
    if snapshot.over:
        return f"'{step}' did not run: the run ended before it, see `stillhouse watch`."
    return f"'{step}' has no pod yet; --follow waits for it, `stillhouse watch` says what it waits for."


def _from_pod(cluster: Cluster, pod: Json, follow: bool) -> Iterator[str]:
    """The lines of the step's container; with `follow` until it ends."""
    core: Any = cluster.core
    with cluster.speaking_kubernetes():
        answer = core.read_namespaced_pod_log(
            pod["metadata"]["name"],
            cluster.namespace,
            container=MAIN,
            follow=follow,
            _preload_content=False,
            _request_timeout=(TIMEOUT[0], None) if follow else TIMEOUT,
        )
    for line in _lines(_chunks(cluster, answer)):
        if line.startswith(LOST_LOG):  # with status 200
            raise UserError(line)
        yield line


def _chunks(cluster: Cluster, answer: Any) -> Iterator[bytes]:
    stream = answer.stream()
    while True:
        with cluster.speaking_kubernetes():  # not around the yield: it keeps standard output to itself
            chunk = next(stream, None)
        if chunk is None:
            return
        yield chunk


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line.decode(errors="replace") for line in lines)
    if rest:
        yield rest.decode(errors="replace")
