"""An S3 server (moto) and a hub, both on loopback."""

import hashlib
import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest

from stillhouse.components.storage.s3 import client as patience
from stillhouse.components.storage.store import Store, open_store

COMMIT = "c0ffee" + "0" * 34
HUB = {
    "owner/name": {
        "README.md": b"# a dataset\n",
        "data/train.csv": b"text,label\nhello,1\nbye,0\n",
        "data/test.csv": b"text,label\nhey,1\n",
    },
    "owner/classes": {
        "README.md": b"---\nconfigs:\n- config_name: default\n  data_files:\n  - {split: train, path: new.csv}\n"
        b"  - {split: test, path: held.csv}\n---\n",
        "new.csv": b"text,label\nhello,1\n",
        "held.csv": b"text,label\nbye,0\n",
    },
    "owner/odd": {
        "train.csv": "".join(
            [
                "text,label\n",
                *(f"word{i} and {i},{('NA', 'null', 'None', 'n/a', '007', '7')[i % 6]}\n" for i in range(60)),
            ]
        ).encode(),
        "test.csv": "".join(["text,label\n", *(f"other{i},true\n" for i in range(10))]).encode(),
    },
    "owner/markup": {"train.xml": b"<rows><row>hello</row></rows>"},
}
ASKED = re.compile(r"(/api)?/datasets/(?P<repo>\w+/\w+)/(?P<what>revision|tree|resolve)/[^/?]+(/(?P<name>[^?]+))?")


@pytest.fixture(scope="session")
def s3_client() -> Iterator[Any]:
    """A plain client of an S3 server, to make buckets and do mischief with."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"aws_access_key_id": "tester", "aws_secret_access_key": "not-a-secret"}
    yield boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1", **keys)
    server.stop()


@pytest.fixture
def s3(s3_client: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The environment in which a store finds the server; five attempts, and short waits."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_client.meta.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tester")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "5")
    monkeypatch.setattr(patience, "MAX_WAIT", 0.01)
    return s3_client


@pytest.fixture
def bucket(s3: Any) -> str:
    """Name of a new bucket."""
    name = f"bucket-{uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture(params=["file", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store of each kind."""
    if request.param == "file":
        return open_store(tmp_path / "store")
    return open_store(f"s3://{request.getfixturevalue('bucket')}/some/prefix")


class Hub(BaseHTTPRequestHandler):
    """As much of a hub's interface as a dataset of a few files needs."""

    def do_GET(self) -> None:
        asked = ASKED.match(self.path)
        files = HUB.get(asked["repo"]) if asked else None
        if not asked or files is None:
            self.answer(b"{}", "RepoNotFound")
        elif asked["what"] == "revision":
            listed = [{"rfilename": name, "size": len(data)} for name, data in files.items()]
            self.answer(json.dumps({"id": asked["repo"], "sha": COMMIT, "siblings": listed}).encode())
        elif asked["what"] == "tree":
            self.answer(json.dumps(_tree(files, asked["name"])).encode())
        else:
            data = files.get(asked["name"] or "")
            self.answer(data or b"", "" if data else "EntryNotFound")

    do_HEAD = do_GET

    def answer(self, body: bytes, error: str = "") -> None:
        self.send_response(404 if error else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        self.send_header("ETag", f'"{hashlib.sha1(body).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        if error:
            self.send_header("X-Error-Code", error)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def _tree(files: dict[str, bytes], folder: str | None) -> list[dict[str, object]]:
    prefix = f"{folder}/" if folder else ""
    found: dict[str, dict[str, object]] = {}
    for name, data in files.items():
        first, _, rest = name.removeprefix(prefix).partition("/")
        if name.startswith(prefix):
            kind = {"type": "directory"} if rest else {"type": "file", "size": len(data)}
            found[first] = {"path": prefix + first, "oid": hashlib.sha1(data).hexdigest(), **kind}
    return list(found.values())


@pytest.fixture
def hub() -> Iterator[str]:
    """Address of a hub with the datasets of HUB."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
