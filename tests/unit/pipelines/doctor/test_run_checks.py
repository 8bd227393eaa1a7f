"""`stillhouse doctor` before an installation that answers as told: one fault, one failure, one sentence."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from tests.unit.pipelines import stand_in as told
from tests.unit.pipelines.doctor.visits import OPTIONS, RECIPE, Diagnose, of_level
from tests.unit.pipelines.stand_in import NAMESPACE, StandIn, ended, finding, node, waiting
from typer.testing import CliRunner

from stillhouse.components.probe.finding import failure, ok
from stillhouse.errors import UserError
from stillhouse.pipelines.cli.doctor import app as doctor
from stillhouse.pipelines.cli.submit import app as submit
from stillhouse.pipelines.compiling.options import ClusterOptions
from stillhouse.pipelines.doctor.check import begin_visit
from stillhouse.pipelines.doctor.run_checks import diagnose, refuse_failures, show

FORBIDDEN = 'is forbidden: User "ann" cannot {} resource "{}" in API group "" in the namespace "kubeflow"'


def test_where_all_is_well_each_line_is_ok_and_the_pod_is_gone(installed: StandIn, look: Diagnose) -> None:
    found = look()
    assert {name: one.text for name, one in found.items() if one.level != "ok"} == {}
    assert len(found) == 25
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
    installed.logs["training-image"] = "No module named stillhouse.components.probe.probe"


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
    (a_taint, "nodes", "takes these pods: the taint team=b:NoSchedule is not tolerated; fix the hardware file."),
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
    assert len(done.output.splitlines()) == 25
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
