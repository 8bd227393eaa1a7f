"""The Role of manifests/runs: enough for all steps, and nothing in it that they could do without."""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster_runs import Runs
from kubernetes.client import ApiException, RbacAuthorizationV1Api
from kubernetes.utils import create_from_dict

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3600)]

FOLDER = Path(__file__).parents[2] / "manifests" / "runs"
NAME = "stillhouse-test-rights"
Small = Callable[..., Path]
SetRules = Callable[[list[dict[str, Any]]], None]


def documents(file: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((FOLDER / file).read_text()))


ROLE, BINDING = documents("role.yaml")
RULES: list[dict[str, Any]] = ROLE["rules"]
WORKFLOWS = next(rule for rule in RULES if rule["resources"] == ["workflows"])
PODS = next(rule for rule in RULES if rule["resources"] == ["pods"])
"""Without it a run ends well, and its proof does not say in which image it was made."""


@pytest.fixture(scope="module")
def set_rules(runs: Runs) -> Iterator[SetRules]:
    """Gives an account of the test's own these rules and no others."""
    api, core, namespace = RbacAuthorizationV1Api(runs.cluster.kubernetes), runs.cluster.core, runs.cluster.namespace
    role, binding = copy.deepcopy(ROLE), copy.deepcopy(BINDING)
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME}}
    for made in (role, binding):
        made["metadata"]["name"] = NAME
    binding["roleRef"]["name"] = NAME
    binding["subjects"] = [{"kind": "ServiceAccount", "name": NAME, "namespace": namespace}]

    def remove() -> None:
        for delete in (api.delete_namespaced_role_binding, api.delete_namespaced_role):
            _ignore_missing(lambda delete=delete: delete(NAME, namespace))
        _ignore_missing(lambda: core.delete_namespaced_service_account(NAME, namespace))

    remove()
    for made in (account, role, binding):
        create_from_dict(runs.cluster.kubernetes, made, namespace=namespace)

    def put(rules: list[dict[str, Any]]) -> None:
        api.patch_namespaced_role(NAME, namespace, {"rules": rules})

    yield put
    remove()


def _ignore_missing(act: Callable[[], Any]) -> None:
    try:
        act()
    except ApiException as error:
        assert error.status == 404


def test_all_steps_run_under_the_role(runs: Runs, set_rules: SetRules, small: Small) -> None:
    set_rules(RULES)
    run = runs.submit(small("rights"), "--service-account", NAME)
    assert runs.end(run) == "SUCCEEDED"


@pytest.mark.parametrize("missing", [",".join(rule["resources"]) for rule in RULES if rule not in (WORKFLOWS, PODS)])
def test_without_any_one_of_its_rules_a_run_fails(runs: Runs, set_rules: SetRules, small: Small, missing: str) -> None:
    set_rules([rule for rule in RULES if ",".join(rule["resources"]) != missing])
    run = runs.submit(small("norights"), "--service-account", NAME, "--run-limit", "2m")
    assert runs.end(run) == "FAILED"


def test_without_the_rule_on_workflows_nobody_knows_when_a_run_was_due(
    runs: Runs, set_rules: SetRules, small: Small
) -> None:
    set_rules([rule for rule in RULES if rule != WORKFLOWS])
    run = runs.submit(small("norights"), "--service-account", NAME)
    core, namespace = runs.cluster.core, runs.cluster.namespace

    def complains() -> bool:
        pods: Any = core.list_namespaced_pod(namespace, label_selector=f"pipeline/runid={run}")
        drivers = [pod for pod in pods.items if "driver" in pod.metadata.name and pod.status.phase == "Succeeded"]
        logs: Any = [core.read_namespaced_pod_log(pod.metadata.name, namespace, container="main") for pod in drivers]
        return any("Failed to retrieve workflow metadata" in log for log in logs)

    assert runs.until(complains, 5)
    runs.cluster.client.terminate_run(run)
