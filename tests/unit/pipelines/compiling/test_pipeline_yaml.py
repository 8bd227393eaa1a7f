"""What is compiled, read as a cluster reads it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf.json_format import MessageToDict
from kfp import components

from stillhouse.components.kubernetes.images import TRAINING
from stillhouse.components.prepare.settings import LEARN
from stillhouse.errors import UserError
from stillhouse.pipelines.compiling.options import ClusterOptions
from stillhouse.pipelines.compiling.pipeline_yaml import compile_pipeline
from stillhouse.pipelines.recipes.recipe import load_recipe
from stillhouse.pipelines.retrain import retrain

GPU_STEPS = {"pretrain", "finetune", "distill", "evaluate"}
STEPS = GPU_STEPS | {"inspect", "prepare", "decline", "promote", "conclude"}
OPTIONS = ClusterOptions(
    hardware="gpus-2",
    queue="gold",
    shared_memory="3Gi",
    step_limit="2h",
    run_limit="1d",
    retries=5,
    image_repository="reg.example/team",
    pull_secret="registry",
    store="s3://bucket/stillhouse",
    s3_secret="s3",
    mlflow_uri="https://mlflow.example",
    mlflow_secret="mlflow",
    webhook_secret="chat",
    env=("AWS_ENDPOINT_URL=https://s3.example",),
)


class Compiled:
    """A compiled pipeline and its platform spec."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spec, platform = yaml.safe_load_all(path.read_text())
        self.kubernetes = platform["platforms"]["kubernetes"]
        self.inputs: dict[str, dict[str, Any]] = self.spec["root"]["inputDefinitions"]["parameters"]
        self.body = self.spec["components"]["comp-exit-handler-1"]
        self.branches = {
            task["triggerPolicy"]["condition"]: (task, self.spec["components"][task["componentRef"]["name"]])
            for task in self.body["dag"]["tasks"].values()
            if "condition" in task.get("triggerPolicy", {})
        }
        self.tasks = self.spec["root"]["dag"]["tasks"] | self.body["dag"]["tasks"]
        for _, branch in self.branches.values():
            self.tasks |= branch["dag"]["tasks"]

    def branch(self, sign: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The part of the graph that runs when prepare's answer is (==) or is not (!=) to learn: its task, its body."""
        return self.branches[f"inputs.parameter_values['pipelinechannel--prepare-Output'] {sign} '{LEARN}'"]

    def from_inspect(self, step: str, name: str) -> dict[str, str]:
        """Which output of inspect the parameter of a step behind prepare is."""
        return self.branch_input(step, name)["taskOutputParameter"]

    def branch_input(self, step: str, name: str) -> dict[str, Any]:
        """Where the parameter of a step behind prepare comes from, seen from outside the branch."""
        channel = self.tasks[step]["inputs"]["parameters"][name]["componentInputParameter"]
        return self.branch("==")[0]["inputs"]["parameters"][channel]

    def container(self, step: str) -> dict[str, Any]:
        return self.spec["deploymentSpec"]["executors"][f"exec-{step}"]["container"]

    def pod(self, step: str) -> dict[str, Any]:
        return self.kubernetes["deploymentSpec"]["executors"][f"exec-{step}"]

    def variables(self, step: str) -> dict[str, str]:
        return {variable["name"]: variable["value"] for variable in self.container(step)["env"]}

    def mounts(self, step: str) -> dict[str, dict[str, str]]:
        return {mount["mountPath"]: mount for mount in self.pod(step)["emptyDirMounts"]}


@pytest.fixture(scope="module")
def parameters() -> dict[str, Any]:
    return load_recipe("spam", ["finetune.loop.epochs=7", "seed=11"]).parameters()


@pytest.fixture(scope="module")
def compiled(parameters: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    path = tmp_path_factory.mktemp("compiled") / "new" / "spam.yaml"
    compile_pipeline(parameters, path, OPTIONS)
    return Compiled(path)


def test_kfp_loads_what_was_compiled(compiled: Compiled) -> None:
    loaded = components.load_component_from_file(str(compiled.path))
    assert loaded.name == "stillhouse-retrain"


def test_every_parameter_has_a_description(compiled: Compiled) -> None:
    assert [name for name, found in compiled.inputs.items() if not found.get("description")] == []


def test_the_recipes_values_are_the_defaults(compiled: Compiled, parameters: dict[str, Any]) -> None:
    given = {name: value for name, value in parameters.items() if name != "data_source"}
    assert {name: compiled.inputs[name]["defaultValue"] for name in given} == given


def test_a_path_of_this_machine_is_no_default(compiled: Compiled, parameters: dict[str, Any]) -> None:
    assert parameters["data_source"] not in compiled.path.read_text()


def test_a_source_that_pods_reach_is_a_default(parameters: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "spam.yaml"
    compile_pipeline({**parameters, "data_source": "s3://bucket/mails"}, path, ClusterOptions())
    assert Compiled(path).inputs["data_source"]["defaultValue"] == "s3://bucket/mails"


def test_parameters_with_a_key_are_not_compiled(parameters: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "spam.yaml"
    with pytest.raises(UserError, match="model_base: 'model_base' holds what looks like an AWS access key"):
        compile_pipeline({**parameters, "model_base": "AKIA" + "IOSFODNN7EXAMPLE"}, path, ClusterOptions())
    assert list(tmp_path.iterdir()) == []


def test_the_hardware_is_the_default_of_its_fields(compiled: Compiled) -> None:
    defaults = {name: field["defaultValue"] for name, field in compiled.inputs.items() if "defaultValue" in field}
    hardware = {name: value for name, value in defaults.items() if name.startswith(("gpu_", "pod_"))}
    assert hardware == {
        "gpu_count": "2",
        "gpu_type": "nvidia.com/gpu",
        "pod_cpu": "16",
        "pod_memory": "64Gi",
    }


def test_the_form_stays_short(compiled: Compiled) -> None:
    assert len(compiled.inputs) <= 15


def test_nothing_but_the_file_is_left(compiled: Compiled) -> None:
    assert list(compiled.path.parent.iterdir()) == [compiled.path]


def test_only_the_small_steps_are_never_cached(compiled: Compiled) -> None:
    cached = {name for name, task in compiled.tasks.items() if task.get("cachingOptions", {}).get("enableCache")}
    assert cached - set(compiled.body["dag"]["tasks"]) - STEPS == set()
    assert cached & STEPS == STEPS - {"inspect", "decline", "promote", "conclude"}


def test_without_the_cache_every_step_runs(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    compile_pipeline(load_recipe("spam").parameters(), path, ClusterOptions(), cache=False)
    assert not any(task.get("cachingOptions", {}).get("enableCache") for task in Compiled(path).tasks.values())


def test_all_that_is_cached_hangs_on_what_inspect_says(compiled: Compiled) -> None:
    settings = compiled.tasks["prepare"]["inputs"]["parameters"]["settings"]["taskOutputParameter"]
    assert settings == {"producerTask": "inspect", "outputParameterKey": "prepare"}
    for step in ("pretrain", "finetune", "distill", "evaluate"):
        assert compiled.from_inspect(step, "settings") == {"producerTask": "inspect", "outputParameterKey": step}
    snapshot = compiled.tasks["prepare"]["inputs"]["parameters"]["snapshot"]["taskOutputParameter"]
    assert snapshot == {"producerTask": "inspect", "outputParameterKey": "snapshot"}


def test_evaluate_is_cached_on_the_champions_version(compiled: Compiled) -> None:
    champion = compiled.from_inspect("evaluate", "champion")
    assert champion == {"producerTask": "inspect", "outputParameterKey": "champion"}


def test_when_there_is_something_to_learn_everything_behind_prepare_runs(compiled: Compiled) -> None:
    assert set(compiled.branch("==")[1]["dag"]["tasks"]) == GPU_STEPS | {"promote"}


def test_when_there_is_nothing_to_learn_only_that_is_said(compiled: Compiled) -> None:
    assert set(compiled.branch("!=")[1]["dag"]["tasks"]) == {"decline"}


def test_inspect_is_told_when_the_run_was_due(compiled: Compiled) -> None:
    told = compiled.tasks["inspect"]["inputs"]["parameters"]["scheduled_time"]
    assert told == {"runtimeValue": {"constant": "{{$.pipeline_job_schedule_time_utc}}"}}


def test_on_this_machine_no_placeholder_is_left_for_kfp(compiled: Compiled) -> None:
    """kfp.local 2.17 fails on those it does not know."""
    assert "{{$.pipeline_job" not in json.dumps(MessageToDict(retrain.pipeline_spec))


def test_the_exit_step_runs_whatever_happened(compiled: Compiled) -> None:
    assert compiled.tasks["conclude"]["triggerPolicy"] == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
    assert compiled.tasks["conclude"]["dependentTasks"] == ["exit-handler-1"]


@pytest.mark.parametrize("step", sorted(GPU_STEPS))
def test_a_gpu_step_asks_for_what_the_form_says(compiled: Compiled, step: str) -> None:
    resources = compiled.container(step)["resources"]
    asked = {
        "gpu_type": resources["accelerator"]["resourceType"],
        "pod_cpu": resources["resourceCpuLimit"],
        "pod_memory": resources["resourceMemoryLimit"],
    }
    assert asked == {name: f"{{{{$.inputs.parameters['pipelinechannel--{name}']}}}}" for name in asked}


@pytest.mark.parametrize("step", sorted(GPU_STEPS))
def test_what_a_gpu_step_asks_for_reaches_it_through_exit_handler_and_condition(compiled: Compiled, step: str) -> None:
    """kfp 2.17 leaves parameters that only resources use out of a nested graph; its driver then fails."""
    channels = set(re.findall(r"pipelinechannel--[\w-]+", json.dumps(compiled.container(step))))
    task, branch = compiled.branch("==")
    assert channels <= set(compiled.tasks[step]["inputs"]["parameters"])
    assert channels <= set(branch["inputDefinitions"]["parameters"])
    assert channels <= set(task["inputs"]["parameters"])
    from_the_form = {channel for channel in channels if "inspect" not in channel}
    assert from_the_form <= set(compiled.body["inputDefinitions"]["parameters"])
    assert from_the_form <= set(compiled.tasks["exit-handler-1"]["inputs"]["parameters"])


@pytest.mark.parametrize("step", sorted(GPU_STEPS))
def test_a_gpu_step_knows_how_many_it_asked_for(compiled: Compiled, step: str) -> None:
    (told,) = compiled.tasks[step]["inputs"]["parameters"]["gpu_count"].values()
    asked = compiled.container(step)["resources"]["accelerator"]["resourceCount"]
    assert asked == f"{{{{$.inputs.parameters['{told}']}}}}"


def test_pretrain_asks_for_the_gpus_that_inspect_says_the_others_for_the_forms(compiled: Compiled) -> None:
    """So a form that says `none` takes no GPU."""
    counts = {step: compiled.branch_input(step, "gpu_count") for step in GPU_STEPS}
    assert counts == {
        "pretrain": {"taskOutputParameter": {"producerTask": "inspect", "outputParameterKey": "pretrain_gpu_count"}},
        **{step: {"componentInputParameter": "pipelinechannel--gpu_count"} for step in GPU_STEPS - {"pretrain"}},
    }


def test_a_recipe_without_pretraining_has_no_such_step(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    compile_pipeline(load_recipe("spam", ["pretrain.objective=none"]).parameters(), path, OPTIONS)
    without = Compiled(path)
    assert set(without.branch("==")[1]["dag"]["tasks"]) == GPU_STEPS - {"pretrain"} | {"promote"}
    assert "exec-pretrain" not in without.spec["deploymentSpec"]["executors"]
    assert "backbone" not in without.tasks["finetune"]["inputs"].get("artifacts", {})
    assert without.inputs["train_pretraining"]["defaultValue"] == "none"
    told = without.tasks["inspect"]["inputs"]["parameters"]["pretrains"]
    assert told == {"runtimeValue": {"constant": False}}


@pytest.mark.parametrize("step", sorted(GPU_STEPS))
def test_a_gpu_step_gets_tolerations_shared_memory_and_the_queue(compiled: Compiled, step: str) -> None:
    pod = compiled.pod(step)
    assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert (compiled.mounts(step)["/dev/shm"]["medium"], compiled.mounts(step)["/dev/shm"]["sizeLimit"]) == (
        "Memory",
        "3Gi",
    )
    assert pod["podMetadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "gold"


@pytest.fixture(scope="module")
def on_nodes(parameters: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """The same for several nodes."""
    path = tmp_path_factory.mktemp("nodes") / "spam.yaml"
    compile_pipeline(parameters, path, OPTIONS.model_copy(update={"nodes": 3}))
    return Compiled(path)


@pytest.mark.parametrize("step", sorted(GPU_STEPS - {"evaluate"}))
def test_a_step_on_several_nodes_knows_what_to_ask_for_and_holds_no_gpu_itself(on_nodes: Compiled, step: str) -> None:
    variables = on_nodes.variables(step)
    assert variables["STILLHOUSE_NODES"] == "3"
    asked = json.loads(variables["STILLHOUSE_NODE_HARDWARE"])
    assert (asked["gpu_type"], asked["cpu"], asked["memory"], asked["queue"]) == (
        "nvidia.com/gpu",
        "16",
        "64Gi",
        "gold",
    )
    fields = {each["name"]: each["fieldPath"] for each in on_nodes.pod(step)["fieldPathAsEnv"]}
    assert fields["STILLHOUSE_NAMESPACE"] == "metadata.namespace"
    assert "accelerator" not in on_nodes.container(step)["resources"]
    assert "kueue.x-k8s.io/queue-name" not in on_nodes.pod(step)["podMetadata"]["labels"]
    assert "gpu_count" in on_nodes.tasks[step]["inputs"]["parameters"]


def test_the_step_that_makes_a_time_of_gpu_hours_knows_the_nodes(compiled: Compiled, on_nodes: Compiled) -> None:
    assert "STILLHOUSE_NODES" not in compiled.variables("inspect")
    assert on_nodes.variables("inspect") == compiled.variables("inspect") | {"STILLHOUSE_NODES": "3"}


def test_gpu_hours_without_gpus_are_not_compiled(parameters: dict[str, Any], tmp_path: Path) -> None:
    path, given = tmp_path / "spam.yaml", {**parameters, "train_budget": "2 gpu-hours"}
    with pytest.raises(UserError, match="budget is '2 gpu-hours', and this run asks for no GPUs"):
        compile_pipeline(given, path, ClusterOptions(hardware="cpu"))
    compile_pipeline(given, path, ClusterOptions(hardware="gpu"))
    assert Compiled(path).inputs["train_budget"]["defaultValue"] == "2 gpu-hours"


@pytest.mark.parametrize("step", sorted(STEPS - GPU_STEPS - {"inspect"} | {"evaluate"}))
def test_steps_that_do_not_train_stay_as_they_are_on_several_nodes(
    compiled: Compiled, on_nodes: Compiled, step: str
) -> None:
    assert on_nodes.container(step) == compiled.container(step)
    assert on_nodes.pod(step) == compiled.pod(step)


@pytest.mark.parametrize("step", sorted(STEPS - GPU_STEPS))
def test_a_step_without_gpu_waits_in_no_queue_and_asks_for_no_gpu(compiled: Compiled, step: str) -> None:
    assert "accelerator" not in compiled.container(step)["resources"]
    assert "kueue.x-k8s.io/queue-name" not in compiled.pod(step)["podMetadata"]["labels"]


@pytest.mark.parametrize("step", sorted(STEPS))
def test_every_step_is_supervised(compiled: Compiled, step: str) -> None:
    command = compiled.container(step)["command"]
    assert command[:7] == ["python3", "-P", "-m", "stillhouse.components.runtime.supervisor", step, "--", "sh"]


@pytest.mark.parametrize("step", sorted(STEPS - {"conclude"}))
def test_pods_and_processes_share_one_budget(compiled: Compiled, step: str) -> None:
    assert compiled.tasks[step]["retryPolicy"]["maxRetryCount"] == 5
    assert compiled.variables(step)["STILLHOUSE_RETRIES"] == "5"


@pytest.mark.parametrize("step", sorted(STEPS - {"conclude"}))
def test_every_step_has_its_limit(compiled: Compiled, step: str) -> None:
    assert compiled.pod(step)["activeDeadlineSeconds"] == "7200"


def test_the_exit_step_which_nothing_else_ends_has_a_short_limit_and_one_more_pod(compiled: Compiled) -> None:
    assert compiled.pod("conclude")["activeDeadlineSeconds"] == "900"
    assert compiled.tasks["conclude"]["retryPolicy"]["maxRetryCount"] == 1


def test_the_run_has_its_limit(compiled: Compiled) -> None:
    assert compiled.kubernetes["pipelineConfig"] == {"activeDeadlineSeconds": 86400}


@pytest.mark.parametrize("step", sorted(STEPS))
def test_no_step_runs_as_root_or_writes_outside_its_volumes(compiled: Compiled, step: str) -> None:
    assert compiled.pod(step)["securityContext"] == {"runAsNonRoot": True}
    variables = compiled.variables(step)
    assert variables["HOME"] in compiled.mounts(step)
    assert variables["STILLHOUSE_HOME"].startswith(variables["HOME"])
    assert "/tmp" in compiled.mounts(step)


@pytest.mark.parametrize("step", sorted(STEPS))
def test_every_step_knows_its_run_its_store_and_its_mlflow(compiled: Compiled, step: str) -> None:
    fields = {field["name"]: field["fieldPath"] for field in compiled.pod(step)["fieldPathAsEnv"]}
    assert fields == {"STILLHOUSE_RUN": "metadata.labels['pipeline/runid']", "STILLHOUSE_POD": "metadata.name"}
    variables = compiled.variables(step)
    assert variables["STILLHOUSE_STORE"] == "s3://bucket/stillhouse"
    assert variables["MLFLOW_TRACKING_URI"] == "https://mlflow.example"
    assert variables["MLFLOW_EXPERIMENT_NAME"] == "spam"
    assert variables["AWS_ENDPOINT_URL"] == "https://s3.example"


@pytest.mark.parametrize("step", sorted(STEPS))
def test_secrets_are_named_and_nothing_else(compiled: Compiled, step: str) -> None:
    secrets = {secret["secretName"]: secret for secret in compiled.pod(step)["secretAsEnv"]}
    assert set(secrets) == {"s3", "mlflow", "chat"}
    assert secrets["chat"]["keyToEnv"] == [{"secretKey": "url", "envVar": "STILLHOUSE_WEBHOOK_SECRET"}]
    assert [secret["secretName"] for secret in compiled.pod(step)["imagePullSecret"]] == ["registry"]


@pytest.mark.parametrize("step", sorted(STEPS))
def test_images_come_from_the_repository(compiled: Compiled, step: str) -> None:
    kind = "light" if step in {"inspect", "decline", "promote", "conclude"} else "training"
    assert compiled.container(step)["image"].startswith(f"reg.example/team/python-{kind}:")


def test_the_pipeline_itself_needs_none_of_it(compiled: Compiled) -> None:
    executors = retrain.pipeline_spec.deployment_spec["executors"]
    finetune = executors["exec-finetune"]["container"]
    assert finetune["image"] == TRAINING
    assert "resources" not in finetune
    assert next(iter(finetune["command"])) == "sh"
    assert not retrain.platform_spec.platforms
