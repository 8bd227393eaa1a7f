"""A small API server for pods and TrainJobs: what no controller is needed for."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

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

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or "null")
            status, found = api.answer(self.command, urlsplit(self.path).path, body)
            data = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = _answer

        def log_message(self, format: str, *args: Any) -> None:
            """Not on the test's stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "clusters": [{"name": "test", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "test", "user": {}}],
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    yield api
    server.shutdown()
    server.server_close()
