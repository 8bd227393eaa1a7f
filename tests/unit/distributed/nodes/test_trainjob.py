"""The TrainJob that a step makes is one that Kubeflow Trainer takes."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from stillhouse.components.distributed.nodes.trainjob import condition, make_trainjob, name_of
from stillhouse.pipelines.compiling.hardware import gpus

from .conftest import POD

ROOT = Path(__file__).parents[4]
RUN = "0b1f7c8e-aaaa-bbbb-cccc-1234567890ab"
COMMAND = ["python3", "-m", "stillhouse.components.distributed.nodes", "finetune"]


def schema(plural: str) -> dict[str, Any]:
    """Of the definition, closed: a field that it lacks is refused, as by an API server that is asked to be strict."""
    definition = json.loads((ROOT / f"tests/data/trainer-2.3.0/{plural}.json").read_text())
    return _closed(definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"])


def _closed(value: Any) -> Any:
    if isinstance(value, list):
        return [_closed(each) for each in value]
    if not isinstance(value, dict):
        return value
    closed = {key: _closed(each) for key, each in value.items()}
    if value.get("x-kubernetes-int-or-string"):
        return {**closed, "type": ["integer", "string"]}
    fields = isinstance(value.get("properties"), dict) and value.get("type") == "object"
    return {"additionalProperties": False, **closed} if fields else closed


def made(gpu_count: int = 8, queue: str = "") -> dict[str, Any]:
    hardware = gpus(8).model_dump(mode="json", exclude_none=True) | {"queue": queue}
    return make_trainjob(name_of(RUN, "finetune"), RUN, POD, 2, gpu_count, hardware, COMMAND)


@pytest.mark.parametrize("gpu_count", [0, 1, 8])
def test_it_fits_the_definition(gpu_count: int) -> None:
    jsonschema.validate(made(gpu_count)["spec"], schema("trainjobs"))


def test_a_field_that_does_not_exist_is_found() -> None:
    job = made()
    job["spec"]["trainer"]["numNode"] = 2
    with pytest.raises(jsonschema.ValidationError, match="numNode"):
        jsonschema.validate(job["spec"], schema("trainjobs"))


def test_the_runtime_fits_its_definition_and_is_the_one_that_is_referred_to() -> None:
    runtime = yaml.safe_load((ROOT / "manifests/components/trainer/runtime.yaml").read_text())
    jsonschema.validate(runtime["spec"], schema("trainingruntimes"))
    assert made()["spec"]["runtimeRef"] == {
        "apiGroup": runtime["apiVersion"].partition("/")[0],
        "kind": runtime["kind"],
        "name": runtime["metadata"]["name"],
    }
    (patch,) = made()["spec"]["runtimePatches"]
    (job,) = patch["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"]
    assert job["name"] in [each["name"] for each in runtime["spec"]["template"]["spec"]["replicatedJobs"]]


def test_its_name_is_the_same_for_each_attempt_and_leaves_room_for_those_of_its_pods() -> None:
    assert name_of(RUN, "finetune") == name_of(RUN, "finetune")
    assert len({name_of(RUN, "finetune"), name_of(RUN, "distill"), name_of("Other_run.1", "finetune")}) == 3
    for name in (name_of(RUN, "pretrain"), name_of("Other_run.1", "pretrain")):
        assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name)
        assert len(f"{name}-node-0-63-abcde") <= 63


def test_it_goes_with_the_pod_of_its_step() -> None:
    (owner,) = made()["metadata"]["ownerReferences"]
    assert owner == {"apiVersion": "v1", "kind": "Pod", "name": "pod-1", "uid": "uid-of-pod-1"}


def test_image_variables_and_references_to_secrets_are_the_pods_and_what_is_the_pods_alone_is_not() -> None:
    trainer = made()["spec"]["trainer"]
    assert trainer["image"] == "registry.example/python-training@sha256:1"
    assert {each["name"]: each.get("value") or each["valueFrom"] for each in trainer["env"]} == {
        "STILLHOUSE_STORE": "s3://bucket/x",
        "AWS_SECRET_ACCESS_KEY": {"secretKeyRef": {"name": "s3", "key": "secret"}},
        "HOME": "/home/stillhouse",
        "STILLHOUSE_HOME": "/home/stillhouse/runs",
        "STILLHOUSE_RUN": RUN,
    }


def test_each_node_has_the_hardware_and_a_process_for_each_accelerator() -> None:
    trainer = made()["spec"]["trainer"]
    assert (trainer["numNodes"], trainer["numProcPerNode"]) == (2, 8)
    assert trainer["resourcesPerNode"]["limits"] == {"cpu": "64", "memory": "256Gi", "nvidia.com/gpu": "8"}
    (patch,) = made()["spec"]["runtimePatches"]
    pod = patch["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]
    assert pod == {
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "imagePullSecrets": [{"name": "registry"}],
    }


def test_it_waits_in_kueues_queue() -> None:
    assert made(queue="team")["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team"
    assert "kueue.x-k8s.io/queue-name" not in made()["metadata"]["labels"]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], ""),
        ([("Suspended", "True")], ""),
        ([("Failed", "False")], ""),
        ([("Suspended", "False"), ("Failed", "True")], "Failed"),
        ([("Complete", "True")], "Complete"),
    ],
)
def test_how_it_ended(conditions: list[tuple[str, str]], expected: str) -> None:
    written = [{"type": kind, "status": status, "message": "why"} for kind, status in conditions]
    assert condition({"status": {"conditions": written}}) == (expected, "why" if expected else "")
