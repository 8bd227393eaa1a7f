"""A store in an S3 bucket, at Amazon or anywhere else (AWS_ENDPOINT_URL)."""

import hashlib
import re
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

from stillhouse.components.storage.digests import sha256_bytes, sha256_file
from stillhouse.components.storage.manifest import MANIFEST, Corrupt, FileDigest, Manifest, files_to_put
from stillhouse.components.storage.names import check_name
from stillhouse.components.storage.s3_client import error_code, is_missing, make_client, patiently
from stillhouse.components.storage.store import Conflict, Entries, Entry, NotFound, Store, join
from stillhouse.errors import UserError

PART_BYTES = 32 << 20
"""Larger files travel in parts of this size."""

MD5 = re.compile(r'"[0-9a-f]{32}"')


class S3Store(Store):
    """Keys below s3://bucket/prefix; conditional writes by If-Match and If-None-Match.

    Each object carries its SHA-256 as metadata, and each read is checked against it. The first use imports
    boto3.
    """

    def __init__(self, url: str) -> None:
        self.bucket, _, prefix = url.partition("://")[2].partition("/")
        if not self.bucket:
            raise UserError(f"'{url}' names no bucket; write s3://bucket/prefix.")
        self.prefix = prefix.strip("/")
        self.url = f"s3://{join(self.bucket, self.prefix)}"
        if self.prefix:
            check_name(self.prefix, f"store '{self.url}'")

    def read(self, key: str) -> tuple[bytes, str]:
        def operation() -> tuple[bytes, str]:
            answer = self._client.get_object(**self._at(key))
            data = answer["Body"].read()
            if answer["Metadata"].get("sha256", sha256_bytes(data)) != sha256_bytes(data):
                raise Corrupt(f"'{self.uri(key)}' is damaged: its SHA-256 is wrong; write it again.")
            return data, answer["ETag"]

        return self._do(key, operation)

    def put(self, key: str, data: bytes) -> None:
        metadata = {"sha256": sha256_bytes(data)}
        self._do(key, lambda: self._client.put_object(**self._at(key), Body=data, Metadata=metadata))

    def put_if(self, key: str, data: bytes, version: str | None) -> str:
        from botocore.exceptions import ClientError

        condition = {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
        # A write whose answer was lost is sent again and then refused: by the mark we know our own.
        metadata = {"sha256": sha256_bytes(data), "write": uuid4().hex}

        def operation() -> str:
            try:
                request = {**self._at(key), **condition, "Metadata": metadata}
                return self._client.put_object(**request, Body=data)["ETag"]
            except ClientError as error:
                if error_code(error) not in {"PreconditionFailed", "412"} and not is_missing(error):
                    raise
                return self._version_of_write(key, metadata["write"])

        return self._do(key, operation)

    def list(self, prefix: str = "") -> Entries:
        full = join(self.prefix, check_name(prefix, f"store '{self.url}'") if prefix else "")

        def operation() -> Entries:
            # The first key that begins with the prefix is the prefix itself, if there is such a key.
            first = {"Bucket": self.bucket, "Prefix": full, "MaxKeys": 1}
            found = self._client.list_objects_v2(**first).get("Contents", []) if prefix else []
            found = [item for item in found if item["Key"] == full]
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket, Prefix=f"{full}/" if full else ""):
                found += page.get("Contents", [])
            return [self._entry(item) for item in found if not item["Key"].endswith("/")]

        return self._do(prefix, operation)

    def delete(self, prefix: str) -> None:
        check_name(prefix, f"store '{self.url}'")
        keys = [entry.key for entry in self.list(prefix)]
        # Manifests first: a folder that is half gone counts as not there.
        for key in sorted(keys, key=lambda key: (key.rpartition("/")[2] != MANIFEST, key)):
            self._delete_one(key)

    def put_folder(self, folder: Path | str, key: str) -> None:
        paths = dict(files_to_put(Path(folder)))
        manifest = Manifest(files={name: FileDigest.of(path) for name, path in paths.items()})
        there = {entry.key: entry.size for entry in self.list(key)}
        wanted = {join(key, name): file.size for name, file in manifest.files.items()}
        listed = join(key, MANIFEST)
        if there.pop(listed, None) is not None:
            if there == wanted and self.get(listed) == manifest.dump():
                return
            self._delete_one(listed)
        for name, path in paths.items():
            self._upload(join(key, name), path, manifest.files[name])
        for stale in there.keys() - wanted.keys():
            self._delete_one(stale)
        self.put(listed, manifest.dump())

    def download(self, entry: Entry, path: Path) -> None:
        """Copy the listed object, which may be somebody else's, to a new file at `path`.

        It is checked by its size, and by the SHA-256 in its metadata or by its ETag where that is an MD5.

        Raises:
            UserError: the object has changed since it was listed.
            Corrupt: other bytes came than the store says it has.
        """
        address = self.uri(entry.key)

        def operation() -> None:
            head = self._client.head_object(**self._at(entry.key))
            if head["ETag"] != entry.version:
                raise UserError(f"'{address}' changed while it was read; run again.")
            self._transfer_in(entry.key, path)
            if path.stat().st_size != entry.size or not _is_whole(path, head):
                raise Corrupt(f"'{address}' arrived damaged; try again.")

        self._do(entry.key, operation)

    @cached_property
    def _client(self) -> Any:
        return make_client()

    @cached_property
    def _transfers(self) -> Any:
        from boto3.s3.transfer import TransferConfig

        return TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=8)

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": join(self.prefix, check_name(key, f"store '{self.url}'"))}

    def _do(self, key: str, operation: Any) -> Any:
        from botocore.exceptions import ClientError

        try:
            return patiently(self.uri(key), operation)
        except ClientError:
            raise NotFound(f"'{self.uri(key)}' is not there") from None

    def _entry(self, item: dict[str, Any]) -> Entry:
        key = item["Key"].removeprefix(f"{self.prefix}/") if self.prefix else item["Key"]
        return Entry(key, item["Size"], item["ETag"], item["LastModified"].timestamp())

    def _version_of_write(self, key: str, mark: str) -> str:
        from botocore.exceptions import ClientError

        try:
            head = self._client.head_object(**self._at(key))
        except ClientError as error:
            if not is_missing(error):
                raise
            head = None
        if head is None or head["Metadata"].get("write") != mark:
            raise Conflict(f"'{self.uri(key)}' was written by somebody else in the meantime")
        return head["ETag"]

    def _delete_one(self, key: str) -> None:
        self._do(key, lambda: self._client.delete_object(**self._at(key)))

    def _upload(self, key: str, path: Path, digest: FileDigest) -> None:
        def operation() -> None:
            extra = {"Metadata": {"sha256": digest.sha256}}
            at = self._at(key)
            with path.open("rb") as file:
                self._client.upload_fileobj(file, *at.values(), ExtraArgs=extra, Config=self._transfers)

        self._do(key, operation)

    def _transfer_in(self, key: str, path: Path) -> None:
        with path.open("wb") as file:
            self._client.download_fileobj(*self._at(key).values(), file, Config=self._transfers)

    def _copy_out(self, key: str, path: Path, expected: FileDigest) -> None:
        def operation() -> None:
            self._transfer_in(key, path)
            expected.check(FileDigest.of(path), self.uri(key))

        self._do(key, operation)


def _is_whole(path: Path, head: dict[str, Any]) -> bool:
    if sha256 := head["Metadata"].get("sha256"):
        return sha256 == sha256_file(path)
    plain = head.get("ServerSideEncryption") in {None, "AES256"} and MD5.fullmatch(head["ETag"])
    if not plain:
        return True
    with path.open("rb") as file:
        return head["ETag"].strip('"') == hashlib.file_digest(file, "md5").hexdigest()
