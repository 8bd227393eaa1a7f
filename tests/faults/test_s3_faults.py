"""A real S3 server behind a proxy that spoils requests: everything arrives whole, or the caller is told in a sentence.

What arrived is compared by digests that these tests take themselves, from the server itself where it was an upload.
"""

import hashlib
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from stillhouse.components.storage.manifest import Corrupt
from stillhouse.components.storage.s3 import client as s3_client
from stillhouse.components.storage.s3 import parts as s3_parts
from stillhouse.components.storage.s3.store import S3Store
from stillhouse.components.storage.sources import fetch_source
from stillhouse.components.storage.store import NotFound
from stillhouse.components.training.checkpoints import Checkpoints
from stillhouse.errors import UserError

from . import proxy
from .proxy import FaultProxy

pytestmark = pytest.mark.faults

MIB = 1 << 20
SHARES = [0.1, 0.3, 0.5]
Faulty = Callable[..., FaultProxy]


def noise(name: str, size: int) -> bytes:
    return hashlib.shake_256(name.encode()).digest(size)


MODEL = {
    "config.json": noise("config", 700),
    "model.safetensors": noise("weights", 12 * MIB + 345),
    "tokenizer.json": noise("tokenizer", MIB),
    "deep/empty": b"",
}
DATA = {f"part-{number}.csv": noise(f"csv {number}", 1000 * number) for number in range(8)} | {
    "large.csv": noise("large", 11 * MIB)
}


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The smallest parts that S3 takes."""
    monkeypatch.setattr(s3_parts, "PART_BYTES", 5 * MIB)


def make(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def digests(files: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}


def in_folder(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return digests({path.relative_to(folder).as_posix(): path.read_bytes() for path in files})


def in_store(s3: Any, bucket: str, prefix: str) -> dict[str, str]:
    """What the server itself holds, manifests aside."""
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]
    found = {key.removeprefix(prefix): s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}
    return digests({name: data for name, data in found.items() if not name.endswith("manifest.json")})


def uploads(s3: Any, bucket: str, key: str) -> list[Any]:
    return s3.list_multipart_uploads(Bucket=bucket, Prefix=key).get("Uploads", [])


@pytest.mark.parametrize("share", SHARES)
def test_a_model_folder_arrives_whole_in_the_store_and_here(
    s3: Any, bucket: str, faulty: Faulty, tmp_path: Path, share: float
) -> None:
    between = faulty(share)
    store = S3Store(f"s3://{bucket}/home")
    store.put_folder(make(tmp_path / "in", MODEL), "models/abc")
    assert in_store(s3, bucket, "home/models/abc/") == digests(MODEL)
    assert uploads(s3, bucket, "home/models/abc/model.safetensors") == []
    store.get_folder("models/abc", tmp_path / "out")
    assert in_folder(tmp_path / "out") == digests(MODEL)
    assert sum(between.faults.values()) >= 0.5 * share * len(between.seen)


@pytest.mark.parametrize("share", SHARES)
def test_a_dataset_of_somebody_elses_objects_arrives_whole(
    s3: Any, bucket: str, faulty: Faulty, tmp_path: Path, share: float
) -> None:
    for name, data in DATA.items():
        put_as_somebody_else(s3, bucket, f"data/{name}", data)
    faulty(share)
    paths = fetch_source(f"s3://{bucket}/data", tmp_path / "out")
    assert [path.name for path in paths] == sorted(DATA)
    assert in_folder(tmp_path / "out") == digests(DATA)


def put_as_somebody_else(s3: Any, bucket: str, key: str, data: bytes) -> None:
    """Without our metadata; large ones in parts of uneven sizes, as other tools may choose them."""
    if len(data) <= MIB:
        s3.put_object(Bucket=bucket, Key=key, Body=data)
        return
    at = {"Bucket": bucket, "Key": key}
    upload = at | {"UploadId": s3.create_multipart_upload(**at)["UploadId"]}
    pieces = [data[: 6 * MIB], data[6 * MIB :]]
    parts = [
        {"ETag": s3.upload_part(**upload, PartNumber=number, Body=piece)["ETag"], "PartNumber": number}
        for number, piece in enumerate(pieces, 1)
    ]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})


@pytest.mark.parametrize("share", SHARES)
def test_checkpoints_arrive_whole_and_the_newest_is_found(s3: Any, bucket: str, faulty: Faulty, share: float) -> None:
    faulty(share)
    weights = {step: torch.randn(400_000, generator=torch.Generator().manual_seed(step)) for step in (1, 2, 3, 4)}
    checkpoints = Checkpoints(S3Store(f"s3://{bucket}"), "abc", keep=2, damaged=(NotFound, Corrupt))
    for step, tensor in weights.items():
        checkpoints.save(step, {"weights": tensor}, {"step": step})
    checkpoints.close()
    checkpoints.wait()
    found = checkpoints.newest()
    assert found is not None
    assert torch.equal(found[0]["weights"], weights[4])
    assert found[1] == {"step": 4}
    assert {name.partition("/")[0] for name in in_store(s3, bucket, "checkpoints/abc/")} == {"000000003", "000000004"}


@pytest.mark.parametrize("kind", proxy.ALL)
def test_a_single_kind_of_fault_at_every_other_request_spoils_nothing(
    s3: Any, bucket: str, faulty: Faulty, tmp_path: Path, kind: str
) -> None:
    between = faulty(0.5, kind)
    store = S3Store(f"s3://{bucket}")
    store.put_folder(make(tmp_path / "in", MODEL), "models/abc")
    assert in_store(s3, bucket, "models/abc/") == digests(MODEL)
    assert uploads(s3, bucket, "models/abc/model.safetensors") == []
    store.get_folder("models/abc", tmp_path / "out")
    assert in_folder(tmp_path / "out") == digests(MODEL)
    assert between.faults[kind] >= 3


def test_bytes_that_are_spoilt_on_every_way_up_are_never_accepted(
    s3: Any, bucket: str, faulty: Faulty, tmp_path: Path
) -> None:
    faulty(1.0, proxy.FLIPPED_UP)
    store = S3Store(f"s3://{bucket}")
    with pytest.raises(UserError, match="16 times"):
        store.put_folder(make(tmp_path / "in", {"config.json": b"{}"}), "models/abc")
    with pytest.raises(UserError, match="16 times"):
        store.put("key", b"data")
    with pytest.raises(UserError, match="16 times"):
        store.put_folder(make(tmp_path / "large", {"model": MODEL["model.safetensors"]}), "models/def")
    assert s3.list_objects_v2(Bucket=bucket).get("Contents", []) == []
    assert uploads(s3, bucket, "models/def/model") == []


def test_bytes_that_are_spoilt_on_every_way_down_are_never_handed_on(
    s3: Any, bucket: str, faulty: Faulty, tmp_path: Path
) -> None:
    S3Store(f"s3://{bucket}").put_folder(make(tmp_path / "in", {"model": MODEL["model.safetensors"]}), "models/abc")
    put_as_somebody_else(s3, bucket, "data/large.csv", DATA["large.csv"])
    faulty(1.0, proxy.FLIPPED_DOWN)
    with pytest.raises(Corrupt, match=rf"s3://{bucket}/models/abc/manifest\.json' is damaged.* 16 times"):
        S3Store(f"s3://{bucket}").get_folder("models/abc", tmp_path / "out")
    with pytest.raises(Corrupt, match=rf"s3://{bucket}/data/large\.csv' arrived damaged.* 16 times"):
        fetch_source(f"s3://{bucket}/data", tmp_path / "out")
    assert in_folder(tmp_path) == digests({"in/model": MODEL["model.safetensors"]})


@pytest.mark.parametrize("kind", [proxy.RESET, proxy.LOST_ANSWER, proxy.ERROR, proxy.SLOW_DOWN, proxy.TRUNCATED])
def test_giving_up_takes_sixteen_attempts_and_names_bucket_key_and_attempts(
    s3: Any, bucket: str, faulty: Faulty, kind: str
) -> None:
    S3Store(f"s3://{bucket}").put("some/key", b"data")
    between = faulty(1.0, kind)
    with pytest.raises(UserError, match=rf"'s3://{bucket}/some/key': http://127.*failed 16 times.*try again when"):
        S3Store(f"s3://{bucket}").get("some/key")
    assert len(between.seen) == 16


def test_a_store_that_is_silent_is_given_up_after_the_time_that_patience_lasts(
    s3: Any, bucket: str, faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_client, "READ_TIMEOUT", 0.5)
    monkeypatch.setattr(s3_client, "PATIENCE", 2.0)
    between = faulty(1.0, proxy.SILENT)
    begun = time.monotonic()
    with pytest.raises(UserError, match=rf"s3://{bucket}/key.*failed \d times, the last time with ReadTimeoutError"):
        S3Store(f"s3://{bucket}").get("key")
    assert 2.0 < time.monotonic() - begun < 4.0
    assert 3 <= len(between.seen) <= 5


def test_waits_between_attempts_grow_to_a_bound_and_are_drawn_by_chance(
    s3: Any, bucket: str, faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_client, "MAX_WAIT", 0.3)
    between = faulty(1.0, proxy.ERROR)
    with pytest.raises(UserError):
        S3Store(f"s3://{bucket}").get("key")
    times = [request.time for request in between.seen]
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert max(waits) < 0.3 + 0.3  # what a busy machine adds
    assert max(waits) - min(waits) > 0.1


def test_an_upload_in_parts_that_is_given_up_is_aborted(s3: Any, bucket: str, faulty: Faulty, tmp_path: Path) -> None:
    between = faulty(1.0, proxy.SLOW_DOWN, only="PUT")
    large = {"model.safetensors": MODEL["model.safetensors"]}
    with pytest.raises(UserError, match=rf"'s3://{bucket}/models/abc/model\.safetensors'.*failed 16 times"):
        S3Store(f"s3://{bucket}").put_folder(make(tmp_path / "in", large), "models/abc")
    assert uploads(s3, bucket, "models/abc/model.safetensors") == []
    assert sum(request.method == "PUT" for request in between.seen) == 3 * 16
    assert len(between.seen) <= 3 * 16 + 5
    with pytest.raises(NotFound):
        S3Store(f"s3://{bucket}").get_folder("models/abc", tmp_path / "out")


def test_an_upload_whose_id_never_arrived_is_aborted_too(s3: Any, bucket: str, faulty: Faulty, tmp_path: Path) -> None:
    faulty(1.0, proxy.LOST_ANSWER, only="POST")
    with pytest.raises(UserError, match="failed 16 times"):
        S3Store(f"s3://{bucket}").put_folder(make(tmp_path / "in", {"a": MODEL["model.safetensors"]}), "models/abc")
    assert uploads(s3, bucket, "models/abc/a") == []


def test_an_upload_whose_parts_another_writer_cleared_away_begins_again(
    s3: Any, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = {"Bucket": bucket, "Key": "models/abc/a"}
    patiently, cleared = s3_parts.patiently, []

    def clear_first(address: str, operation: Callable[[], Any]) -> Any:
        if not cleared and (found := uploads(s3, bucket, at["Key"])):
            cleared.append(s3.abort_multipart_upload(**at, UploadId=found[0]["UploadId"]))
        return patiently(address, operation)

    monkeypatch.setattr(s3_parts, "patiently", clear_first)
    S3Store(f"s3://{bucket}").put_folder(make(tmp_path / "in", {"a": MODEL["model.safetensors"]}), "models/abc")
    assert cleared
    assert in_store(s3, bucket, "models/abc/") == digests({"a": MODEL["model.safetensors"]})
    assert uploads(s3, bucket, at["Key"]) == []
