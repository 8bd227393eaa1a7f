"""The Role of manifests/runs: enough for all steps, and nothing in it that they could do without."""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster_runs import Runs
from kubernetes.client import RbacAuthorizationV1Api
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
    yield lambda rules: api.patch_namespaced_role(NAME, namespace, {"rules": rules}) and None
    remove()


def _ignore_missing(act: Callable[[], Any]) -> None:
    from kubernetes.client import ApiException

    try:
        act()
    except ApiException as error:
        assert error.status == 404


def test_all_steps_run_under_the_role(runs: Runs, set_rules: SetRules, small: Small) -> None:
    set_rules(RULES)
    run = runs.submit(small("rights"), "--service-account", NAME)
    assert runs.end(run) == "SUCCEEDED"


@pytest.mark.parametrize("missing", range(len(RULES)), ids=lambda index: ",".join(RULES[index]["resources"]))
def test_without_any_one_of_its_rules_a_run_fails(runs: Runs, set_rules: SetRules, small: Small, missing: int) -> None:
    set_rules(RULES[:missing] + RULES[missing + 1 :])
    run = runs.submit(small("norights"), "--service-account", NAME, "--run-limit", "5m")
    assert runs.end(run) == "FAILED"
