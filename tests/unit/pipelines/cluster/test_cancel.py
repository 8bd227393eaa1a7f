"""A run is ended, and its end waited for, before an installation that goes through the states of a real one."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.pipelines.stand_in import NAMESPACE, RUNS, StandIn

from stillhouse.errors import UserError
from stillhouse.pipelines.cluster import cancel as cancelling
from stillhouse.pipelines.cluster.cancel import cancel_run
from stillhouse.pipelines.cluster.connection import Cluster, connect

RUN = f"{RUNS}/r1"
CANCEL = f"POST {RUN}:terminate"


def pod(phase: str) -> dict[str, Any]:
    return {"metadata": {"name": "finetune-1"}, "status": {"phase": phase}}


@pytest.fixture
def cluster(installed: StandIn, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.setattr(cancelling, "POLL_SECONDS", 0.0)
    installed.answers[f"{RUN}:terminate"] = (200, {})
    return connect(installed.url)


@pytest.fixture
def goes_through(installed: StandIn, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Has the run be in these states, one after the other, and its pods in these phases."""

    def script(*states: str, phases: tuple[str, ...] = ()) -> None:
        left, pods, answer = list(states), list(phases), installed.answer

        def scripted(method: str, path: str, query: str, body: Any) -> tuple[int, Any]:
            if (method, path) == ("GET", RUN):
                return 200, {"run_id": "r1", "state": left.pop(0) if len(left) > 1 else left[0]}
            if (method, path) == ("GET", f"{NAMESPACE}/pods") and path not in installed.answers:
                return 200, {"items": [pod(pods.pop(0))] if pods else []}
            return answer(method, path, query, body)

        monkeypatch.setattr(installed, "answer", scripted)

    return script


def test_it_waits_for_the_end_of_the_run_and_of_its_pods_and_says_each_thing_once(
    installed: StandIn, cluster: Cluster, goes_through: Callable[..., None]
) -> None:
    said: list[str] = []
    goes_through(
        "RUNNING", "CANCELING", "CANCELING", "FAILED", phases=("Running", "Running", "Running", "Running", "Failed")
    )
    assert cancel_run(cluster, "r1", said.append) == "FAILED"
    assert said == ["the run is CANCELING", "its pod finetune-1 still ends"]
    assert installed.asked.count(CANCEL) == 1


def test_a_cancelled_run_that_argo_leaves_as_it_is_is_ended_by_argo_itself(
    installed: StandIn, cluster: Cluster, goes_through: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(cancelling, "IDLE_SECONDS", 0.0)
    workflows = "/apis/argoproj.io/v1alpha1/namespaces/kubeflow/workflows"
    installed.answers[workflows] = (200, {"items": [{"metadata": {"name": "spam-x"}}]})
    installed.answers[f"{workflows}/spam-x"] = (200, {})
    goes_through("RUNNING", "CANCELING", "CANCELING", "CANCELING", "FAILED")
    assert cancel_run(cluster, "r1", said.append) == "FAILED"
    assert installed.asked.count(f"PATCH {workflows}/spam-x") == 1
    assert said[-1] == "Argo did not end the run although none of its pods works any more, and was told to"


def test_who_may_not_tell_argo_hears_what_helps(
    installed: StandIn, cluster: Cluster, goes_through: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(cancelling, "IDLE_SECONDS", 0.0)
    installed.refuse("/apis/argoproj.io/v1alpha1/namespaces/kubeflow/workflows", 403, "workflows is forbidden")
    goes_through("RUNNING", "CANCELING", "CANCELING", "CANCELING", "FAILED")
    assert cancel_run(cluster, "r1", said.append) == "FAILED"
    assert "sets `spec.shutdown: Terminate`" in said[-1]


def test_a_run_that_has_ended_stays_as_it_is(
    installed: StandIn, cluster: Cluster, goes_through: Callable[..., None]
) -> None:
    goes_through("SUCCEEDED")
    assert cancel_run(cluster, "r1", lambda _: None) == "SUCCEEDED"
    assert CANCEL not in installed.asked


def test_a_run_that_ends_as_it_is_to_be_cancelled_has_ended(
    installed: StandIn, cluster: Cluster, goes_through: Callable[..., None]
) -> None:
    installed.answers[f"{RUN}:terminate"] = (400, {"code": 9, "message": "it is not running"})
    goes_through("RUNNING", "SUCCEEDED")
    assert cancel_run(cluster, "r1", lambda _: None) == "SUCCEEDED"


def test_a_refusal_is_one_sentence(installed: StandIn, cluster: Cluster, goes_through: Callable[..., None]) -> None:
    installed.answers[f"{RUN}:terminate"] = (403, {"code": 7, "message": "User 'ann' is not authorized"})
    goes_through("RUNNING")
    with pytest.raises(UserError, match="does not allow this"):
        cancel_run(cluster, "r1", lambda _: None)


def test_who_may_not_list_pods_waits_for_the_run_only_and_hears_it(
    installed: StandIn, cluster: Cluster, goes_through: Callable[..., None]
) -> None:
    said: list[str] = []
    installed.refuse(f"{NAMESPACE}/pods", 403, "pods is forbidden")
    goes_through("RUNNING", "CANCELING", "FAILED")
    assert cancel_run(cluster, "r1", said.append) == "FAILED"
    assert said[-1].startswith("whether its pods have ended is not seen: ")


def test_a_run_that_is_not_there_is_named(cluster: Cluster) -> None:
    with pytest.raises(UserError, match="There is no run 'r1'"):
        cancel_run(cluster, "r1", lambda _: None)
