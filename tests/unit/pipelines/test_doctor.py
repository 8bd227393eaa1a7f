"""`stillhouse doctor` before an installation that answers as told: one fault, one failure, one sentence."""

import json
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console
from tests.unit.pipelines import stand_in as told
from tests.unit.pipelines.stand_in import NAMESPACE, StandIn, ended, finding, node, waiting
from typer.testing import CliRunner

from stillhouse.components.findings import Finding, failure, ok
from stillhouse.errors import UserError
from stillhouse.pipelines.compiling import compile_pipeline
from stillhouse.pipelines.doctor import probing
from stillhouse.pipelines.doctor.doctor import diagnose, refuse_failures, show
from stillhouse.pipelines.doctor.pod import container, pod, step_resources
from stillhouse.pipelines.doctor.visit import begin_visit
from stillhouse.pipelines.doctor_command import app as doctor
from stillhouse.pipelines.options import ClusterOptions
from stillhouse.pipelines.recipe import Recipe
from stillhouse.pipelines.submit_command import app as submit

OPTIONS: dict[str, Any] = {"hardware": "gpu", "s3_secret": "s3", "store": "s3://models", "mlflow_uri": "http://mlflow"}
RECIPE = Recipe.model_validate({"name": "spam", "data": {"source": "s3://data/spam.csv"}})
FORBIDDEN = 'is forbidden: User "ann" cannot {} resource "{}" in API group "" in the namespace "kubeflow"'

Diagnose = Callable[..., dict[str, Finding]]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[StandIn]:
    """An installation where all is well, and the kubeconfig that leads to it."""
    started = StandIn()
    kubeconfig = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "ann"}}],
        "clusters": [{"name": "here", "cluster": {"server": started.url}}],
        "users": [{"name": "ann", "user": {"token": "a-token-of-ann"}}],
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "kubeconfig"))
    monkeypatch.setattr("kubernetes.config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "kubeconfig"))
    monkeypatch.setattr("kfp.Client._LOCAL_KFP_CONTEXT", str(tmp_path / "no-context"))
    for name in ("ENDPOINT", "NAMESPACE", "TOKEN", "SA_TOKEN_PATH"):
        monkeypatch.delenv(f"KF_PIPELINES_{name}", raising=False)
    monkeypatch.delenv("STILLHOUSE_OPTIONS", raising=False)
    monkeypatch.setattr(probing, "POLL_SECONDS", 0.01)
    yield started
    started.stop()


@pytest.fixture
def look(installed: StandIn) -> Diagnose:
    """All findings by their check, with some options replaced."""

    def diagnosed(recipe: Recipe = RECIPE, namespace: str = "", **options: Any) -> dict[str, Finding]:
        visit = begin_visit(recipe, ClusterOptions(**OPTIONS | options), installed.url, namespace, "")
        return {finding.check: finding for finding in diagnose(visit)}

    return diagnosed


def of_level(findings: dict[str, Finding], level: str) -> list[str]:
    """The checks with that result."""
    return [name for name, found in findings.items() if found.level == level]


def test_where_all_is_well_each_line_is_ok_and_the_pod_is_gone(installed: StandIn, look: Diagnose) -> None:
    found = look()
    assert {name: one.text for name, one in found.items() if one.level != "ok"} == {}
    assert len(found) == 24
    (made,) = installed.made
    assert f"DELETE {NAMESPACE}/pods/{made['metadata']['name']}" in installed.asked


def no_namespace(installed: StandIn) -> None:
    installed.refuse(NAMESPACE, 404, 'namespaces "kubeflow" not found')


def no_secret(installed: StandIn) -> None:
    del installed.answers[f"{NAMESPACE}/secrets/s3"]


def a_secret_with_another_key(installed: StandIn) -> None:
    installed.answers[f"{NAMESPACE}/secrets/s3"] = (200, {"data": {"AWS_ACCESS_KEY_ID": "", "key": ""}})


def no_account(installed: StandIn) -> None:
    del installed.answers[f"{NAMESPACE}/serviceaccounts/pipeline-runner"]


def an_account_without_rights(installed: StandIn) -> None:
    installed.denied = {"patch workflowtaskresults"}


def an_expired_token(installed: StandIn) -> None:
    installed.answers[told.RUNS] = (401, {"code": 16, "message": "token has expired"})


def small_nodes(installed: StandIn) -> None:
    installed.answers["/api/v1/nodes"] = (200, {"items": [node(cpu="2")]})


def no_gpu(installed: StandIn) -> None:
    installed.answers["/api/v1/nodes"] = (200, {"items": [node(**{"nvidia.com/gpu": "0", "amd.com/gpu": "8"})]})


def a_taint(installed: StandIn) -> None:
    tainted = node() | {"spec": {"taints": [{"key": "team", "value": "b", "effect": "NoSchedule"}]}}
    installed.answers["/api/v1/nodes"] = (200, {"items": [tainted]})


def a_small_quota(installed: StandIn) -> None:
    give_quota(installed, hard={"requests.nvidia.com/gpu": "0"})


def a_policy(installed: StandIn) -> None:
    installed.refuse(f"{NAMESPACE}/pods", 403, 'pods "x" is forbidden: violates PodSecurity "restricted:latest"')


def a_wrong_image(installed: StandIn) -> None:
    installed.states["light-image"] = waiting("ErrImagePull", "failed to resolve reference: not found")


def an_image_of_something_else(installed: StandIn) -> None:
    installed.states["training-image"] = ended(1)
    installed.logs["training-image"] = "No module named stillhouse.components.probe"


def a_missing_bucket(installed: StandIn) -> None:
    lines = [finding(name) for name in told.LIGHT if name != "store"]
    broken = finding("store", "failure", "'s3://models': the bucket does not exist; make it or correct the URL.")
    installed.logs["light-image"] = "\n".join([broken, *lines])


FAULTS: list[tuple[Callable[[StandIn], None], str, str]] = [
    (no_namespace, "namespace", "There is no namespace 'kubeflow'; correct --namespace."),
    (no_secret, "Secrets", "There is no Secret 's3': make it in the namespace 'kubeflow', or correct the option."),
    (a_secret_with_another_key, "Secrets", "The Secret 's3' lacks AWS_SECRET_ACCESS_KEY: make it"),
    (no_account, "account", "There is no service account 'pipeline-runner' in 'kubeflow'; correct --service-account"),
    (an_account_without_rights, "pods' rights", "may not in the namespace 'kubeflow': patch workflowtaskresults.argop"),
    (an_expired_token, "KFP", "does not accept the token (token has expired)"),
    (small_nodes, "nodes", "No node offers 1 nvidia.com/gpu with 8 CPUs and 32 GiB; the largest offers 1 nvidia.com/g"),
    (no_gpu, "nodes", "none has nvidia.com/gpu; devices here: amd.com/gpu"),
    (a_taint, "nodes", "takes these pods: the taint team=b:NoSchedule is not tolerated; mend the hardware file."),
    (a_small_quota, "quota", "'team' allows 0 requests.nvidia.com/gpu, a pod asks for 1: ask for less"),
    (a_policy, "admission", 'Kubernetes would refuse the light steps\' pods: pods "x" is forbidden: violates PodSec'),
    (a_wrong_image, "light image", "cannot be pulled: failed to resolve reference: not found; correct the image"),
    (an_image_of_something_else, "training image", "does not run Stillhouse's probe (No module named stillhouse."),
    (a_missing_bucket, "store", "the bucket does not exist; make it or correct the URL."),
]


@pytest.mark.parametrize(("break_it", "check", "sentence"), FAULTS, ids=[fault[0].__name__ for fault in FAULTS])
def test_one_fault_is_one_failure_that_says_so(
    installed: StandIn,
    look: Diagnose,
    break_it: Callable[[StandIn], None],
    check: str,
    sentence: str,
) -> None:
    break_it(installed)
    found = look()
    assert of_level(found, "failure") == [check]
    assert sentence in found[check].text


def test_a_kfp_that_does_not_answer_hides_nothing_of_kubernetes(installed: StandIn) -> None:
    visit = begin_visit(RECIPE, ClusterOptions(**OPTIONS), "http://127.0.0.1:1", "", "")
    found = {finding.check: finding for finding in diagnose(visit)}
    assert of_level(found, "failure") == ["KFP"]
    assert "Nothing answers at http://127.0.0.1:1" in found["KFP"].text
    assert found["store"].level == "ok"
    assert found["rights at KFP"].text == "It builds on 'KFP'."


def test_without_a_kubeconfig_what_it_opens_is_not_checked(look: Diagnose, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setattr("kubernetes.config.KUBE_CONFIG_DEFAULT_LOCATION", "/nowhere")
    found = look()
    assert of_level(found, "failure") == []
    assert "set KUBECONFIG" in found["Kubernetes"].text
    assert found["Secrets"].text == "It builds on 'Kubernetes'."


@pytest.mark.parametrize(
    ("path", "check", "right"),
    [
        (f"{NAMESPACE}/secrets/s3", "Secrets", 'cannot get resource "secrets"'),
        ("/api/v1/nodes", "nodes", 'cannot list resource "nodes"'),
        (f"{NAMESPACE}/resourcequotas", "quota", 'cannot list resource "resourcequotas"'),
        (told.REVIEW, "pods' rights", 'cannot create resource "subjectaccessreviews"'),
        (f"{NAMESPACE}/pods", "admission", 'cannot create resource "pods"'),
    ],
)
def test_what_a_right_is_missing_for_is_not_checked_and_names_it(
    installed: StandIn, look: Diagnose, path: str, check: str, right: str
) -> None:
    _, verb, _, resource = right.replace('"', "").split()
    installed.refuse(path, 403, FORBIDDEN.format(verb, resource))
    found = look()
    assert of_level(found, "failure") == []
    assert found[check].level == "not checked"
    assert right in found[check].text


def test_rights_that_watch_and_logs_need_are_a_warning(installed: StandIn, look: Diagnose) -> None:
    installed.denied = {"get pods/log", "list nodes"}
    found = look()["rights here"]
    assert found.level == "warning"
    assert "get pods/log, list nodes; watch, logs" in found.text


def test_a_kfp_for_several_users_is_asked_for_its_own_resources(installed: StandIn, look: Diagnose) -> None:
    installed.answers[told.HEALTH] = (200, {"tag_name": "2.17.0", "multi_user": True})
    installed.answers[f"{NAMESPACE}/serviceaccounts/default-editor"] = (200, {})
    installed.denied = {"create runs"}
    found = look(namespace="kubeflow")
    assert found["rights at KFP"].level == "failure"
    assert "create runs.pipelines.kubeflow.org; submit and schedule need that" in found["rights at KFP"].text
    assert found["account"].text == "Pods run as 'default-editor'."


def give_quota(installed: StandIn, **amounts: dict[str, str]) -> None:
    quota = {"metadata": {"name": "team"}, "spec": {}, "status": amounts}
    installed.answers[f"{NAMESPACE}/resourcequotas"] = (200, {"items": [quota]})


def test_a_quota_that_is_used_up_lets_pods_wait(installed: StandIn, look: Diagnose) -> None:
    give_quota(installed, hard={"limits.memory": "40Gi"}, used={"limits.memory": "16Gi"})
    found = look()["quota"]
    assert (found.level, found.text) == (
        "warning",
        "The quota 'team' allows 40Gi limits.memory, of which 16Gi is used: pods wait until it is free.",
    )


def test_where_nodes_come_when_they_are_needed_none_yet_is_a_warning(installed: StandIn, look: Diagnose) -> None:
    small_nodes(installed)
    installed.answers["/api/v1/namespaces/kube-system/configmaps/cluster-autoscaler-status"] = (200, {})
    found = look()["nodes"]
    assert (found.level, found.text.endswith("An autoscaler is at work here, which may add one that does.")) == (
        "warning",
        True,
    )


def test_a_queue_that_kueue_does_not_know(installed: StandIn, look: Diagnose) -> None:
    queue = "/apis/kueue.x-k8s.io/v1beta2/namespaces/kubeflow/localqueues/team"
    installed.refuse(queue, 404, 'localqueues.kueue.x-k8s.io "team" not found')
    assert (
        look(queue="team")["queue"].text == "There is no LocalQueue 'team' in 'kubeflow'; correct --queue, or make it."
    )
    installed.answers[queue] = (404, "404 page not found")
    assert look(queue="team")["queue"].text.startswith("Kueue is not installed here")
    installed.answers[queue] = (200, {"status": {"pendingWorkloads": 3}})
    assert look(queue="team")["queue"].text == "'team' is there; 3 workloads wait in it."


PATCH = '{"templateDefaults": {"retryStrategy": {"limit": "0", "retryPolicy": "Always"}}}'


@pytest.mark.parametrize(
    ("defaults", "patch", "level"),
    [
        (told.RETRIES, None, "ok"),
        ("", None, "warning"),
        ("spec: {templateDefaults: {retryStrategy: {limit: 2}}}", None, "warning"),
        ("", PATCH, "ok"),
    ],
    ids=["KFP's own manifests", "none", "no policy", "KFP's patch"],
)
def test_a_lost_pod_is_made_again_where_the_installation_says_so(
    installed: StandIn, look: Diagnose, defaults: str, patch: str | None, level: str
) -> None:
    installed.answers[told.ARGO_CONFIG] = (200, {"data": {"workflowDefaults": defaults}})
    if patch:
        env = [{"name": "COMPILED_PIPELINE_SPEC_PATCH", "value": patch}]
        spec = {"selector": {}, "template": {"spec": {"containers": [{"name": "api", "env": env}]}}}
        installed.answers["/apis/apps/v1/namespaces/kubeflow/deployments/ml-pipeline"] = (200, {"spec": spec})
    assert look()["retries"].level == level


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
    installed.logs["training-image"] = finding("rows", "failure")
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


def test_submit_begins_with_the_quick_part_and_says_all_of_its_failures(installed: StandIn) -> None:
    no_secret(installed)
    small_nodes(installed)
    visit = begin_visit(RECIPE, ClusterOptions(**OPTIONS), installed.url, "", "")
    with pytest.raises(UserError, match=r"There is no Secret 's3'.* No node offers 1 nvidia"):
        refuse_failures(visit)
    assert installed.made == []


def test_submit_starts_nothing_then(installed: StandIn, tmp_path: Path) -> None:
    no_namespace(installed)
    arguments = ["spam", "--endpoint", installed.url, "--store", "s3://models"]
    ended_with = CliRunner().invoke(submit, arguments)
    assert str(ended_with.exception) == "There is no namespace 'kubeflow'; correct --namespace."
    assert f"POST {told.RUNS}" not in installed.asked


@pytest.mark.parametrize(("hardware", "code"), [("cpu", 0), ("gpus-8", 1)], ids=["well", "a failure"])
def test_the_command_prints_a_line_for_each_check_and_tells_by_its_exit_code(
    installed: StandIn, hardware: str, code: int
) -> None:
    recipe = ["spam", "--set", "data.source=s3://data/spam.csv"]
    done = CliRunner().invoke(doctor, [*recipe, "--endpoint", installed.url, "--hardware", hardware])
    assert done.exit_code == code, done.output
    assert len(done.output.splitlines()) == 24
    assert done.output.splitlines()[1] == f"ok           Kubernetes      {installed.url} is Kubernetes 1.34.4."


def test_on_a_terminal_it_is_a_table_of_at_most_100_columns() -> None:
    screen = StringIO()
    console = Console(file=screen, force_terminal=True, width=160, color_system=None)
    digest = f"team/image@sha256:{'0123456789abcdef' * 8}"
    findings = [ok("word " * 60).of("store"), ok(digest).of("image"), failure("[bold]x").of("MLflow")]
    assert show(findings, console) == 1
    lines = screen.getvalue().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 100
    assert digest in "".join(screen.getvalue().split())
    assert "[bold]x" in lines[-1]


def test_what_the_pod_is_told_holds_no_secret(installed: StandIn, look: Diagnose) -> None:
    look()
    command = installed.made[0]["spec"]["containers"][0]["command"]
    assert command[:4] == ["python3", "-P", "-m", "stillhouse.components.probe"]
    assert json.loads(command[4])["secrets"] == ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
