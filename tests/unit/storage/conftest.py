"""A store of each kind, and a hub on loopback."""

import hashlib
import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

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
