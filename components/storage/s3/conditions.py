"""Conditional writes on S3: If-None-Match makes a key only where there is none, If-Match changes only what was read."""

from contextlib import suppress
from functools import partial
from typing import Any
from uuid import uuid4

from stillhouse.components.storage.digests import sha256_bytes
from stillhouse.components.storage.names import RESERVED
from stillhouse.components.storage.s3.client import endpoint, error_code, is_missing, patiently
from stillhouse.components.storage.s3.parts import md5_of, refuse_garbled
from stillhouse.components.storage.store import Conflict, join
from stillhouse.errors import UserError

REFUSALS = {"PreconditionFailed", "412"}

NO_VERSION = f'"{"0" * 32}"'
"""An ETag that no object has."""

_PROVEN: set[tuple[str | None, str]] = set()
"""Endpoints and buckets that this process has seen to honour conditions."""


class ConditionalWrite:
    """One write that wins or loses, to be called until the store answers; it returns the new version.

    Raises (when called):
        Conflict: the key is at another version than the one that is to be replaced.
        Garbled: the store took other bytes; the next call replaces those.
    """

    def __init__(self, client: Any, at: dict[str, str], data: bytes, version: str | None, address: str) -> None:
        self.client = client
        self.data = data
        self.md5 = md5_of(data)
        self.address = address
        self.at = at
        self.condition = _condition(version)
        # A write whose answer was lost is sent again and then refused: by the mark we know our own.
        self.metadata = {"sha256": sha256_bytes(data), "write": uuid4().hex}

    def __call__(self) -> str:
        from botocore.exceptions import ClientError

        request = {**self.at, **self.condition, "Metadata": self.metadata}
        try:
            answer = self.client.put_object(**request, Body=self.data, ContentMD5=self.md5)
        except ClientError as error:
            if error_code(error) not in REFUSALS and not is_missing(error):
                raise
            answer = self._own()
        # Should the store have taken other bytes, the next attempt replaces those.
        self.condition = _condition(answer["ETag"])
        refuse_garbled(answer, self.md5, self.address)
        return answer["ETag"]

    def _own(self) -> dict[str, Any]:
        """The head of what this write has made."""
        from botocore.exceptions import ClientError

        try:
            head = self.client.head_object(**self.at)
        except ClientError as error:
            if not is_missing(error):
                raise
            head = None
        if head is None or head["Metadata"].get("write") != self.metadata["write"]:
            raise Conflict(f"'{self.address}' was written by somebody else in the meantime")
        return head


def prove_conditions(client: Any, bucket: str, prefix: str, address: str) -> None:
    """See once per process that the store honours conditions: some take such a write and do not look.

    Raises:
        UserError: it does not; two writers at once could then overwrite each other unseen.
    """
    if (endpoint(), bucket) in _PROVEN:
        return
    at = {"Bucket": bucket, "Key": join(prefix, f"{RESERVED}probe-{uuid4().hex}")}
    try:
        _is_refused(client, at, None, address)
        ignored = [
            header
            for header, version in {"If-None-Match": None, "If-Match": NO_VERSION}.items()
            if not _is_refused(client, at, version, address)
        ]
    finally:
        with suppress(UserError):  # what went wrong before says more
            patiently(address, partial(client.delete_object, **at))
    if ignored:
        raise UserError(
            f"'{address}': the store ignores conditional writes ({' and '.join(ignored)}), so that two promotions at "
            "once could overwrite each other; use one that honours them, as Amazon S3 and MinIO do."
        )
    _PROVEN.add((endpoint(), bucket))


def _is_refused(client: Any, at: dict[str, str], version: str | None, address: str) -> bool:
    from botocore.exceptions import ClientError

    def write() -> bool:
        try:
            client.put_object(**at, **_condition(version), Body=b"")
        except ClientError as error:
            if error_code(error) not in REFUSALS:
                raise
            return True
        return False

    return patiently(address, write)


def _condition(version: str | None) -> dict[str, str]:
    return {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
