"""The doctor's probe: a pod that ends whatever happens, and what is made of its words."""

import json
from pathlib import Path

import pytest
import yaml
from tests.unit.pipelines import stand_in as told
from tests.unit.pipelines.doctor.visits import OPTIONS, RECIPE, Diagnose, of_level
from tests.unit.pipelines.stand_in import NAMESPACE, StandIn, finding, waiting

from stillhouse.pipelines.compiling.options import ClusterOptions
from stillhouse.pipelines.compiling.pipeline_yaml import compile_pipeline
from stillhouse.pipelines.doctor import probe_pod as probing
from stillhouse.pipelines.doctor.pod_like_a_step import container, pod, step_resources


def test_an_image_that_is_long_in_coming_is_a_warning(
    installed: StandIn, look: Diagnose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "LIMIT_SECONDS", 0)
    installed.states["training-image"] = waiting("ContainerCreating", "")
    found = look()
    assert (found["training image"].level, found["rows"].level, found["store"].level) == (
        "warning",
        "not checked",
        "ok",
    )


def test_a_full_cluster_is_told_in_the_schedulers_words(
    installed: StandIn, look: Diagnose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "SCHEDULE_SECONDS", -1)
    installed.states = {}
    installed.scheduled |= {"status": "False", "message": "0/2 nodes are available: 2 Insufficient cpu."}
    found = look()
    assert found["probe pod"].level == "not checked"
    assert "0/2 nodes are available: 2 Insufficient cpu." in found["probe pod"].text
    assert "store" not in found


def test_the_rows_of_a_source_that_is_not_there_are_not_checked(installed: StandIn, look: Diagnose) -> None:
    lines = [finding(name) for name in told.LIGHT if name != "source"]
    installed.logs["light-image"] = "\n".join([*lines, finding("source", "failure")])
    installed.logs["training-image"] = "\n".join(finding(name, "failure") for name in ("rows", "chosen base"))
    assert of_level(look(), "failure") == ["source"]


def test_a_probe_that_hangs_has_told_what_it_found_before(
    installed: StandIn, look: Diagnose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "LIMIT_SECONDS", 0)
    installed.states["light-image"] = {"running": {}}
    installed.logs["light-image"] = finding("credentials")
    found = look()
    assert of_level(found, "failure") == ["light image"]
    assert (found["credentials"].level, found["store"].level) == ("ok", "not checked")


def test_the_pod_goes_on_ctrl_c(installed: StandIn, look: Diagnose, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    installed.states = {}
    monkeypatch.setattr(probing.time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        look()
    assert f"DELETE {NAMESPACE}/pods/{installed.made[0]['metadata']['name']}" in installed.asked


def test_the_pod_of_a_doctor_who_was_killed_goes_with_the_next_visit(installed: StandIn, look: Diagnose) -> None:
    installed.ended_pods = ["stillhouse-doctor-1234"]
    assert of_level(look(), "failure") == []
    assert f"DELETE {NAMESPACE}/pods/stillhouse-doctor-1234" in installed.asked


def test_a_kubernetes_that_goes_away_meanwhile_is_told(
    installed: StandIn, look: Diagnose, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed.states = {}
    monkeypatch.setattr(probing.time, "sleep", lambda _: installed.stop())
    found = look()
    assert found["probe pod"].text.startswith("Kubernetes no longer answers (")
    assert found["memory"].level == "ok"


def test_a_local_source_needs_a_store_to_be_copied_to(installed: StandIn, look: Diagnose, tmp_path: Path) -> None:
    recipe = RECIPE.model_copy(update={"data": RECIPE.data.model_copy(update={"source": str(tmp_path)})})
    found = look(recipe)["source"]
    assert (found.level, found.text) == ("ok", f"'{tmp_path}' lies on this machine; submit copies it to s3://models.")
    assert look(recipe, store="")["source"].level == "failure"
    assert "source" not in installed.made[0]["spec"]["containers"][0]["command"][5:]


def test_the_pod_is_like_those_of_the_steps(tmp_path: Path) -> None:
    options = ClusterOptions(**OPTIONS, pull_secret="registry", env=("AWS_REGION=eu",))
    compile_pipeline(RECIPE.parameters(), tmp_path / "spam.yaml", options)
    pipeline, platform = yaml.safe_load_all((tmp_path / "spam.yaml").read_text())
    step = pipeline["deploymentSpec"]["executors"]["exec-inspect"]["container"]
    extra = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-inspect"]

    made = pod(options, "spam", "runner", [container("main", step["image"], ["true"], step_resources(None))])

    (main,), spec = made["spec"]["containers"], made["spec"]
    plain = {one["name"]: one["value"] for one in main["env"] if "value" in one}
    assert plain == {one["name"]: one["value"] for one in step["env"]}
    secret = {one["name"] for one in main["env"] if "secretKeyRef" in one.get("valueFrom", {})}
    assert secret == {key["envVar"] for ref in extra["secretAsEnv"] for key in ref["keyToEnv"]}
    fields = {one["name"] for one in main["env"] if "fieldRef" in one.get("valueFrom", {})}
    assert fields == {one["name"] for one in extra["fieldPathAsEnv"]}
    assert {one["mountPath"] for one in main["volumeMounts"]} == {one["mountPath"] for one in extra["emptyDirMounts"]}
    assert [one["name"] for one in spec["imagePullSecrets"]] == [one["secretName"] for one in extra["imagePullSecret"]]
    assert made["metadata"]["labels"].keys() >= extra["podMetadata"]["labels"].keys()
    assert main["securityContext"]["runAsNonRoot"] == extra["securityContext"]["runAsNonRoot"]


def test_what_the_pod_is_told_holds_no_secret(installed: StandIn, look: Diagnose) -> None:
    look()
    command = installed.made[0]["spec"]["containers"][0]["command"]
    assert command[:4] == ["python3", "-P", "-m", "stillhouse.components.probe.probe"]
    assert json.loads(command[4])["secrets"] == ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
