"""A real S3 server, and the environment in which a store finds it."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from .proxy import ALL, FaultProxy

KEYS = {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "not-a-secret"}
"""Of the server that is started here."""
NONE = (
    "no S3 server to test on: put a `minio` into PATH (go install github.com/minio/minio@latest), or name one by "
    "STILLHOUSE_TEST_S3 with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an S3 server: the one that STILLHOUSE_TEST_S3 names, else a MinIO of our own."""
    if named := os.environ.get("STILLHOUSE_TEST_S3"):
        yield named
        return
    program = shutil.which("minio")
    if program is None:
        pytest.fail(NONE, pytrace=False)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in KEYS.items():
            patch.setenv(name, value)
        folder = tmp_path_factory.mktemp("minio")
        address = f"127.0.0.1:{_free_port()}"
        command = [
            program,
            "server",
            str(folder),
            "--address",
            address,
            "--console-address",
            f"127.0.0.1:{_free_port()}",
        ]
        account = {"MINIO_ROOT_USER": KEYS["AWS_ACCESS_KEY_ID"], "MINIO_ROOT_PASSWORD": KEYS["AWS_SECRET_ACCESS_KEY"]}
        with (folder.parent / "minio.log").open("wb") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **account})
        try:
            _wait(f"http://{address}/minio/health/ready")
            yield f"http://{address}"
        finally:
            server.terminate()
            server.wait()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A plain client of the server; stores find it, too, and wait shortly between attempts."""
    import boto3

    from stillhouse.components.storage.s3 import client as s3_client

    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.delenv("AWS_MAX_ATTEMPTS", raising=False)
    monkeypatch.setattr(s3_client, "MAX_WAIT", 0.05)
    return boto3.client("s3", endpoint_url=s3_server, region_name="us-east-1")


@pytest.fixture
def bucket(s3: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    """Name of a new bucket: the same in each run of a test, as the faults of the proxy hang on it."""
    name = "-".join("".join(c if c.isalnum() else " " for c in request.node.name.lower()).split())[-60:].strip("-")
    _remove(s3, name)
    s3.create_bucket(Bucket=name)
    yield name
    _remove(s3, name)


@pytest.fixture
def faulty(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., FaultProxy]]:
    """Puts a `FaultProxy` with these arguments between the stores and the server."""
    with ExitStack() as stack:

        def start(share: float, *kinds: str, **settings: Any) -> FaultProxy:
            proxy = stack.enter_context(FaultProxy(s3_server, share, kinds or ALL, **settings))
            monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
            return proxy

        yield start


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def _wait(url: str) -> None:
    for _ in range(300):
        try:
            with urlopen(url, timeout=1):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    pytest.fail("the S3 server did not start within 30 s; see minio.log beside its folder.", pytrace=False)


def _remove(s3: Any, bucket: str) -> None:
    try:
        found = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        for item in found:
            s3.delete_object(Bucket=bucket, Key=item["Key"])
        for item in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
            s3.abort_multipart_upload(Bucket=bucket, Key=item["Key"], UploadId=item["UploadId"])
        s3.delete_bucket(Bucket=bucket)
    except s3.exceptions.NoSuchBucket:
        return
