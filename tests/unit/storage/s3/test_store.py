"""What the store in a bucket adds: patience, checks of what arrives, one sentence when it gives up."""

import hashlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from stillhouse.components.storage.manifest import Corrupt
from stillhouse.components.storage.s3 import client as s3_client
from stillhouse.components.storage.s3.store import S3Store
from stillhouse.components.storage.store import Conflict, NotFound
from stillhouse.errors import UserError


class Body(BytesIO):
    """The raw body of an answer, as botocore reads it."""

    def stream(self, **_: Any) -> list[bytes]:
        return [self.read()]


def fail_first(store: S3Store, operation: str, times: int, status: int = 503) -> list[str]:
    """Answer so many requests of the operation with an error; the list grows with every request."""
    seen: list[str] = []
    headers: Any = {}

    def answer(request: Any, **_: Any) -> AWSResponse | None:
        seen.append(request.url)
        failed = len(seen) <= times
        return AWSResponse(request.url, status, headers, Body(b"")) if failed else None

    store._client.meta.events.register_first(f"before-send.s3.{operation}", answer)
    return seen


@pytest.fixture
def store(bucket: str) -> S3Store:
    return S3Store(f"s3://{bucket}/some/prefix/")


def test_keys_lie_below_the_prefix(store: S3Store, s3: Any) -> None:
    store.put("a/b", b"data")
    assert s3.get_object(Bucket=store.bucket, Key="some/prefix/a/b")["Body"].read() == b"data"
    assert store.uri("a/b") == f"s3://{store.bucket}/some/prefix/a/b"


def test_an_object_carries_its_sha256(store: S3Store, s3: Any) -> None:
    store.put("key", b"data")
    head = s3.head_object(Bucket=store.bucket, Key="some/prefix/key")
    assert head["Metadata"]["sha256"] == hashlib.sha256(b"data").hexdigest()


def test_a_listing_of_more_than_a_page_is_whole(store: S3Store) -> None:
    for number in range(5):
        store.put(f"run/{number}", b"")
    small = "provide-client-params.s3.ListObjectsV2"
    store._client.meta.events.register(small, lambda params, **_: {**params, "MaxKeys": 2})
    assert [entry.key for entry in store.list("run")] == [f"run/{number}" for number in range(5)]


def test_a_file_that_travels_in_parts_comes_back_whole(
    store: S3Store, s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stillhouse.components.storage.s3.parts.PART_BYTES", 5 << 20)
    (tmp_path / "in").mkdir()
    data = hashlib.shake_256(b"seed").digest(11 << 20)
    (tmp_path / "in/model").write_bytes(data)
    store.put_folder(tmp_path / "in", "models/abc")
    store.get_folder("models/abc", tmp_path / "out")
    head = s3.head_object(Bucket=store.bucket, Key="some/prefix/models/abc/model")
    assert head["ETag"].endswith('-3"')
    assert (tmp_path / "out/model").read_bytes() == data


def test_the_manifest_is_the_last_thing_written(store: S3Store, s3: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a", "z"):
        (tmp_path / "in" / name).write_bytes(name.encode())
    puts = fail_first(store, "PutObject", 0)
    store.put_folder(tmp_path / "in", "models/abc")
    assert [url.rpartition("/")[2] for url in puts] == ["a", "z", "manifest.json"]


def test_an_upload_that_is_given_up_leaves_no_parts_and_no_folder(
    store: S3Store, s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stillhouse.components.storage.s3.parts.PART_BYTES", 5 << 20)
    (tmp_path / "in").mkdir()
    (tmp_path / "in/model").write_bytes(bytes(6 << 20))
    fail_first(store, "UploadPart", 100)
    with pytest.raises(UserError, match=r"model.*failed 5 times, the last time with 503"):
        store.put_folder(tmp_path / "in", "models/abc")
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=store.bucket)
    with pytest.raises(NotFound):
        store.get_folder("models/abc", tmp_path / "out")


def test_a_folder_that_is_half_replaced_is_not_there(store: S3Store, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a").write_bytes(b"old")
    store.put_folder(tmp_path / "in", "models/abc")
    (tmp_path / "in/a").write_bytes(b"new")
    fail_first(store, "PutObject", 100)
    with pytest.raises(UserError):
        store.put_folder(tmp_path / "in", "models/abc")
    with pytest.raises(NotFound):
        store.get_folder("models/abc", tmp_path / "out")


def test_the_manifest_is_the_first_thing_deleted(store: S3Store, tmp_path: Path) -> None:
    for name in ("a", "manifest.json", "z"):
        store.put(f"models/abc/{name}", b"")
    deletes = fail_first(store, "DeleteObject", 0)
    store.delete("models")
    assert [url.rpartition("/")[2] for url in deletes] == ["manifest.json", "a", "z"]


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_store_that_falters_is_asked_again(store: S3Store, status: int) -> None:
    store.put("key", b"data")
    requests = fail_first(store, "GetObject", 3, status)
    assert store.get("key") == b"data"
    assert len(requests) == 4


def test_giving_up_names_bucket_key_and_attempts(store: S3Store) -> None:
    fail_first(store, "GetObject", 100)
    with pytest.raises(UserError) as told:
        store.get("key")
    assert str(told.value).startswith(f"'s3://{store.bucket}/some/prefix/key': http://127.0.0.1:")
    assert str(told.value).endswith("failed 5 times, the last time with 503; try again when it is well.")


@pytest.mark.parametrize(
    ("status", "told"), [(403, "access is denied; let these credentials"), (501, r"refused the request \(501\)")]
)
def test_what_will_not_pass_is_not_tried_again(store: S3Store, status: int, told: str) -> None:
    requests = fail_first(store, "GetObject", 100, status)
    with pytest.raises(UserError, match=told):
        store.get("key")
    assert len(requests) == 1


def test_the_number_of_attempts_is_the_environments(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    requests = fail_first(store, "GetObject", 100)
    with pytest.raises(UserError, match="failed 2 times"):
        store.get("key")
    assert len(requests) == 2


@pytest.mark.parametrize("attempts", ["many", "0", "-1", ""])
def test_what_is_no_number_of_attempts_is_told(store: S3Store, monkeypatch: pytest.MonkeyPatch, attempts: str) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", attempts)
    with pytest.raises(UserError, match=f"AWS_MAX_ATTEMPTS is '{attempts}'; set a whole number from 1"):
        store.get("key")


def test_bytes_that_came_wrong_twice_alike_are_not_asked_for_again(store: S3Store, s3: Any) -> None:
    digest = hashlib.sha256(b"data").hexdigest()
    s3.put_object(Bucket=store.bucket, Key="some/prefix/key", Body=b"dat4", Metadata={"sha256": digest})
    requests = fail_first(store, "GetObject", 0)
    with pytest.raises(Corrupt):
        store.get("key")
    assert len(requests) == 2


def test_an_object_that_is_gone_since_it_was_listed_is_told(store: S3Store, tmp_path: Path) -> None:
    store.put("key", b"data")
    entry = store.list("key")[0]
    store.delete("key")
    with pytest.raises(UserError, match="changed while it was read; run again"):
        store.download(entry, tmp_path / "file")


@pytest.mark.parametrize("size", [6, 12])
def test_a_large_file_that_has_another_size_in_the_store_is_told(
    store: S3Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr("stillhouse.components.storage.s3.parts.PART_BYTES", 5 << 20)
    (tmp_path / "in").mkdir()
    (tmp_path / "in/model").write_bytes(bytes(11 << 20))
    store.put_folder(tmp_path / "in", "models/abc")
    store.put("models/abc/model", bytes(size << 20))
    with pytest.raises(Corrupt, match=r"abc/model' is damaged: it has not 11,534,336 bytes; put its folder"):
        store.get_folder("models/abc", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def spoil_first(store: S3Store, wrong: bytes) -> None:
    """Let other bytes arrive with the first answer."""
    answers = iter([wrong])

    def spoil(parsed: dict[str, Any], **_: Any) -> None:
        if data := next(answers, None):
            parsed["Body"] = BytesIO(data)

    store._client.meta.events.register("after-call.s3.GetObject", spoil)


def test_wrong_bytes_are_read_again(store: S3Store) -> None:
    store.put("key", b"data")
    spoil_first(store, b"dat4")
    assert store.get("key") == b"data"


def test_wrong_bytes_of_a_folder_are_read_again(store: S3Store, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a").write_bytes(b"data")
    store.put_folder(tmp_path / "in", "models/abc")
    manifest = store.get("models/abc/manifest.json")
    store.get = lambda key: manifest
    spoil_first(store, b"dat4")
    store.get_folder("models/abc", tmp_path / "out")
    assert (tmp_path / "out/a").read_bytes() == b"data"


def test_wrong_bytes_of_somebody_elses_object_are_read_again(store: S3Store, s3: Any, tmp_path: Path) -> None:
    s3.put_object(Bucket=store.bucket, Key="some/prefix/key", Body=b"data")
    spoil_first(store, b"dat4")
    store.download(store.list("key")[0], tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"data"


def test_an_object_whose_etag_is_no_md5_is_downloaded(store: S3Store, s3: Any, tmp_path: Path) -> None:
    at = {"Bucket": store.bucket, "Key": "some/prefix/key"}
    upload = at | {"UploadId": s3.create_multipart_upload(**at)["UploadId"]}
    part = s3.upload_part(**upload, PartNumber=1, Body=b"data")["ETag"]
    parts = [{"ETag": part, "PartNumber": 1}]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    store.download(store.list("key")[0], tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"data"


def test_an_object_that_changed_since_it_was_listed_is_told(store: S3Store, tmp_path: Path) -> None:
    store.put("key", b"old")
    entry = store.list("key")[0]
    store.put("key", b"new")
    with pytest.raises(UserError, match="changed while it was read; run again"):
        store.download(entry, tmp_path / "file")


def test_bytes_that_stay_wrong_are_told(store: S3Store, s3: Any) -> None:
    digest = hashlib.sha256(b"data").hexdigest()
    s3.put_object(Bucket=store.bucket, Key="some/prefix/key", Body=b"dat4", Metadata={"sha256": digest})
    with pytest.raises(Corrupt, match="some/prefix/key' is damaged"):
        store.get("key")


def resend(store: S3Store, before: Callable[[], object] = lambda: None) -> None:
    """Lose the answer to the first write, so that botocore sends it again; `before` happens in between."""

    def lost(attempts: int, **_: Any) -> int | None:
        if attempts > 1:
            return None
        before()
        return 0

    store._client.meta.events.register_first("needs-retry.s3.PutObject", lost)


@pytest.mark.parametrize("first", [True, False])
def test_a_conditional_write_whose_answer_was_lost_has_still_won(store: S3Store, first: bool) -> None:
    version = None if first else store.put_if("record", b"old", None)
    resend(store)
    written = store.put_if("record", b"new", version)
    assert store.read("record") == (b"new", written)


def test_a_conditional_write_that_was_overtaken_is_a_conflict(store: S3Store, s3: Any) -> None:
    theirs = {"Bucket": store.bucket, "Key": "some/prefix/record", "Body": b"new"}
    resend(store, before=lambda: s3.put_object(**theirs))
    with pytest.raises(Conflict):
        store.put_if("record", b"new", None)


@pytest.mark.parametrize(
    "use",
    [lambda s: s.get("a"), lambda s: s.put("a", b""), lambda s: s.put_if("a", b"", None), lambda s: s.list()],
)
def test_a_bucket_that_does_not_exist_is_the_users_error(s3: Any, use: Callable[[S3Store], Any]) -> None:
    with pytest.raises(UserError, match=r"s3://no-such-bucket.*the bucket does not exist; make it"):
        use(S3Store("s3://no-such-bucket"))


@pytest.mark.parametrize("url", ["s3://", "s3:///key"])
def test_a_url_without_a_bucket_is_refused(url: str) -> None:
    with pytest.raises(UserError, match="names no bucket"):
        S3Store(url)


def test_a_name_that_no_bucket_can_have_is_the_users_error(s3: Any) -> None:
    with pytest.raises(UserError, match="not a valid bucket and key"):
        S3Store("s3://a bucket").get("key")


def test_missing_credentials_are_told(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    s3_client._session.cache_clear()
    with pytest.raises(UserError, match="'s3://bucket/key': no credentials were found; set AWS_ACCESS_KEY_ID"):
        S3Store("s3://bucket").get("key")


def test_an_endpoint_where_nobody_answers_is_told_without_its_password(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://me:planted-secret@127.0.0.1:9")
    with pytest.raises(UserError, match=r"connect to http://127\.0\.0\.1:9, tried 5 times; check AWS_END") as told:
        S3Store("s3://bucket").get("key")
    assert "planted-secret" not in str(told.value)


@pytest.mark.parametrize("url", ["nonsense", "http://"])
def test_an_endpoint_that_is_none_is_told(s3: Any, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    with pytest.raises(UserError, match="S3 cannot be used"):
        S3Store("s3://bucket").get("key")


def test_a_metadata_address_as_endpoint_is_refused(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://169.254.169.254")
    with pytest.raises(UserError, match="link-local or metadata address"):
        S3Store("s3://bucket").get("key")


@pytest.mark.parametrize(("url", "mode"), [("http://127.0.0.1:9", "when_required"), ("", "when_supported")])
def test_checksums_are_left_out_for_stores_that_are_like_s3(
    s3: Any, monkeypatch: pytest.MonkeyPatch, url: str, mode: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    config = s3_client.make_client().meta.config
    assert (config.request_checksum_calculation, config.response_checksum_validation) == ("when_required", mode)
