"""The overlays as kustomize builds them: valid, closed and complete."""

import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from tests.unit.manifests.overlays import MANIFESTS, Objects, build, containers, pods

KUBERNETES = "1.34"
CUSTOM: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("custom_resources.yaml").read_text())
MADE_BY_THE_USER: dict[str, set[str]] = {
    "dev": set(),
    "production": {"mlflow-auth", "mlflow-database"},
    "everything": {"mlflow-auth", "mlflow-database", "mlflow-metrics"},
}
"""Secrets that each overlay asks for and docs/images.md lists."""


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    """The same schema, where an object takes the listed fields only unless it says otherwise."""
    closed = {key: _closed(value) if isinstance(value, dict) else value for key, value in schema.items()}
    return {"additionalProperties": False, **closed} if "properties" in schema else closed


def _strings(value: Any, key: str) -> list[str]:
    """Every string under `key`, wherever it stands."""
    if isinstance(value, list):
        return [found for item in value for found in _strings(item, key)]
    if not isinstance(value, dict):
        return []
    own = [value[key]] if isinstance(value.get(key), str) else []
    return own + [found for item in value.values() for found in _strings(item, key)]


def _references(value: Any, keys: tuple[str, ...], name: str) -> set[str]:
    """Names that objects under `keys` refer to, but for those marked as optional."""
    if isinstance(value, list):
        return {found for item in value for found in _references(item, keys, name)}
    if not isinstance(value, dict):
        return set()
    found = {found for item in value.values() for found in _references(item, keys, name)}
    for key in keys:
        if isinstance(value.get(key), dict) and name in value[key] and not value[key].get("optional"):
            found.add(value[key][name])
    return found


def test_every_object_fits_its_schema(objects: Objects) -> None:
    for item in objects:
        if schema := CUSTOM.get(f"{item['apiVersion']}/{item['kind']}"):
            jsonschema.validate(item.get("spec", {}), _closed(schema))
        else:
            kubernetes_validate.validate(item, KUBERNETES, strict=True)


def test_every_pod_template_inside_a_custom_resource_fits_the_schema_of_a_pod(objects: Objects) -> None:
    for _, metadata, spec in pods(objects):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod", **metadata}, "spec": spec}
        kubernetes_validate.validate(pod, KUBERNETES, strict=True)


def test_a_field_that_does_not_exist_is_found() -> None:
    queue = {"clusterQueue": "stillhouse", "clusterQeue": "typo"}
    with pytest.raises(jsonschema.ValidationError, match="clusterQeue"):
        jsonschema.validate(queue, _closed(CUSTOM["kueue.x-k8s.io/v1beta2/LocalQueue"]))


def test_production_applies_on_a_cluster_without_any_operator(built: dict[str, Path]) -> None:
    objects = list(yaml.safe_load_all(built["production"].read_text()))
    groups = {item["apiVersion"].partition("/")[0] for item in objects}
    assert groups == {"v1", "apps", "batch", "policy", "networking.k8s.io", "rbac.authorization.k8s.io"}


def test_what_wants_an_operator_is_behind_a_sign_in_production(built: dict[str, Path]) -> None:
    objects = list(yaml.safe_load_all(built["everything"].read_text()))
    kinds = {item["kind"] for item in objects if f"{item['apiVersion']}/{item['kind']}" in CUSTOM}
    assert kinds == {
        *("ClusterQueue", "LocalQueue", "ResourceFlavor"),
        *("InferenceService", "ServiceMonitor", "TrainingRuntime"),
    }


def test_no_object_comes_twice(objects: Objects) -> None:
    names = Counter((item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]) for item in objects)
    assert [name for name, times in names.items() if times > 1] == []


def test_everything_lies_in_the_namespace_of_runs_or_of_mlflow(objects: Objects) -> None:
    wide = {"Namespace", "ClusterQueue", "ResourceFlavor"}
    found = {item["metadata"].get("namespace") for item in objects if item["kind"] not in wide}
    assert found == {"kubeflow", "stillhouse-mlflow"}


def test_pods_keep_to_pod_security_restricted_and_cannot_write_to_their_root(objects: Objects) -> None:
    for name, _, pod in pods(objects):
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod), name
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert all({"emptyDir", "secret", "configMap", "projected"} & set(volume) for volume in pod["volumes"]), name
        for container in containers(pod):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, f"{name}, {container['name']}"


def test_mlflows_namespace_enforces_pod_security_restricted(objects: Objects) -> None:
    labels = next(item["metadata"]["labels"] for item in objects if item["kind"] == "Namespace")
    modes = ("enforce", "audit", "warn")
    assert {labels[f"pod-security.kubernetes.io/{mode}"] for mode in modes} == {"restricted"}


def test_pods_have_no_token_no_service_variables_and_limits(objects: Objects) -> None:
    for name, _, pod in pods(objects):
        assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (False, False), name
        assert all("sizeLimit" in volume["emptyDir"] for volume in pod["volumes"] if "emptyDir" in volume), name
        for container in containers(pod):
            assert {"memory", "ephemeral-storage"} <= set(container["resources"]["limits"]), name
            assert {"cpu", "memory", "ephemeral-storage"} <= set(container["resources"]["requests"]), name


def test_network_policies_in_the_namespace_of_runs_select_stillhouses_pods_only(objects: Objects) -> None:
    ours = {tuple(sorted(metadata["labels"].items())) for _, metadata, _ in pods(objects)}
    for item in objects:
        if item["kind"] == "NetworkPolicy" and item["metadata"]["namespace"] == "kubeflow":
            selector = item["spec"]["podSelector"]["matchLabels"]
            assert selector, item["metadata"]["name"]
            assert any(set(selector.items()) <= set(labels) for labels in ours), item["metadata"]["name"]


def test_mlflows_namespace_denies_what_is_not_listed(objects: Objects) -> None:
    denied = next(item for item in objects if item["metadata"]["name"] == "default-deny")
    assert denied["metadata"]["namespace"] == "stillhouse-mlflow"
    assert denied["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_no_role_reaches_beyond_its_namespace_or_says_everything(objects: Objects) -> None:
    kinds = {item["kind"] for item in objects}
    assert not kinds & {"ClusterRole", "ClusterRoleBinding"}
    rules = [rule for item in objects if item["kind"] == "Role" for rule in item["rules"]]
    assert not [rule for rule in rules if "*" in [*rule["verbs"], *rule["resources"], *rule["apiGroups"]]]
    named = [rule for rule in rules if {"secrets", "configmaps"} & set(rule["resources"])]
    assert named
    assert all(rule["resourceNames"] for rule in named)


def test_whatever_is_referred_to_is_there_or_is_the_users_to_make(objects: Objects, overlay: str) -> None:
    there = {kind: {item["metadata"]["name"] for item in objects if item["kind"] == kind} for kind in _kinds(objects)}
    secrets = _references(objects, ("secretRef", "secretKeyRef", "username", "password"), "name")
    secrets |= _references(objects, ("secret",), "secretName")
    maps = _references(objects, ("configMapRef", "configMapKeyRef", "configMap"), "name")
    assert secrets - there.get("Secret", set()) == MADE_BY_THE_USER[overlay]
    assert maps - there["ConfigMap"] == {"kube-root-ca.crt"}  # which Kubernetes puts into each namespace
    assert set(_strings(objects, "serviceAccountName")) - there["ServiceAccount"] == set()


def _kinds(objects: Objects) -> set[str]:
    return {item["kind"] for item in objects}


def test_no_file_holds_a_secret() -> None:
    listed = subprocess.run(["git", "ls-files", "."], cwd=MANIFESTS, capture_output=True, text=True, check=True)
    files = [MANIFESTS / name for name in listed.stdout.split()]
    assert files
    assert [file.name for file in files if "kind: Secret" in file.read_text() or "secrets" in file.parts] == []


def test_a_disruption_leaves_a_server_and_the_old_ones_stay_until_the_new_are_ready(objects: Objects) -> None:
    budget = next(item for item in objects if item["kind"] == "PodDisruptionBudget")
    server = next(item for item in objects if item["kind"] == "Deployment")
    assert budget["spec"]["selector"] == server["spec"]["selector"]
    assert budget["spec"]["maxUnavailable"] == 1
    assert server["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(
        server["spec"]["template"]["spec"]["containers"][0]
    )


def test_a_check_that_starts_a_process_has_more_than_a_second(objects: Objects, overlay: str) -> None:
    probes = [
        container[probe]
        for _, _, pod in pods(objects)
        for container in containers(pod)
        for probe in ("startupProbe", "readinessProbe", "livenessProbe")
        if "exec" in container.get(probe, {})
    ]
    assert len(probes) == {"dev": 3, "production": 0, "everything": 0}[overlay]
    assert all(probe["timeoutSeconds"] >= 10 for probe in probes)


def test_dev_writes_to_the_only_bucket_of_kfps_object_store(built: dict[str, Path]) -> None:
    objects = list(yaml.safe_load_all(built["dev"].read_text()))
    written = _strings(objects, "MLFLOW_ARTIFACTS_DESTINATION") + _strings(objects, "STILLHOUSE_STORE")
    assert written == ["s3://mlpipeline/mlflow", "s3://mlpipeline/stillhouse"]


def test_the_documented_registry_and_its_secret_reach_every_pod(manifests: Path) -> None:
    text = (MANIFESTS.parent / "docs" / "images.md").read_text()
    example = text.split("### A registry of your own")[1].split("```yaml\n")[1].split("```")[0]
    folder = manifests / "overlays" / "installation"
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(example.replace("../production", "../everything"))
    objects: Objects = list(yaml.safe_load_all(build(manifests, folder.name)))
    images = {container["image"] for _, _, pod in pods(objects) for container in containers(pod)}
    accounts = [item for item in objects if item["kind"] == "ServiceAccount"]
    assert {image.partition("@sha256:")[0] for image in images} == {
        f"registry.example/team/{name}" for name in ("mlflow", "python-light", "python-training")
    }
    assert [item["imagePullSecrets"] for item in accounts] == [[{"name": "registry"}]] * 5
