"""A small API server for pods and TrainJobs: what no controller is needed for."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kubeconfig import write_kubeconfig
from loopback import Loopback

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "pod-1", "namespace": "team", "uid": "uid-of-pod-1"},
    "spec": {
        "imagePullSecrets": [{"name": "registry"}],
        "containers": [
            {"name": "wait", "image": "argoexec"},
            {
                "name": "main",
                "image": "registry.example/python-training@sha256:1",
                "env": [
                    {"name": "STILLHOUSE_STORE", "value": "s3://bucket/x"},
                    {"name": "AWS_SECRET_ACCESS_KEY", "valueFrom": {"secretKeyRef": {"name": "s3", "key": "secret"}}},
                    {"name": "STILLHOUSE_RUN", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['x']"}}},
                    {"name": "STILLHOUSE_HOME", "value": "/stillhouse/runs"},
                    {"name": "STILLHOUSE_NODES", "value": "2"},
                    {"name": "ARGO_TEMPLATE", "value": "{}"},
                ],
            },
        ],
    },
}
"""The step's pod."""


class Api:
    """TrainJobs by name, and pods; `after_create` is called with each new TrainJob."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.pods: list[dict[str, Any]] = [POD]
        self.after_create: Callable[[dict[str, Any]], None] = lambda job: None
        self.calls: list[str] = []
        self.broken = 0
        """So many calls are answered with 503."""

    def end(self, name: str, kind: str, message: str = "said the controller") -> None:
        """What the controller writes at the end."""
        self.jobs[name]["status"] = {"conditions": [{"type": kind, "status": "True", "message": message}]}

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Status and object."""
        self.calls.append(f"{method} {path.rpartition('/')[2]}")
        if self.broken:
            self.broken -= 1
            return 503, {"message": "away"}
        kind, _, name = path.partition("/namespaces/team/")[2].partition("/")
        if kind == "pods":
            return 200, next((p for p in self.pods if p["metadata"]["name"] == name), {"items": self.pods})
        if method == "POST":
            self.jobs[body["metadata"]["name"]] = body
            self.after_create(body)
            return 201, body
        if name not in self.jobs:
            return 404, {"message": "not found"}
        if method == "PATCH":
            self.jobs[name]["metadata"] |= body["metadata"]
        return 200, self.jobs.pop(name) if method == "DELETE" else self.jobs[name]


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The server, which the kubernetes client finds."""
    api = Api()

    server = Loopback(lambda asked: api.answer(asked.method, asked.path, asked.json))
    write_kubeconfig(tmp_path / "kubeconfig", server.url)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    with server:
        yield api
