from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from stillhouse.components.kubernetes.labels import QUEUE_LABEL
from stillhouse.pipelines.cluster.watch.pod_state import State, gpu_seconds, gpus, pod_state, pull_failure


@pytest.fixture
def state_of(recorded: Any) -> Callable[[str], State]:
    """What is said of a recorded pod on two healthy nodes."""

    def look(fate: str) -> State:
        pod, events = recorded.pod(fate)
        return pod_state(pod, events, {name: recorded.node(name) for name in ("node-1", "node-2")})

    return look


@pytest.fixture
def held(recorded: Any) -> dict[str, Any]:
    """A pod with Kueue's gate."""
    pod, _ = recorded.pod("taken_gpus")
    pod["metadata"]["labels"][QUEUE_LABEL] = "stillhouse"
    pod["spec"]["schedulingGates"] = [{"name": "kueue.x-k8s.io/admission"}]
    pod["status"]["conditions"] = [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]
    return pod


@pytest.mark.parametrize(
    ("fate", "kind"),
    [
        ("taken_gpus", "queued"),
        ("absent_volume", "queued"),
        ("starting", "starting"),
        ("pulling", "pulling"),
        ("running", "running"),
        ("done", "done"),
    ],
)
def test_a_pod_without_trouble_is_told_in_one_word(state_of: Callable[[str], State], fate: str, kind: str) -> None:
    assert state_of(fate).kind == kind


def test_a_waiting_pod_tells_why_in_the_schedulers_own_words(state_of: Callable[[str], State]) -> None:
    assert state_of("taken_gpus").why == "0/2 nodes are available: 2 Insufficient nvidia.com/gpu"


def test_a_gpu_request_that_no_node_can_meet_says_so_and_what_to_do(state_of: Callable[[str], State]) -> None:
    state = state_of("impossible_gpus")
    assert state.kind == "queued"
    assert state.why.startswith("no node has 64 nvidia.com/gpu, the largest has 4: ask for less with gpu_count")
    assert state.why.endswith("0/2 nodes are available: 2 Insufficient nvidia.com/gpu")


def test_without_the_right_to_see_nodes_the_schedulers_words_stand_alone(recorded: Any) -> None:
    pod, events = recorded.pod("impossible_gpus")
    assert pod_state(pod, events).why == "0/2 nodes are available: 2 Insufficient nvidia.com/gpu"


@pytest.mark.parametrize(
    ("fate", "part"),
    [
        ("wrong_pull_secret", "401 Unauthorized): the pull secret is missing or wrong"),
        ("absent_pull_secret", "there is no Secret 'absent-pull' to pull 'registry.example:5000/no/such:2' with"),
        ("unreachable_registry", "no route to host); look at its name, the registry and the node's network"),
        ("absent_secret", 'its container cannot be created: secret "absent" not found'),
    ],
)
def test_a_pod_that_will_not_start_by_itself_is_blocked_and_says_why(
    state_of: Callable[[str], State], fate: str, part: str
) -> None:
    state = state_of(fate)
    assert state.kind == "blocked"
    assert part in state.why


def test_the_sentence_stays_the_same_while_the_node_tries_again_and_pauses(state_of: Callable[[str], State]) -> None:
    assert state_of("wrong_pull_secret_first") == state_of("wrong_pull_secret")


@pytest.mark.parametrize(
    ("said", "part"),
    [
        ('failed to resolve reference "a/b:1": a/b:1: not found', "there is no image 'a/b:1' (a/b:1: not found)"),
        ("Container image is not present with pull policy of Never", "is not on the node and must not be pulled"),
        ("authorization failed: no basic auth credentials", "the pull secret is missing or wrong"),
    ],
)
def test_other_runtimes_and_registries_words_are_understood(said: str, part: str) -> None:
    assert part in pull_failure("a/b:1", said)


@pytest.mark.parametrize(
    ("fate", "why"),
    [
        ("out_of_memory", "it needed more memory than its pod has (raise pod_memory)"),
        ("exit_code", "its process ended with exit code 1"),
        ("deadline", "its time was up (--step-limit of a pod, or --run-limit of the whole run)"),
        ("exit_code_seen_after_the_deadline", "its process ended with exit code 1"),
    ],
)
def test_a_failed_pod_tells_what_ended_it(state_of: Callable[[str], State], fate: str, why: str) -> None:
    assert state_of(fate) == State("failed", why)


def test_a_pod_that_the_cluster_ended_tells_the_clusters_reason(recorded: Any) -> None:
    pod, _ = recorded.pod("exit_code")
    pod["status"]["conditions"].append(
        {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "PreemptionByScheduler",
            "message": "for a better one.",
        }
    )
    assert pod_state(pod).why == "its pod was ended by the cluster (PreemptionByScheduler: for a better one)"


def test_a_volume_that_cannot_be_mounted_blocks_a_pod_that_starts(recorded: Any) -> None:
    pod, events = recorded.pod("starting")
    events.append(
        {"type": "Warning", "reason": "FailedMount", "message": 'secret "x" not found', "lastTimestamp": "2026-11-22"}
    )
    assert pod_state(pod, events) == State("blocked", 'it does not start: secret "x" not found')


def test_a_pod_that_kueue_holds_tells_the_queue_and_kueues_own_words(held: dict[str, Any]) -> None:
    condition = {"type": "QuotaReserved", "status": "False", "message": "insufficient unused quota, 1 more needed"}
    state = pod_state(held, workload={"status": {"conditions": [condition]}})
    assert state == State("held", "held by Kueue in the queue 'stillhouse': insufficient unused quota, 1 more needed")


def test_without_the_right_to_see_kueues_objects_the_queue_is_told(held: dict[str, Any]) -> None:
    assert pod_state(held).why == "held by Kueue in the queue 'stillhouse'"


def test_a_pod_on_a_node_that_is_silent_is_lost_though_kubernetes_calls_it_running(recorded: Any) -> None:
    pod, _ = recorded.pod("running")
    state = pod_state(pod, (), {pod["spec"]["nodeName"]: recorded.node(pod["spec"]["nodeName"], ready="Unknown")})
    assert state.kind == "lost"
    assert "has not answered since 21:50:00 UTC" in state.why


def test_a_lost_nodes_pod_that_stays_terminating_comes_with_its_mend(recorded: Any) -> None:
    pod, _ = recorded.pod("running")
    pod["metadata"]["deletionTimestamp"] = "2026-11-22T21:51:00Z"
    name = pod["spec"]["nodeName"]
    state = pod_state(pod, (), {name: recorded.node(name, ready="Unknown")})
    assert state.kind == "lost"
    assert f"kubectl delete node {name}" in state.why
    assert f"kubectl taint node {name} node.kubernetes.io/out-of-service=nodeshutdown:NoExecute" in state.why


def test_a_pod_that_is_deleted_on_a_healthy_node_is_ending(recorded: Any) -> None:
    pod, _ = recorded.pod("running")
    pod["metadata"]["deletionTimestamp"] = "2026-11-22T21:51:00Z"
    assert pod_state(pod, (), {name: recorded.node(name) for name in ("node-1", "node-2")}).kind == "ending"


def test_gpu_seconds_are_accelerators_times_the_time_of_the_steps_own_container(recorded: Any) -> None:
    pod, _ = recorded.pod("running")
    assert gpus(pod) == 1
    assert gpu_seconds(pod, datetime(2026, 11, 22, 21, 43, 44, tzinfo=UTC)) == 60


def test_a_pod_that_waits_costs_no_gpu_seconds(recorded: Any) -> None:
    pod, _ = recorded.pod("taken_gpus")
    assert gpus(pod) == 4
    assert gpu_seconds(pod, datetime(2026, 11, 22, 23, tzinfo=UTC)) == 0
