import copy
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from stillhouse.components.runtime.attempts import Attempt
from stillhouse.errors import UserError
from stillhouse.pipelines.cluster.watch.argo_workflow import ArgoTask, Node, Workflow
from stillhouse.pipelines.cluster.watch.gpu_price import Price, parse_price
from stillhouse.pipelines.cluster.watch.pod_state import gpus, main_times, parse_time
from stillhouse.pipelines.cluster.watch.snapshot import Snapshot
from stillhouse.pipelines.cluster.watch.step_states import Memory, StepState, past_limit, step_states, why_ended
from stillhouse.pipelines.cluster.watch.watch_table import LineView, Picture, drawn

NOW = datetime(2026, 11, 22, 21, 43, 44, tzinfo=UTC)
BEGAN = NOW - timedelta(seconds=600)


def row_of(step: str, snapshot: Snapshot, memory: Memory | None = None) -> StepState:
    return step_states([step], snapshot, memory or Memory(), {})[0]


def node(number: int, phase: str, message: str = "", gpu_seconds: float = 0.0) -> Node:
    return Node(f"run-{number}", phase, message, BEGAN, NOW, gpu_seconds)


def snapshot(task: ArgoTask | None = None, pods: Any = (), state: str = "RUNNING", **more: Any) -> Snapshot:
    """A look at a run with one step, finetune."""
    limit = more.pop("limit", None)
    workflow = Workflow("Running", "", {"finetune": task} if task else {}, limit)
    return Snapshot(state, workflow, pods, now=NOW, began=BEGAN, ended=NOW, **more)


def seconds_after(pod: dict[str, Any], seconds: float) -> datetime:
    """So long after the pod was made."""
    made = parse_time(pod["metadata"]["creationTimestamp"])
    assert made
    return made + timedelta(seconds=seconds)


def noted(number: int, pod: dict[str, Any], seconds: float, **more: Any) -> Attempt:
    """An attempt that was begun in the pod, so long after it was made."""
    started = seconds_after(pod, seconds).isoformat(timespec="seconds")
    return Attempt(number=number, pod=pod["metadata"]["name"], started=started, **more)


def made_again(pod: dict[str, Any], seconds: float) -> dict[str, Any]:
    """The pod as Argo makes it again so long after the first: the same name, the same node of Argo's."""
    again = copy.deepcopy(pod)
    again["metadata"] |= {
        "uid": pod["metadata"]["uid"] + "-again",
        "creationTimestamp": seconds_after(pod, seconds).isoformat(),
    }
    for container in again["status"]["containerStatuses"]:
        container["state"] = {"running": {"startedAt": seconds_after(pod, seconds + 1).isoformat()}}
    return again


@pytest.fixture
def pod_of(recorded: Any) -> Callable[..., dict[str, Any]]:
    """A recorded pod as one of finetune's."""

    def make(fate: str, number: int = 0) -> dict[str, Any]:
        pod, _ = recorded.pod(fate)
        annotations = pod["metadata"]["annotations"]
        annotations["workflows.argoproj.io/node-name"] = f"run.root.finetune.executor({number})"
        annotations["workflows.argoproj.io/node-id"] = f"run-{number}"
        pod["metadata"]["uid"] += str(number)
        return pod

    return make


def test_a_step_that_has_not_begun_waits() -> None:
    assert row_of("finetune", snapshot()).state == "waiting"


def test_a_step_that_kfp_prepares_says_so() -> None:
    assert row_of("finetune", snapshot(ArgoTask(driver=node(9, "Running")))).state == "preparing"


def test_a_driver_that_cannot_start_says_why() -> None:
    driver = node(9, "Pending", "Unschedulable: 0/2 nodes are available: 2 Insufficient cpu.")
    row = row_of("finetune", snapshot(ArgoTask(driver=driver)))
    assert (row.state, row.why) == ("queued", "KFP's driver: 0/2 nodes are available: 2 Insufficient cpu")


def test_a_step_whose_outcome_was_there_is_cached() -> None:
    assert row_of("finetune", snapshot(ArgoTask("Succeeded", executors=(node(0, "Skipped"),)))).state == "cached"


def test_what_comes_after_a_failure_is_skipped() -> None:
    assert row_of("finetune", snapshot(ArgoTask("Omitted"), state="FAILED")).state == "skipped"


def test_what_the_end_of_the_run_came_before_is_skipped() -> None:
    assert row_of("finetune", snapshot(state="FAILED")).state == "skipped"


def test_the_pod_counts_where_argo_lags_behind(pod_of: Callable[..., dict[str, Any]]) -> None:
    row = row_of("finetune", snapshot(ArgoTask("Running", executors=(node(0, "Pending"),)), [pod_of("running")]))
    assert row.state == "running"


def test_a_pod_that_argo_does_not_know_yet_counts(pod_of: Callable[..., dict[str, Any]]) -> None:
    task = ArgoTask("Running", executors=(node(0, "Failed", "pod deleted"),))
    row = row_of("finetune", snapshot(task, [pod_of("running", 1)]))
    assert (row.state, row.attempts) == ("running", 2)
    assert row.why == "attempt 2; the one before: pod deleted"


def test_between_two_pods_a_step_is_being_retried(pod_of: Callable[..., dict[str, Any]]) -> None:
    row = row_of("finetune", snapshot(ArgoTask("Running", executors=(node(0, "Failed"),)), [pod_of("out_of_memory")]))
    assert (row.state, row.why) == ("retrying", "it needed more memory than its pod has (raise pod_memory)")


def test_a_process_that_was_started_again_in_its_pod_tells_why(pod_of: Callable[..., dict[str, Any]]) -> None:
    pod = pod_of("running")
    attempts = [noted(1, pod, 2, outcome="signal", detail="SIGKILL"), noted(2, pod, 9)]
    row = row_of("finetune", snapshot(ArgoTask("Running"), [pod], attempts={"finetune": attempts}))
    assert (row.state, row.attempts) == ("running", 2)
    assert row.why == "attempt 2; the one before: its process was ended by SIGKILL"


def test_a_pod_that_argo_made_again_under_the_same_name_is_another_attempt_from_its_first_moment(
    pod_of: Callable[..., dict[str, Any]],
) -> None:
    first, memory, task = pod_of("running"), Memory(), ArgoTask("Running", executors=(node(0, "Running"),))
    notes = {"finetune": [noted(1, first, 15)]}
    row_of("finetune", snapshot(task, [first], attempts=notes), memory)
    second = made_again(first, 40)
    row = row_of("finetune", snapshot(task, [second], attempts=notes), memory)
    assert (row.attempts, row.started) == (2, main_times(first)[0])
    assert row.why == "attempt 2; the one before: " + notes["finetune"][0].sentence
    notes["finetune"].append(noted(2, second, 2))
    assert row_of("finetune", snapshot(task, [second], attempts=notes), memory).attempts == 2


def test_who_begins_to_watch_after_a_pod_was_deleted_learns_of_its_time_from_its_note(
    pod_of: Callable[..., dict[str, Any]],
) -> None:
    first, task = pod_of("running"), ArgoTask("Running", executors=(node(0, "Running"),))
    second = made_again(first, 40)
    notes = {"finetune": [noted(1, first, 15)]}
    assert row_of("finetune", snapshot(task, [second], attempts=notes)).attempts == 2
    notes["finetune"].append(noted(2, second, 2))
    row = row_of("finetune", snapshot(task, [second], attempts=notes))
    assert (row.attempts, row.started) == (2, seconds_after(first, 15))
    alone = row_of("finetune", snapshot(task, [second])).gpu_seconds
    assert row.gpu_seconds == alone + 27 * gpus(second)


def test_a_pod_that_never_noted_anything_counts_beside_those_that_did(pod_of: Callable[..., dict[str, Any]]) -> None:
    mute, speaking = pod_of("absent_pull_secret"), pod_of("running", 1)
    speaking["metadata"]["name"] += "1"
    notes = {"finetune": [noted(1, speaking, 2)]}
    task = ArgoTask("Running", executors=(node(0, "Failed", "pod deleted"), node(1, "Running")))
    assert row_of("finetune", snapshot(task, [mute, speaking], attempts=notes)).attempts == 2
    assert row_of("finetune", snapshot(task, [speaking], attempts=notes)).attempts == 2


def test_a_users_mistake_is_the_sentence_of_the_step_not_an_exit_code(pod_of: Callable[..., dict[str, Any]]) -> None:
    mistake = Attempt(number=1, started="2026-11-22T21:42:00+00:00", outcome="user_error", detail="No column 'x'.")
    seen = snapshot(ArgoTask("Failed"), [pod_of("exit_code")], state="FAILED", attempts={"finetune": [mistake]})
    row = row_of("finetune", seen)
    assert (row.state, row.why) == ("failed", "No column 'x'.")
    assert why_ended([row], seen, Memory()) == "finetune: No column 'x'."


def test_the_pods_of_a_step_add_up_and_one_that_is_gone_still_counts(pod_of: Callable[..., dict[str, Any]]) -> None:
    memory, task = Memory(), ArgoTask("Running", executors=(node(0, "Failed", gpu_seconds=7), node(1, "Running")))
    row_of("finetune", snapshot(task, [pod_of("running")]), memory)
    assert row_of("finetune", snapshot(task, [pod_of("running", 1)]), memory).gpu_seconds == 120


def test_of_a_pod_that_nobody_saw_argos_reckoning_counts() -> None:
    task = ArgoTask("Succeeded", executors=(node(0, "Failed", gpu_seconds=7), node(1, "Succeeded", gpu_seconds=30)))
    assert row_of("finetune", snapshot(task)).gpu_seconds == 37


def test_a_wait_that_the_runs_limit_ended_keeps_its_reason(
    recorded: Any, pod_of: Callable[..., dict[str, Any]]
) -> None:
    memory, nodes = Memory(), {"node-1": recorded.node("node-1")}
    row_of("finetune", snapshot(ArgoTask("Running"), [pod_of("impossible_gpus")], nodes=nodes), memory)
    gone = node(0, "Pending", "Unschedulable: 0/1 nodes are available: 1 Insufficient nvidia.com/gpu.")
    row_of("finetune", snapshot(ArgoTask("Running", executors=(gone,))), memory)
    ended = snapshot(
        ArgoTask("Failed", executors=(node(0, "Failed", "Step exceeded its deadline"),)), state="FAILED", limit=600
    )
    row = row_of("finetune", ended, memory)
    assert row.state == "failed"
    assert "until then it was queued: no node has 64 nvidia.com/gpu" in row.why
    why = why_ended([row], ended, memory)
    assert why.startswith("the whole run took longer than its --run-limit of 600 s, which ended finetune (queued: no")


def test_a_run_that_its_limit_does_not_end_says_what_goes_on(pod_of: Callable[..., dict[str, Any]]) -> None:
    assert "only the exit step goes on" in past_limit(snapshot(limit=539))
    waiting = past_limit(snapshot(limit=539, pods=[pod_of("impossible_gpus")]))
    assert "; finetune goes on waiting until Argo looks at the run again, 20 minutes" in waiting
    assert (
        past_limit(snapshot(limit=541))
        == past_limit(snapshot(limit=539, state="FAILED"))
        == past_limit(snapshot())
        == ""
    )


def test_a_cancelled_run_which_kfp_calls_failed_is_told_as_cancelled() -> None:
    ended = snapshot(
        ArgoTask("Failed", executors=(node(0, "Failed", "Step exceeded its deadline"),)), state="FAILED", limit=0
    )
    assert why_ended([row_of("finetune", ended)], ended, Memory()) == "it was cancelled"


def picture(*rows: StepState) -> Picture:
    return Picture(rows, NOW, ["nodes are not seen: no right to."])


def test_the_table_fits_a_hundred_columns_with_a_price() -> None:
    rows = [
        StepState(f"step-{state}", state, "why " * 60, 4, BEGAN, None, 360_000, "f1_macro 0.9712, loss 0.123")
        for state in ("held", "running", "failed")
    ]
    console = Console(record=True, width=100, file=io.StringIO())
    console.print(drawn(picture(*rows), Price(2.5, "EUR")))
    lines = console.export_text().splitlines()
    assert max(len(line) for line in lines) <= 100
    running = next(line for line in lines if line.startswith("step-running"))
    assert running.split() == ["step-running", "running", "4", "10:00", "100.000", "250.00", "EUR", "f1_macro", "0.9712,", "loss", "0.123"]  # fmt: skip # noqa: E501


def test_without_a_terminal_each_change_is_one_line_and_nothing_is_said_twice() -> None:
    console = Console(record=True, width=80, file=io.StringIO())
    view = LineView(console)
    for state in ("waiting", "queued", "queued", "running", "running", "done"):
        view.show(picture(StepState("finetune", state, "no GPU" if state == "queued" else "", started=BEGAN)))
    assert console.export_text().splitlines() == [
        "nodes are not seen: no right to.",
        "finetune: queued, no GPU",
        "finetune: running",
        "finetune: done, 10:00",
    ]


@pytest.mark.parametrize(("text", "price"), [("2.50 EUR", Price(2.5, "EUR")), ("3", Price(3.0)), ("", None)])
def test_a_price_is_a_number_with_a_unit_or_without(text: str, price: Price | None) -> None:
    assert parse_price(text) == price


def test_what_is_no_price_is_refused() -> None:
    with pytest.raises(UserError, match="must be a number"):
        parse_price("cheap")
