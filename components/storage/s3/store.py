"""A store in an S3 bucket, at Amazon or anywhere else (AWS_ENDPOINT_URL)."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from stillhouse.components.storage.digests import sha256_bytes
from stillhouse.components.storage.manifest import MANIFEST, Corrupt, FileDigest, Manifest, files_to_put
from stillhouse.components.storage.names import RESERVED, check_name
from stillhouse.components.storage.s3.client import Garbled, make_client, patiently
from stillhouse.components.storage.s3.conditions import ConditionalWrite, prove_conditions
from stillhouse.components.storage.s3.parts import download, is_whole, send_bytes, upload
from stillhouse.components.storage.store import Entries, Entry, NotFound, Store, join
from stillhouse.errors import UserError

T = TypeVar("T")


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
        address, wrong = self.uri(key), set()

        def operation() -> tuple[bytes, str]:
            answer = self._client.get_object(**self._at(key))
            data = answer["Body"].read()
            digest = sha256_bytes(data)
            if answer["Metadata"].get("sha256", digest) != digest:
                damaged = f"'{address}' is damaged: its SHA-256 is wrong; write it again."
                if digest in wrong:  # the same came twice: so it lies there, and will come again
                    raise Corrupt(damaged)
                wrong.add(digest)
                raise Garbled(damaged)
            return data, answer["ETag"]

        return self._do(key, operation)

    def read_part(self, key: str, start: int, stop: int) -> bytes:
        """The bytes of an object, which may be somebody else's, from `start` to before `stop`.

        Raises:
            NotFound: there is no such object.
        """

        def operation() -> bytes:
            answer = self._client.get_object(**self._at(key), Range=f"bytes={start}-{stop - 1}")
            return answer["Body"].read()

        return self._do(key, operation)

    def put(self, key: str, data: bytes) -> None:
        request = {**self._at(key), "Metadata": {"sha256": sha256_bytes(data)}}
        self._do(key, lambda: send_bytes(self._client.put_object, data, self.uri(key), **request))

    def put_if(self, key: str, data: bytes, version: str | None) -> str:
        prove_conditions(self._client, self.bucket, self.prefix, self.url)
        write = ConditionalWrite(self._client, self._at(key), data, version, self.uri(key))
        return self._do(key, write)

    def list(self, prefix: str = "") -> Entries:
        full = join(self.prefix, check_name(prefix, f"store '{self.url}'") if prefix else "")
        # The first key that begins with the prefix is the prefix itself, if there is such a key.
        found = self._page(prefix, Prefix=full, MaxKeys=1).get("Contents", []) if prefix else []
        found = [item for item in found if item["Key"] == full]
        asked: dict[str, Any] = {"Prefix": f"{full}/" if full else ""}
        while True:
            page = self._page(prefix, **asked)
            found += page.get("Contents", [])
            if not page.get("IsTruncated"):
                break
            asked["ContinuationToken"] = page["NextContinuationToken"]
        own = f"/{RESERVED}"
        return [self._entry(item) for item in found if not item["Key"].endswith("/") and own not in f"/{item['Key']}"]

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
            at, address = self._at(join(key, name)), self.uri(join(key, name))
            upload(self._client, at, path, {"sha256": manifest.files[name].sha256}, address)
        for stale in there.keys() - wanted.keys():
            self._delete_one(stale)
        self.put(listed, manifest.dump())

    def download(self, entry: Entry, path: Path) -> None:
        """Copy the listed object, which may be somebody else's, to a new file at `path`.

        It is checked by its size, and by the SHA-256 in its metadata or by its ETag where that is made of MD5s.

        Raises:
            UserError: the object has changed since it was listed.
            Corrupt: other bytes came than the store says it has.
        """
        address, at = self.uri(entry.key), self._at(entry.key)
        changed = UserError(f"'{address}' changed while it was read; run again.")

        def check() -> None:
            if path.stat().st_size != entry.size or not is_whole(self._client, at, path, head, address):
                raise Corrupt(f"'{address}' arrived damaged; try again.")

        try:
            head = self._do(entry.key, lambda: self._client.head_object(**at))
            if head["ETag"] != entry.version:
                raise changed
            self._fetch(entry.key, path, entry.size, check)
        except NotFound:
            raise changed from None

    @cached_property
    def _client(self) -> Any:
        return make_client()

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": join(self.prefix, check_name(key, f"store '{self.url}'"))}

    def _do(self, key: str, operation: Callable[[], T]) -> T:
        from botocore.exceptions import ClientError

        try:
            return patiently(self.uri(key), operation)
        except ClientError:
            raise NotFound(f"'{self.uri(key)}' is not there") from None

    def _page(self, prefix: str, **asked: Any) -> dict[str, Any]:
        return self._do(prefix, lambda: self._client.list_objects_v2(Bucket=self.bucket, **asked))

    def _entry(self, item: dict[str, Any]) -> Entry:
        key = item["Key"].removeprefix(f"{self.prefix}/") if self.prefix else item["Key"]
        return Entry(key, item["Size"], item["ETag"], item["LastModified"].timestamp())

    def _delete_one(self, key: str) -> None:
        self._do(key, lambda: self._client.delete_object(**self._at(key)))

    def _fetch(self, key: str, path: Path, size: int, check: Callable[[], None]) -> None:
        from botocore.exceptions import ClientError

        try:
            download(self._client, self._at(key), path, size, check, self.uri(key))
        except ClientError:
            raise NotFound(f"'{self.uri(key)}' is not there") from None

    def _copy_out(self, key: str, path: Path, expected: FileDigest) -> None:
        self._fetch(key, path, expected.size, lambda: expected.check(FileDigest.of(path), self.uri(key)))
