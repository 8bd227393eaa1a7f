"""Nothing talks to a link-local or metadata address: in no spelling, by no name, through no door, after no redirect."""

import socket
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from stillhouse.components.artifacts.fetch import fetch_model
from stillhouse.components.inspect.bases import resolve_base
from stillhouse.components.safety.addresses import guarded, is_metadata, refuse_metadata
from stillhouse.components.storage.s3.client import make_client
from stillhouse.components.storage.sources import fetch_source, list_source
from stillhouse.components.storage.store import open_store
from stillhouse.components.tracking.connection import connect
from stillhouse.errors import UserError

METADATA = "http://169.254.169.254/"


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://169.254.170.2/v2/credentials",
        "http://user:word@169.254.169.254:80/",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://0251.0376.0251.0376/",
        "http://0xa9.254.0251.254/",
        "http://169.16689662/",
        "http://169.254.43518/",
        "http://169.254.169.254./",
        "http://169%2e254%2e169%2e254/",
        "http://１６９.254.169.254/",
        "http://169。254。169。254/",
        "http://[::ffff:169.254.169.254]/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://[::169.254.169.254]/",
        "http://[64:ff9b::169.254.169.254]/",
        "http://[2002:a9fe:a9fe::]/",
        "http://[fe80::1%25eth0]/",
        "http://[febf::1]/",
        "http://[fd00:ec2::254]/",
        "http://[FD00:EC2:0:0::254]/",
        "http://100.100.100.200/",
        "http://168.63.129.16/",
        "http://Metadata.Google.Internal./",
        "http://metadata/",
        "HTTPS://169.254.169.254/",
        "s3://169.254.169.254/data",
        "hf://169.254.169.254/data",
        "file://169.254.169.254/data",
    ],
)
def test_the_address_is_refused_in_any_spelling(url: str) -> None:
    with pytest.raises(UserError, match="link-local or metadata address"):
        refuse_metadata(url)


@pytest.mark.parametrize("url", ["http://169.254.169.254\\@example.org/", "http://example.org \t@169.254.169.254/"])
def test_a_host_that_parsers_read_differently_is_refused(url: str) -> None:
    with pytest.raises(UserError, match=r"link-local or metadata address|is not a URL"):
        refuse_metadata(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000", "s3://metadata/data", "hf://owner/name", "/data", "a\\b.csv"])
def test_other_addresses_pass(url: str) -> None:
    refuse_metadata(url)


def test_what_is_no_url_is_the_users_error() -> None:
    with pytest.raises(UserError, match="is not a URL"):
        refuse_metadata("http://[::1")


def test_a_name_that_resolves_to_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(UserError, match=r"'store\.example\.org' is a link-local or metadata address"):
        refuse_metadata("https://store.example.org/")


DOORS: dict[str, tuple[dict[str, str], Callable[[Path], object]]] = {
    "source": ({}, lambda home: list_source("s3://169.254.169.254/data")),
    "fetched source": ({}, lambda home: fetch_source("hf://169.254.169.254/data", home)),
    "store": ({}, lambda home: open_store("s3://169.254.169.254/store")),
    "hub's data": ({"HF_ENDPOINT": METADATA}, lambda home: list_source("hf://owner/name")),
    "base model": ({"HF_ENDPOINT": METADATA}, lambda home: resolve_base("hf://owner/name", open_store(home))),
    "fetched model": ({"HF_ENDPOINT": METADATA}, lambda home: fetch_model("hf://owner/name")),
    "S3 endpoint": ({"AWS_ENDPOINT_URL": METADATA}, lambda home: make_client()),
    "S3's own endpoint": ({"AWS_ENDPOINT_URL_S3": METADATA}, lambda home: make_client()),
    "MLflow": ({"MLFLOW_TRACKING_URI": METADATA}, connect),
}


@pytest.mark.parametrize("door", DOORS)
def test_every_door_refuses_it(door: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment, act = DOORS[door]
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", environment.get("HF_ENDPOINT", "http://127.0.0.1:9"))
    with pytest.raises(UserError, match="link-local or metadata address"):
        act(tmp_path)


class Redirect(BaseHTTPRequestHandler):
    """Sends everybody to the metadata service."""

    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", METADATA)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def redirecting() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Redirect)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "act",
    [
        lambda home: list_source("hf://owner/name"),
        lambda home: resolve_base("hf://owner/name", open_store(home)),
        lambda home: fetch_model("hf://owner/name"),
    ],
    ids=["source", "base", "model"],
)
def test_a_hub_that_redirects_to_it_is_refused(
    redirecting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Callable[[Path], object]
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", redirecting)
    monkeypatch.setenv("HF_ENDPOINT", redirecting)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    with pytest.raises(UserError, match=r"a server led to '169\.254\.169\.254'"):
        act(tmp_path)


def test_outside_of_the_block_the_guard_looks_on() -> None:
    """A pod's own role is asked for there."""
    asked = ("socket.connect", None, ("169.254.169.254", 80))
    with guarded(), pytest.raises(UserError, match="a server led to"):
        sys.audit(*asked)
    sys.audit(*asked)


def test_what_is_no_address_is_no_metadata_address() -> None:
    assert not is_metadata("/run/some.socket")
