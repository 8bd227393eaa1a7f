"""A small set of what tests/faults holds against a real server: the same proxy before the stand-in of the other tests.

The stand-in looks at no digest of what it is sent; so the store has to.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from stillhouse.components.storage.manifest import Corrupt
from stillhouse.components.storage.s3 import conditions as s3_conditions
from stillhouse.components.storage.s3 import parts as s3_parts
from stillhouse.components.storage.s3.store import S3Store
from stillhouse.components.storage.sources import fetch_source
from stillhouse.components.storage.store import Conflict, NotFound
from stillhouse.errors import UserError

from ....faults import proxy
from ....faults.proxy import FaultProxy

Faulty = Callable[..., FaultProxy]
WEIGHTS = hashlib.shake_256(b"weights").digest(6 << 20)


@pytest.fixture
def faulty(s3: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faulty]:
    """Puts a `FaultProxy` between the stores and the server; each request is tried 16 times, as it is by default."""
    monkeypatch.delenv("AWS_MAX_ATTEMPTS")
    monkeypatch.setattr(s3_parts, "PART_BYTES", 5 << 20)
    monkeypatch.setattr(s3_conditions, "_PROVEN", set())
    monkeypatch.setattr(proxy, "LATE", 0.02)
    with ExitStack() as stack:

        def start(share: float, *kinds: str, **settings: Any) -> FaultProxy:
            between = stack.enter_context(FaultProxy(s3.meta.endpoint_url, share, kinds or proxy.ALL, **settings))
            monkeypatch.setenv("AWS_ENDPOINT_URL", between.url)
            return between

        yield start


@pytest.fixture
def bucket(s3: Any, request: pytest.FixtureRequest) -> str:
    """Name of a new bucket: the same in each run of a test, as the faults of the proxy hang on it."""
    name = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:32]
    s3.create_bucket(Bucket=name)
    return name


def make(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def test_a_model_folder_arrives_whole_though_three_of_ten_requests_fail(
    s3: Any, bucket: str, faulty: Faulty, tmp_path: Path
) -> None:
    between = faulty(0.3)
    store = S3Store(f"s3://{bucket}")
    files = {"config.json": b"{}", "model.safetensors": WEIGHTS, "tokenizer.json": WEIGHTS[:5000]}
    store.put_folder(make(tmp_path / "in", files), "models/abc")
    store.get_folder("models/abc", tmp_path / "out")
    for name, data in files.items():
        stored = s3.get_object(Bucket=bucket, Key=f"models/abc/{name}")["Body"].read()
        assert stored == data
        assert (tmp_path / "out" / name).read_bytes() == data
    assert between.faults


def test_data_arrives_whole_though_three_of_ten_requests_fail(
    s3: Any, bucket: str, faulty: Faulty, tmp_path: Path
) -> None:
    data = {f"{number}.csv": WEIGHTS[number : 3000 * number] for number in range(1, 7)}
    for name, content in data.items():
        s3.put_object(Bucket=bucket, Key=f"data/{name}", Body=content)
    between = faulty(0.3)
    paths = fetch_source(f"s3://{bucket}/data", tmp_path)
    assert {path.name: path.read_bytes() for path in paths} == data
    assert between.faults


@pytest.mark.parametrize("kind", [proxy.FLIPPED_UP, proxy.FLIPPED_DOWN])
def test_a_large_object_arrives_whole_though_every_other_request_is_spoilt(
    s3: Any, bucket: str, faulty: Faulty, tmp_path: Path, kind: str
) -> None:
    between = faulty(0.5, kind)
    store = S3Store(f"s3://{bucket}")
    store.put_folder(make(tmp_path / "in", {"model": WEIGHTS}), "models/abc")
    assert s3.get_object(Bucket=bucket, Key="models/abc/model")["Body"].read() == WEIGHTS
    store.get_folder("models/abc", tmp_path / "out")
    assert (tmp_path / "out/model").read_bytes() == WEIGHTS
    assert between.faults[kind]


def test_a_store_that_takes_spoilt_bytes_without_a_look_is_told(bucket: str, faulty: Faulty, tmp_path: Path) -> None:
    faulty(1.0, proxy.FLIPPED_UP)
    store = S3Store(f"s3://{bucket}")
    with pytest.raises(
        Corrupt, match=r"/key': the store received other bytes than were sent.* It was tried 16 times\."
    ):
        store.put("key", b"data")
    with pytest.raises(Corrupt, match="received other bytes"):
        store.put_folder(make(tmp_path / "in", {"a": b"data"}), "models/abc")
    with pytest.raises(NotFound):
        store.get_folder("models/abc", tmp_path / "out")


@pytest.mark.parametrize("kind", [proxy.LOST_ANSWER, proxy.FLIPPED_UP])
def test_conditional_writes_change_the_key_once_each(bucket: str, faulty: Faulty, kind: str) -> None:
    faulty(0.5, kind)
    store, version = S3Store(f"s3://{bucket}"), None
    for turn in range(4):
        before, version = version, store.put_if("record", f"{turn}".encode(), version)
        assert store.read("record") == (f"{turn}".encode(), version)
        with pytest.raises(Conflict):
            store.put_if("record", b"late", before)


def test_parts_that_another_tool_uploaded_are_checked_by_the_md5s_in_their_etag(
    s3: Any, bucket: str, faulty: Faulty, tmp_path: Path
) -> None:
    at = {"Bucket": bucket, "Key": "data/large.csv"}
    upload = at | {"UploadId": s3.create_multipart_upload(**at)["UploadId"]}
    pieces = [WEIGHTS[: 11 << 19], WEIGHTS[11 << 19 :]]
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(**upload, PartNumber=number, Body=piece)["ETag"]}
        for number, piece in enumerate(pieces, 1)
    ]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    faulty(0.5, proxy.FLIPPED_DOWN)
    (path,) = fetch_source(f"s3://{bucket}/data", tmp_path / "some")
    assert path.read_bytes() == WEIGHTS
    faulty(1.0, proxy.FLIPPED_DOWN)
    with pytest.raises(Corrupt, match=r"large\.csv' arrived damaged; try again\. It was fetched 16 times\."):
        fetch_source(f"s3://{bucket}/data", tmp_path / "all")


@pytest.mark.parametrize("header", ["if-match", "if-none-match"])
def test_a_store_that_ignores_conditions_is_refused_before_anything_is_written(
    s3: Any, bucket: str, faulty: Faulty, header: str
) -> None:
    faulty(0.0, without=[header])
    for _ in range(2):
        with pytest.raises(UserError, match=rf"(?i)'s3://{bucket}/home': the store ignores .* \({header}\)"):
            S3Store(f"s3://{bucket}/home").put_if("record", b"1", None)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_a_store_is_asked_once_per_process_whether_it_honours_conditions(bucket: str, faulty: Faulty) -> None:
    between = faulty(0.0)
    for number in range(3):
        S3Store(f"s3://{bucket}").put_if(f"record-{number}", b"1", None)
    assert sum("probe" in request.path for request in between.seen) == 4
    assert [entry.key for entry in S3Store(f"s3://{bucket}").list()] == ["record-0", "record-1", "record-2"]


def test_the_stores_own_keys_are_in_no_listing(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="home/.stillhouse-probe-1", Body=b"")
    assert S3Store(f"s3://{bucket}/home").list() == []
