"""One look at a run on a cluster: what KFP, Kubernetes, Kueue and the store say of it now.

Only KFP is needed. Whatever else cannot be seen from here is left out, and said once.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar

from kubernetes.client import CustomObjectsApi

from stillhouse.components.artifacts.verdict import verdict_key
from stillhouse.components.kubernetes.labels import RUN_LABEL
from stillhouse.components.runtime.attempts import Attempt, read_attempts
from stillhouse.components.storage.store import NotFound, Store, open_store
from stillhouse.errors import UserError
from stillhouse.pipelines.cluster.connection import ENDED, TIMEOUT, Cluster
from stillhouse.pipelines.cluster.watch.argo_workflow import Workflow, read_workflow, step_names, variables_of
from stillhouse.pipelines.cluster.watch.pod_state import KUEUE, KUEUE_GATE, Json

T = TypeVar("T")


@dataclass(frozen=True)
class Snapshot:
    """What is known of a run at one moment."""

    state: str
    """KFP's word for the run."""
    workflow: Workflow = field(default_factory=Workflow)
    pods: Sequence[Json] = ()
    """The oldest first."""
    events: Mapping[str, Sequence[Json]] = field(default_factory=dict)
    """Of pods that have not started, by the pod's uid."""
    nodes: Mapping[str, Json] = field(default_factory=dict)
    workloads: Mapping[str, Json] = field(default_factory=dict)
    """Kueue's, by the pod's uid."""
    attempts: Mapping[str, list[Attempt]] = field(default_factory=dict)
    began: datetime | None = None
    ended: datetime | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    unseen: Sequence[str] = ()
    """Sentences on what is not seen from here, and why."""

    @property
    def over(self) -> bool:
        """Whether the run has ended."""
        return self.state in ENDED


class Reader:
    """Looks at one run, again and again."""

    def __init__(self, cluster: Cluster, run_id: str, store: str = "") -> None:
        """`store` is its address; without one that of the run's own pods is taken.

        Raises:
            UserError: there is no such run, or KFP refuses.
        """
        self._cluster, self._run_id = cluster, run_id
        self._spec = spec_of(cluster, cluster.run(run_id))
        self.variables = variables_of(self._spec)
        """What the run's pods are told."""
        self._store_address = store or self.variables.get("STILLHOUSE_STORE", "")
        self._unseen: list[str] = []

    @cached_property
    def steps(self) -> list[str]:
        """In the order in which they run."""
        return step_names(self._spec)

    def look(self) -> Snapshot:
        """What is to be seen now.

        Raises:
            UserError: KFP does not answer.
        """
        self._unseen = []
        run = self._cluster.run(self._run_id)
        pods = self._try("pods are", self._pods, [])
        waiting = [pod for pod in pods if pod["status"].get("phase") == "Pending"]
        return Snapshot(
            state=run.state or "PENDING",
            workflow=self._try(
                "the steps are", lambda: read_workflow(self._cluster.workflow(self._run_id)), Workflow()
            ),
            pods=pods,
            events=self._try("the pods' events are", lambda: self._events(waiting), {}),
            nodes=self._try("nodes are", lambda: self._nodes(pods), {}),
            workloads=self._try("Kueue's reasons are", lambda: self._workloads(waiting), {}),
            attempts=self._try("attempts within a pod are", self._attempts, {}),
            began=run.created_at,
            ended=run.finished_at if run.state in ENDED else None,
            unseen=tuple(dict.fromkeys(self._unseen)),
        )

    def verdict(self) -> Json | None:
        """What promote decided, as verdicts/RUN.json; None when it has not, or the store is not seen."""
        return self._try("the verdict is", self._verdict, None)

    def _verdict(self) -> Json | None:
        try:
            return json.loads(self._store.get(verdict_key(self._run_id)))
        except NotFound:
            return None

    @cached_property
    def _store(self) -> Store:
        if not self._store_address:
            raise UserError("the run has no store.")
        return open_store(self._store_address)

    def _attempts(self) -> dict[str, list[Attempt]]:
        return read_attempts(self._store, self._run_id)

    def _pods(self) -> list[Json]:
        found = self._list(
            self._cluster.core.list_namespaced_pod,
            self._cluster.namespace,
            label_selector=f"{RUN_LABEL}={self._run_id}",
        )
        return sorted(found, key=lambda pod: pod["metadata"]["creationTimestamp"])

    def _events(self, pods: Sequence[Json]) -> dict[str, Sequence[Json]]:
        found: dict[str, Sequence[Json]] = {}
        for pod in pods:
            uid = pod["metadata"]["uid"]
            found[uid] = self._list(
                self._cluster.core.list_namespaced_event,
                self._cluster.namespace,
                field_selector=f"involvedObject.uid={uid}",
            )
        return found

    def _nodes(self, pods: Sequence[Json]) -> dict[str, Json]:
        """All of them when a pod waits for one; else none but those with pods of this run that have not ended."""
        going_on = [pod for pod in pods if pod["status"].get("phase") in ("Pending", "Running")]
        names = {pod["spec"].get("nodeName") for pod in going_on}
        if not names:
            return {}
        core = self._cluster.core
        if None in names:
            return {node["metadata"]["name"]: node for node in self._list(core.list_node)}
        found = (self._list(core.list_node, field_selector=f"metadata.name={name}") for name in names)
        return {node["metadata"]["name"]: node for nodes in found for node in nodes}

    def _workloads(self, pods: Sequence[Json]) -> dict[str, Json]:
        gates = (gate["name"] for pod in pods for gate in pod["spec"].get("schedulingGates", ()))
        if KUEUE_GATE not in gates:
            return {}
        api: Any = CustomObjectsApi(self._cluster.kubernetes)
        found = self._list(api.list_namespaced_custom_object, *KUEUE, self._cluster.namespace, "workloads")
        return {owner["uid"]: each for each in found for owner in each["metadata"].get("ownerReferences", ())}

    def _list(self, ask: Callable[..., Any], *arguments: str, **selectors: str) -> list[Json]:
        """A listing as Kubernetes' JSON has it; the client's classes would rename every field."""
        with self._cluster.speaking_kubernetes():
            answer = ask(*arguments, **selectors, _preload_content=False, _request_timeout=TIMEOUT)
        return json.loads(answer.data)["items"]

    def _try(self, what: str, look: Callable[[], T], otherwise: T) -> T:
        try:
            return look()
        except UserError as error:
            self._unseen.append(f"{what} not seen: {error}")
            return otherwise


def spec_of(cluster: Cluster, run: Any) -> Json:
    """The run's compiled pipeline; a scheduled run names a version of one instead."""
    spec = run.pipeline_spec
    if not spec:
        named = run.pipeline_version_reference
        with cluster.speaking():
            spec = cluster.client.get_pipeline_version(named.pipeline_id, named.pipeline_version_id).pipeline_spec
    return spec.get("pipeline_spec", spec)
