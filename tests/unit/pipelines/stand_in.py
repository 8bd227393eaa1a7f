"""An installation that answers as told: KFP's and Kubernetes' APIs on one port of loopback."""

import json
from typing import Any

from loopback import Loopback

NAMESPACE = "/api/v1/namespaces/kubeflow"
RUNS = "/apis/v2beta1/runs"
HEALTH = "/apis/v2beta1/healthz"
SELF_REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
REVIEW = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
ARGO_CONFIG = f"{NAMESPACE}/configmaps/workflow-controller-configmap"
LIGHT = ("credentials", "store", "MLflow", "source", "base models", "promotions")
RETRIES = "spec: {templateDefaults: {retryStrategy: {limit: 2, retryPolicy: OnError}}}"


def finding(check: str, level: str = "ok", text: str = "Well.") -> str:
    """A line that the probe writes."""
    return json.dumps({"check": check, "level": level, "text": text})


def node(name: str = "node-1", **allocatable: str) -> dict[str, Any]:
    """A node with a GPU, or with what is said."""
    offered = {"cpu": "16", "memory": "64Gi", "nvidia.com/gpu": "1"} | allocatable
    return {"metadata": {"name": name, "labels": {}}, "spec": {}, "status": {"allocatable": offered}}


def ended(code: int = 0) -> dict[str, Any]:
    """The state of a container that has ended."""
    return {"terminated": {"exitCode": code, "reason": "Completed"}}


def waiting(reason: str, message: str) -> dict[str, Any]:
    """The state of a container that the kubelet cannot start."""
    return {"waiting": {"reason": reason, "message": message}}


class StandIn(Loopback):
    """Each path answers with a status and a body; all is well until a test says otherwise."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        """Method and path of each request."""
        self.made: list[dict[str, Any]] = []
        """The pods that were created."""
        self.denied: set[str] = set()
        """Rights that reviews deny, as 'list nodes'."""
        self.ended_pods: list[str] = []
        """Of doctors before."""
        self.states = {"light-image": ended(), "training-image": ended()}
        self.scheduled = {"type": "PodScheduled", "status": "True"}
        self.logs = {
            "light-image": "\n".join(finding(name) for name in LIGHT),
            "training-image": "\n".join(finding(check) for check in ("rows", "chosen base")),
        }
        self.answers: dict[str, tuple[int, Any]] = {
            HEALTH: (200, {"tag_name": "2.17.0", "multi_user": False}),
            RUNS: (200, {}),
            "/version/": (200, {"gitVersion": "v1.34.4", "major": "1", "minor": "34"} | _VERSION),
            "/apis/": (200, {"kind": "APIGroupList", "groups": []}),
            NAMESPACE: (200, {"metadata": {"name": "kubeflow"}}),
            f"{NAMESPACE}/serviceaccounts/pipeline-runner": (200, {"metadata": {"name": "pipeline-runner"}}),
            f"{NAMESPACE}/secrets/s3": (200, {"data": {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}}),
            f"{NAMESPACE}/resourcequotas": (200, {"items": []}),
            "/api/v1/nodes": (200, {"items": [node()]}),
            ARGO_CONFIG: (200, {"data": {"workflowDefaults": RETRIES}}),
        }
        super().__init__(lambda asked: self.answer(asked.method, asked.path, asked.query, asked.json))

    def refuse(self, path: str, status: int, message: str) -> None:
        """Answer as Kubernetes does when it refuses."""
        self.answers[path] = (status, {"kind": "Status", "message": message, "code": status})

    def answer(self, method: str, path: str, query: str, body: Any) -> tuple[int, Any]:
        """What the real ones say."""
        self.asked.append(f"{method} {path}")
        if path in self.answers:
            return self.answers[path]
        if path in (SELF_REVIEW, REVIEW):
            return 201, {"spec": body["spec"], "status": {"allowed": _right(body) not in self.denied}}
        if method == "GET" and path == f"{NAMESPACE}/pods":
            return 200, {"items": [{"metadata": {"name": name}} for name in self.ended_pods]}
        if method == "POST" and path == f"{NAMESPACE}/pods":
            if "dryRun" not in query:
                self.made.append(body)
            return 201, body
        if path.startswith(f"{NAMESPACE}/pods/"):
            return self._pod(path, query)
        return 404, {"kind": "Status", "message": f"{path.rpartition('/')[2]} not found", "code": 404}

    def _pod(self, path: str, query: str) -> tuple[int, Any]:
        if path.endswith("/log"):
            return 200, next(log for name, log in self.logs.items() if f"container={name}" in query)
        statuses = [{"name": name, "state": state} | _STATUS for name, state in self.states.items()]
        return 200, {"status": {"conditions": [self.scheduled], "containerStatuses": statuses}}


_VERSION = dict.fromkeys(("gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform"), "")
_STATUS = {"image": "", "imageID": "", "ready": False, "restartCount": 0}


def _right(body: dict[str, Any]) -> str:
    asked = body["spec"]["resourceAttributes"]
    return f"{asked['verb']} {asked['resource']}{'/' + asked['subresource'] if asked['subresource'] else ''}"
