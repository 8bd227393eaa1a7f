"""The form by which a person decides on a cluster: what it asks, and what its pod is given."""

from pathlib import Path

import pytest
import yaml

from stillhouse.errors import UserError
from stillhouse.pipelines.compiling.options import ClusterOptions
from stillhouse.pipelines.compiling.pipeline_yaml import compile_approval


def test_it_asks_who_decides_what_and_its_pod_finds_the_store_and_the_webhook(tmp_path: Path) -> None:
    options = ClusterOptions(
        image_repository="reg.example/team",
        store="s3://bucket/stillhouse",
        webhook_secret="chat:url=STILLHOUSE_WEBHOOK_SECRET,key=STILLHOUSE_WEBHOOK_SIGNING_SECRET",
    )

    compile_approval("spam", tmp_path / "approval.yaml", options)

    spec, platform = yaml.safe_load_all((tmp_path / "approval.yaml").read_text())
    asked = spec["root"]["inputDefinitions"]["parameters"]
    assert {name: field.get("defaultValue") for name, field in asked.items()} == {
        "model_name": "spam",
        "by": None,
        "decision": "approve",
        "run": "",
        "note": "",
    }
    assert all(field["description"] for field in asked.values())
    container = spec["deploymentSpec"]["executors"]["exec-decide"]["container"]
    variables = {variable["name"]: variable["value"] for variable in container["env"]}
    assert (variables["STILLHOUSE_STORE"], variables["MLFLOW_EXPERIMENT_NAME"]) == ("s3://bucket/stillhouse", "spam")
    assert container["image"].startswith("reg.example/team/python-light:")
    (secret,) = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-decide"]["secretAsEnv"]
    assert {key["envVar"] for key in secret["keyToEnv"]} == {
        "STILLHOUSE_WEBHOOK_SECRET",
        "STILLHOUSE_WEBHOOK_SIGNING_SECRET",
    }


def test_without_a_store_nothing_could_wait(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="A candidate waits in the store"):
        compile_approval("spam", tmp_path / "approval.yaml", ClusterOptions())
    assert list(tmp_path.iterdir()) == []
