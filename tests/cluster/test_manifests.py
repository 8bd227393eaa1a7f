"""The overlays as the API server takes them: all but storing them, with every field it does not know refused."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster_runs import Runs
from kubernetes.client import ApiException, ApiextensionsV1Api, CoreV1Api, V1Namespace, V1ObjectMeta
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import ResourceNotFoundError
from kubernetes.utils import create_from_dict
from tests.unit.manifests.overlays import KEYS, MANIFESTS, Objects, build, copy_manifests, make_secrets

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3600)]

NAME = "stillhouse-test-manifests"
RUNTIMES = Path(__file__).parents[1] / "data" / "trainer-2.3.0" / "trainingruntimes.json"
FOREIGN: dict[str, set[str]] = {
    "dev": set(),
    "production": set(),
    "everything": {"ClusterQueue", "InferenceService", "LocalQueue", "ResourceFlavor", "ServiceMonitor"},
}
"""Kinds of programs that a cluster may lack and whose definitions are not in this repository."""

Apply = Callable[[dict[str, Any]], str]


@pytest.fixture(scope="module")
def namespace(runs: Runs) -> Iterator[str]:
    """A namespace as closed as MLflow's, so that Pod Security has its say."""
    core = CoreV1Api(runs.cluster.kubernetes)
    labels = yaml.safe_load((MANIFESTS / "mlflow" / "namespace.yaml").read_text())["metadata"]["labels"]
    made: Any = core.create_namespace(V1Namespace(metadata=V1ObjectMeta(generate_name=f"{NAME}-", labels=labels)))
    yield made.metadata.name
    core.delete_namespace(made.metadata.name)


@pytest.fixture(scope="module")
def runtimes(runs: Runs) -> Iterator[None]:
    """Kubeflow Trainer's definition of a TrainingRuntime, where the Trainer is not installed."""
    api, definition = ApiextensionsV1Api(runs.cluster.kubernetes), json.loads(RUNTIMES.read_text())
    name = definition["metadata"]["name"]
    try:
        api.read_custom_resource_definition(name)
        yield
        return
    except ApiException as error:
        assert error.status == 404
    create_from_dict(runs.cluster.kubernetes, definition)

    def established() -> bool:
        status: Any = api.read_custom_resource_definition(name)
        return any(one.type == "Established" and one.status == "True" for one in status.status.conditions or ())

    runs.until(established, minutes=1)
    yield
    api.delete_custom_resource_definition(name)


@pytest.fixture
def apply(runs: Runs, namespace: str, runtimes: None) -> Apply:
    """Applies an object in the test's namespace without storing it; returns the warnings of the API server."""
    client = DynamicClient(runs.cluster.kubernetes)
    query = {"dryRun": "All", "fieldManager": NAME, "fieldValidation": "Strict", "force": "true"}

    def dry_run(item: dict[str, Any]) -> str:
        resource = client.resources.get(api_version=item["apiVersion"], kind=item["kind"])
        where = namespace if resource.namespaced else None
        if where:
            item = item | {"metadata": item["metadata"] | {"namespace": where}}
        answer: Any = runs.cluster.kubernetes.call_api(
            resource.path(name=item["metadata"]["name"], namespace=where),
            "PATCH",
            query_params=list(query.items()),
            header_params={"Content-Type": "application/apply-patch+yaml", "Accept": "application/json"},
            body=item,
            response_type="object",
            auth_settings=["BearerToken"],
        )
        _, _, headers = answer
        return headers.get("Warning", "")

    return dry_run


@pytest.fixture(params=FOREIGN)
def overlay(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def objects(overlay: str, tmp_path: Path) -> Objects:
    """All that `kubectl apply` would send."""
    manifests = copy_manifests(tmp_path / "manifests")
    assert make_secrets(manifests, KEYS).returncode == 0
    return list(yaml.safe_load_all(build(manifests, overlay)))


def test_the_api_server_takes_every_object_and_warns_of_none(apply: Apply, objects: Objects, overlay: str) -> None:
    unknown, warnings = set(), {}
    for item in objects:
        try:
            warnings[f"{item['kind']}/{item['metadata']['name']}"] = apply(item)
        except ResourceNotFoundError:
            unknown.add(item["kind"])
    assert unknown <= FOREIGN[overlay]
    assert {name: words for name, words in warnings.items() if words} == {}


def test_pod_security_and_the_schema_are_really_asked(apply: Apply, objects: Objects) -> None:
    server = next(item for item in objects if item["kind"] == "Deployment")
    pod = server["spec"]["template"]["spec"]
    pod["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    assert "allowPrivilegeEscalation" in apply(server)
    pod["dnsPolcy"] = "Default"
    with pytest.raises(ApiException, match="dnsPolcy"):
        apply(server)
