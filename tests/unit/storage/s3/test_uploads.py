"""Uploads that nobody has finished: found and aborted, others left alone."""

from typing import Any

import pytest

from stillhouse.components.storage.s3.store import S3Store
from stillhouse.components.storage.s3.uploads import abort, unfinished_uploads


@pytest.fixture
def begin(s3: Any, bucket: str) -> Any:
    """Begins an upload to a key of the bucket, with one part, as a process does that is killed then."""

    def begin(key: str) -> None:
        upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
        s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=b"part")

    return begin


def test_what_was_begun_below_the_store_is_found_with_its_size(begin: Any, bucket: str) -> None:
    begin("some/prefix/models/a/model.safetensors")
    begin("some/prefixed/model.safetensors")

    (found,) = unfinished_uploads(S3Store(f"s3://{bucket}/some/prefix"))

    assert (found.key, found.size) == ("models/a/model.safetensors", 4)


def test_what_is_aborted_is_gone_and_the_others_stay(begin: Any, bucket: str) -> None:
    begin("models/a/model.safetensors")
    begin("models/b/model.safetensors")
    store = S3Store(f"s3://{bucket}")
    first, second = unfinished_uploads(store)

    abort(store, first)

    assert unfinished_uploads(store) == [second]


def test_an_upload_that_is_no_more_is_aborted_without_a_word(begin: Any, bucket: str) -> None:
    begin("models/a/model.safetensors")
    store = S3Store(f"s3://{bucket}")
    (found,) = unfinished_uploads(store)
    abort(store, found)

    abort(store, found)
