import json
from typing import Any

import pytest

from stillhouse.components.runtime.steps import STEPS
from stillhouse.pipelines.cluster.watch.argo_workflow import Node, read_workflow, step_names, step_of, variables_of
from stillhouse.pipelines.cluster.watch.pod_state import State
from stillhouse.pipelines.compiling.options import ClusterOptions
from stillhouse.pipelines.compiling.pipeline_yaml import compile_pipeline


def pending(message: str) -> State:
    return Node("run-1", "Pending", message, None, None, 0.0).state


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The compiled pipeline of this repository."""
    import yaml

    path = tmp_path_factory.mktemp("compiled") / "pipeline.yaml"
    parameters = {"data_source": "s3://data/reviews", "model_name": "reviews"}
    compile_pipeline(parameters, path, ClusterOptions(store="s3://bucket/team"))
    return next(iter(yaml.safe_load_all(path.read_text())))


def test_the_steps_come_in_the_order_in_which_they_run_without_the_groups_around_them(spec: dict[str, Any]) -> None:
    found = step_names(spec)
    assert [step for step in found if step in STEPS] == list(STEPS)
    assert found[-1] == "conclude"
    assert set(found) == {*STEPS, "decline", "conclude"}


def test_the_addresses_that_a_run_is_told_stand_in_its_compiled_pipeline(spec: dict[str, Any]) -> None:
    assert variables_of(spec)["STILLHOUSE_STORE"] == "s3://bucket/team"


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("run.root.exit-handler-1.finetune.executor", ("finetune", True)),
        ("run.root.exit-handler-1.finetune.executor(2)", ("finetune", True)),
        ("run.root.exit-handler-1.finetune-driver", ("finetune", False)),
        ("run.root.exit-handler-1.onExit.conclude.executor(0)", ("conclude", True)),
        ("run(0).root(0).exit-handler-1(0).finetune(1).executor(0)", ("finetune", True)),
        ("run(0).root(0).exit-handler-1(0).finetune-driver(0)", ("finetune", False)),
        ("run.root", None),
    ],
)
def test_a_nodes_name_tells_the_step_and_whether_the_pod_is_its_own(name: str, step: tuple[str, bool] | None) -> None:
    assert step_of(name) == step


def test_a_retried_step_has_a_node_for_each_pod_in_their_order(recorded: Any) -> None:
    task = read_workflow(recorded.workflow("retried")).tasks["train"]
    assert [node.phase for node in task.executors] == ["Failed", "Succeeded"]
    assert [node.gpu_seconds for node in task.executors] == [1.0, 1.0]


def test_where_the_installation_repeats_each_part_a_steps_pods_come_in_their_order() -> None:
    def node(kind: str, phase: str, *path: str) -> dict[str, str]:
        name = ".".join(path)
        return {"id": name, "type": kind, "phase": phase, "name": name, "displayName": path[-1]}

    around = ("run(0)", "root(0)")
    nodes = [
        node("Retry", "Running", *around, "finetune"),
        node("Pod", "Running", *around, "finetune(1)", "executor(0)"),
        node("Pod", "Failed", *around, "finetune(0)", "executor(1)"),
        node("Pod", "Error", *around, "finetune(0)", "executor(0)"),
        node("Pod", "Succeeded", *around, "finetune-driver(0)"),
    ]
    task = read_workflow(json.dumps({"status": {"nodes": {each["id"]: each for each in nodes}}})).tasks["finetune"]
    assert (task.phase, [each.phase for each in task.executors]) == ("Running", ["Error", "Failed", "Running"])
    assert task.driver is not None


def test_a_step_that_kfps_cache_answered_is_told_from_one_that_ran(recorded: Any) -> None:
    tasks = read_workflow(recorded.workflow("cached")).tasks
    assert tasks["sleep"].cached
    assert not tasks["sleep-2"].cached


def test_before_argo_has_a_document_nothing_is_known() -> None:
    assert read_workflow("").tasks == {}


def test_without_the_right_to_see_pods_argos_words_say_why_one_waits() -> None:
    assert pending("Unschedulable: 0/2 nodes are available: 2 Insufficient nvidia.com/gpu.") == State(
        "queued", "0/2 nodes are available: 2 Insufficient nvidia.com/gpu"
    )
    blocked = pending('ImagePullBackOff: Back-off pulling image "a/b:1": ErrImagePull: 401 Unauthorized')
    assert blocked.kind == "blocked"
    assert "the registry refuses 'a/b:1'" in blocked.why
    assert "the pull secret is missing or wrong" in blocked.why
