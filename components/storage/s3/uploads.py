"""Uploads in parts that nobody has finished: their parts are in no listing and cost money until they are aborted."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from stillhouse.components.storage.s3.client import make_client, patiently
from stillhouse.components.storage.s3.store import S3Store
from stillhouse.components.storage.store import join


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload that was begun and neither completed nor aborted."""

    key: str
    """Of the store."""
    id: str
    started: float
    """Seconds since 1970, by the store's clock."""
    size: int
    """Bytes of the parts that have arrived."""


def unfinished_uploads(store: S3Store) -> list[Upload]:
    """All uploads below the store that are under way or were given up.

    Raises:
        UserError: the store does not answer, or does not let these credentials list uploads.
    """
    client, below = make_client(), f"{store.prefix}/" if store.prefix else ""

    def operation() -> list[dict[str, Any]]:
        # MinIO takes a prefix for the whole name of a key and has none below it: so the whole bucket is listed.
        pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=store.bucket)
        return [found for page in pages for found in page.get("Uploads", []) if found["Key"].startswith(below)]

    return [
        Upload(
            found["Key"].removeprefix(below),
            found["UploadId"],
            found["Initiated"].timestamp(),
            _size(client, store, found),
        )
        for found in patiently(store.url, operation)
    ]


def abort(store: S3Store, upload: Upload) -> None:
    """Remove the parts of an upload; one that is no more is not an error."""
    from botocore.exceptions import ClientError

    client, where = make_client(), {"Bucket": store.bucket, "Key": join(store.prefix, upload.key)}
    with suppress(ClientError):
        patiently(store.uri(upload.key), lambda: client.abort_multipart_upload(**where, UploadId=upload.id))


def _size(client: Any, store: S3Store, found: dict[str, Any]) -> int:
    from botocore.exceptions import ClientError

    asked = {"Bucket": store.bucket, "Key": found["Key"], "UploadId": found["UploadId"]}

    def operation() -> int:
        pages = client.get_paginator("list_parts").paginate(**asked)
        return sum(part["Size"] for page in pages for part in page.get("Parts", []))

    try:
        return patiently(store.url, operation)
    except ClientError:  # it has ended since it was listed
        return 0
