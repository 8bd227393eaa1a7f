"""Rights: of whoever submits and watches, at KFP and at Kubernetes, and of the account of the pods."""

from dataclasses import dataclass
from typing import Any

from kubernetes.client import AuthorizationV1Api

from stillhouse.components.probe.finding import Finding, failure, ok, warning
from stillhouse.pipelines.cluster.connection import TIMEOUT
from stillhouse.pipelines.doctor.check import Visit


@dataclass(frozen=True)
class Right:
    """What may be done with what."""

    verb: str
    resource: str
    group: str = ""
    subresource: str = ""
    name: str = ""
    everywhere: bool = False
    """In the whole cluster, not in the namespace of the runs."""

    def __str__(self) -> str:
        """As people and roles write it: get pods/log."""
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        below = f"/{self.subresource}" if self.subresource else ""
        return f"{self.verb} {resource}{below}{f' {self.name}' if self.name else ''}"

    def asked(self, namespace: str) -> dict[str, Any]:
        """As a review asks for it."""
        named = {"group": self.group, "resource": self.resource, "subresource": self.subresource, "name": self.name}
        return {"verb": self.verb, "namespace": "" if self.everywhere else namespace, **named}


KFP_GROUP = "pipelines.kubeflow.org"
AT_KFP = (
    *(Right(verb, "experiments", KFP_GROUP) for verb in ("create", "get")),
    *(Right(verb, "runs", KFP_GROUP) for verb in ("create", "get", "list", "terminate")),
    *(Right(verb, "jobs", KFP_GROUP) for verb in ("create", "get", "list")),
)
"""KFP's own resources, by which a KFP for several users decides; `jobs` are recurring runs."""
HERE = (
    *(Right(verb, "pods") for verb in ("get", "list", "create", "delete")),
    Right("get", "pods", subresource="log"),
    Right("list", "events"),
    Right("list", "nodes", everywhere=True),
)
"""What `watch`, `logs` and this command ask Kubernetes for."""
OF_PODS = (
    Right("get", "configmaps", name="kfp-launcher"),
    Right("create", "workflowtaskresults", "argoproj.io"),
    Right("patch", "workflowtaskresults", "argoproj.io"),
)
"""What KFP's driver and launcher and Argo's executor need in each pod (manifests/runs/role.yaml)."""


def rights_at_kfp(visit: Visit) -> Finding:
    """Whether KFP's own resources are open to this account, where KFP serves several users."""
    if visit.cluster is None or not visit.cluster.multi_user:
        return ok("KFP serves one team and asks for no rights of its own.")
    if missing := _missing(visit, AT_KFP):
        return failure(_sentence("The kubeconfig's account", missing, visit, "submit and schedule need that; ask for"))
    return ok(f"Runs, experiments and recurring runs are open in '{visit.namespace}'.")


def rights_here(visit: Visit) -> Finding:
    """Whether this account may see the pods, their logs and events, and the nodes."""
    if missing := _missing(visit, HERE):
        mend = "watch, logs and this command need that; ask for"
        return warning(_sentence("The kubeconfig's account", missing, visit, mend))
    return ok("Pods, their logs and events, and nodes may be looked at from here.")


def rights_of_pods(visit: Visit) -> Finding:
    """Whether the account of the pods may do what KFP's programs do in them."""
    if missing := _missing(visit, OF_PODS, visit.account):
        mend = "steps fail without; apply manifests/runs and give --service-account stillhouse-runner, or grant"
        return failure(_sentence(f"The account '{visit.account}'", missing, visit, mend))
    return ok(f"The account '{visit.account}' may do what KFP's programs in the pods do.")


def _missing(visit: Visit, rights: tuple[Right, ...], account: str = "") -> list[Right]:
    """Those that are not granted: to whoever asks, or to an account of the namespace."""
    api: Any = AuthorizationV1Api(visit.kubernetes)
    named = ["system:serviceaccounts", f"system:serviceaccounts:{visit.namespace}", "system:authenticated"]
    who = {"user": f"system:serviceaccount:{visit.namespace}:{account}", "groups": named} if account else {}
    ask = api.create_subject_access_review if account else api.create_self_subject_access_review
    return [
        right
        for right in rights
        if not ask(
            {"spec": {"resourceAttributes": right.asked(visit.namespace), **who}}, _request_timeout=TIMEOUT
        ).status.allowed
    ]


def _sentence(who: str, missing: list[Right], visit: Visit, mend: str) -> str:
    listed = ", ".join(str(right) for right in missing)
    return f"{who} may not in the namespace '{visit.namespace}': {listed}; {mend} it."
