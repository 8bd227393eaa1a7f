"""What has been installed: KFP, Kubernetes, the namespace, the account and the Secrets that the options name."""

import json
from typing import Any

import yaml
from kubernetes.client import ApiException, AppsV1Api, CustomObjectsApi, VersionApi

from stillhouse.components.kubernetes.api import words_of
from stillhouse.components.probe.finding import Finding, failure, not_checked, ok, warning
from stillhouse.pipelines.cluster.connection import OLDEST, TIMEOUT
from stillhouse.pipelines.cluster.watch.pod_state import KUEUE
from stillhouse.pipelines.doctor.check import NotCheckable, Visit

ARGO_CONFIG = "workflow-controller-configmap"
KFP_SERVER = "ml-pipeline"
"""KFP's API server, where it runs as a Deployment."""
SPEC_PATCH = "COMPILED_PIPELINE_SPEC_PATCH"
LOST_PODS = ("OnError", "Always")
"""Argo's retry policies that make a pod that was lost again."""


def kfp(visit: Visit) -> Finding:
    """Whether KFP answers, and takes the token: its health is told to anybody, its runs are not."""
    if visit.cluster is None:
        return failure(visit.trouble)
    with visit.cluster.speaking():
        visit.cluster.client.list_runs(page_size=1)
    users = f"several users, here in '{visit.namespace}'" if visit.cluster.multi_user else "one team"
    return ok(f"{visit.cluster.host} answers and lists its runs; it serves {users}.")


def kfp_version(visit: Visit) -> Finding:
    """Its version; one that is too old has been refused at the door."""
    needed = ".".join(str(part) for part in OLDEST)
    if visit.cluster is None or not visit.cluster.version:
        return not_checked(f"It does not say which version it is; Stillhouse needs {needed} or later.")
    return ok(f"Kubeflow Pipelines {visit.cluster.version}.")


def kubernetes(visit: Visit) -> Finding:
    """Whether Kubernetes answers."""
    version: Any = VersionApi(visit.kubernetes).get_code(_request_timeout=TIMEOUT)
    return ok(f"{visit.kubernetes.configuration.host} is Kubernetes {version.git_version.removeprefix('v')}.")


def namespace(visit: Visit) -> Finding:
    """Whether it is there."""
    try:
        visit.core.read_namespace(visit.namespace, _request_timeout=TIMEOUT)
    except ApiException as error:
        if error.status != 404:
            raise
        return failure(f"There is no namespace '{visit.namespace}'; correct --namespace.")
    return ok(f"'{visit.namespace}' is there.")


def account(visit: Visit) -> Finding:
    """Whether the account of the pods is there."""
    try:
        visit.core.read_namespaced_service_account(visit.account, visit.namespace, _request_timeout=TIMEOUT)
    except ApiException as error:
        if error.status != 404:
            raise
        return failure(
            f"There is no service account '{visit.account}' in '{visit.namespace}'; correct --service-account, or "
            "apply manifests/runs and give stillhouse-runner."
        )
    return ok(f"Pods run as '{visit.account}'.")


def secrets(visit: Visit) -> Finding:
    """Whether the Secrets are there with their keys; their values are not looked at."""
    wanted = {secret.name: set(secret.keys) for secret in visit.options.secrets()}
    if visit.options.pull_secret:
        wanted.setdefault(visit.options.pull_secret, {".dockerconfigjson"})
    troubles = [trouble for name, keys in wanted.items() if (trouble := _trouble_of(visit, name, keys))]
    if troubles:
        said = "; ".join(troubles)
        mend = f"make it in the namespace '{visit.namespace}', or correct the option."
        return failure(f"{said[0].upper()}{said[1:]}: {mend}")
    return ok(f"{', '.join(wanted)}: there, with the keys." if wanted else "None is asked for.")


def queue(visit: Visit) -> Finding:
    """Whether Kueue has the queue."""
    name = visit.options.queue
    if not name:
        return ok("None is asked for.")
    api, (group, version) = CustomObjectsApi(visit.kubernetes), KUEUE
    try:
        found: Any = api.get_namespaced_custom_object(
            group, version, visit.namespace, "localqueues", name, _request_timeout=TIMEOUT
        )
    except ApiException as error:
        if error.status != 404:
            raise
        if "not found" not in words_of(error) or "localqueues" not in words_of(error):
            return failure("Kueue is not installed here; leave out --queue, or install it and apply its component.")
        return failure(f"There is no LocalQueue '{name}' in '{visit.namespace}'; correct --queue, or make it.")
    waiting = found.get("status", {}).get("pendingWorkloads", 0)
    return ok(f"'{name}' is there; {waiting} workloads wait in it.")


def retries(visit: Visit) -> Finding:
    """What Argo does with a pod that is lost: an installation's matter, which decides whether it is made again."""
    policy, unknown = _retry_policy(visit)
    doubt = f" ({unknown})" if unknown else ""
    if policy in LOST_PODS:
        return ok(
            f"A pod that is lost is made again (Argo's default policy is {policy}), a process that fails is started "
            f"again in its pod by Stillhouse{doubt}."
        )
    return warning(
        "A process that fails is started again in its pod by Stillhouse, but a pod that is deleted or lost with its "
        f"node may end the run: Argo's default policy is {policy or 'not set'}{doubt}; set workflowDefaults.spec."
        f"templateDefaults.retryStrategy to {{limit: 2, retryPolicy: OnError}} in the ConfigMap {ARGO_CONFIG}."
    )


def _trouble_of(visit: Visit, name: str, keys: set[str]) -> str:
    try:
        found: Any = visit.core.read_namespaced_secret(name, visit.namespace, _request_timeout=TIMEOUT)
    except ApiException as error:
        if error.status != 404:
            raise
        return f"there is no Secret '{name}'"
    lacking = sorted(keys - set(found.data or {}))
    return f"the Secret '{name}' lacks {', '.join(lacking)}" if lacking else ""


def _retry_policy(visit: Visit) -> tuple[str, str]:
    """The policy that is merged into every step, and what of it could not be looked at."""
    try:
        config: Any = visit.core.read_namespaced_config_map(ARGO_CONFIG, visit.home, _request_timeout=TIMEOUT)
    except ApiException as error:
        if error.status != 404:
            raise
        raise NotCheckable(f"Argo's settings ({ARGO_CONFIG}) are not in the namespace '{visit.home}'.") from None
    defaults = yaml.safe_load((config.data or {}).get("workflowDefaults", "")) or {}
    patch, unknown = _spec_patch(visit)
    policies = [_policy_of(spec) for spec in (patch, defaults.get("spec") or {})]
    return next((policy for policy in policies if policy), ""), unknown


def _policy_of(spec: dict[str, Any]) -> str:
    strategy = (spec.get("templateDefaults") or {}).get("retryStrategy") or {}
    return strategy.get("retryPolicy", "OnFailure" if strategy else "")


def _spec_patch(visit: Visit) -> tuple[dict[str, Any], str]:
    """What KFP merges into every workflow, out of its own Deployment."""
    try:
        found: Any = AppsV1Api(visit.kubernetes).read_namespaced_deployment(
            KFP_SERVER, visit.home, _request_timeout=TIMEOUT
        )
    except ApiException as error:
        return {}, f"KFP's {SPEC_PATCH} could not be read: {words_of(error)}"
    containers = found.spec.template.spec.containers
    texts = [item.value for one in containers for item in one.env or [] if item.name == SPEC_PATCH and item.value]
    try:
        return json.loads(texts[0]) if texts else {}, ""
    except ValueError:
        return {}, f"KFP's {SPEC_PATCH} is not JSON"
