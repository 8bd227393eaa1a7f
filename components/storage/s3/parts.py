"""Files too large for one request travel to and from S3 in parts, each of them checked and repeated by itself."""

import hashlib
import logging
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

from stillhouse.components.storage.digests import CHUNK, copy_hashed, sha256_file
from stillhouse.components.storage.manifest import Corrupt
from stillhouse.components.storage.s3.client import Garbled, error_code, max_attempts, patiently, times
from stillhouse.errors import UserError

log = logging.getLogger(__name__)

PART_BYTES = 32 << 20
"""Larger files travel in parts of this size."""

THREADS = 8
"""Parts of one file on their way at the same time."""

RESTARTS = 3
"""Times that an upload is begun when its parts vanish, because another writer of the same key cleared them away."""

MD5 = re.compile(r'"?[0-9a-f]{32}"?')
MD5_OF_PARTS = re.compile(r'"?[0-9a-f]{32}-(?P<parts>\d+)"?')

At = dict[str, str]
"""Bucket and Key of an object, as the client takes them."""


def send_bytes(send: Callable[..., dict[str, Any]], data: bytes, address: str, **request: Any) -> dict[str, Any]:
    """Send `data` once by `send` (put_object, upload_part), with the MD5 by which the store sees damage; its answer.

    Raises:
        Garbled: the store did not look, and its answer says that it took other bytes.
    """
    md5 = md5_of(data)
    answer = send(**request, Body=data, ContentMD5=md5)
    refuse_garbled(answer, md5, address)
    return answer


def md5_of(data: bytes) -> str:
    """The MD5 of `data` as a request says it: by it every store sees whether the bytes arrived."""
    return b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def refuse_garbled(answer: dict[str, Any], md5: str, address: str) -> None:
    """Compare the MD5 of what was sent with the ETag in what the store says of an object or a part.

    Raises:
        Garbled: the store holds other bytes.
    """
    if _names_md5(answer) and answer["ETag"].strip('"') != b64decode(md5).hex():
        raise Garbled(f"'{address}': the store received other bytes than were sent; check what lies between.")


def upload(client: Any, at: At, path: Path, metadata: dict[str, str], address: str) -> None:
    """Copy the file at `path`, in parts if it is large. What a failed upload in parts leaves in the store is removed.

    Args:
        metadata: Of the object; by its "sha256" an object that is there already is known.

    Raises:
        UserError: it failed for good, in one sentence.
    """
    from botocore.exceptions import ClientError

    if path.stat().st_size <= PART_BYTES:
        data, request = path.read_bytes(), {**at, "Metadata": metadata}
        patiently(address, lambda: send_bytes(client.put_object, data, address, **request))
        return
    for _ in range(RESTARTS):
        try:
            _upload_once(client, at, path, metadata, address)
            return
        except ClientError:  # the upload is no more: it was completed and the answer lost, or cleared away
            if _is_there(client, at, metadata, address):
                return
    raise UserError(
        f"'{address}': its upload was ended by somebody else {RESTARTS} times; "
        "see who writes or clears there, then run again."
    )


def download(client: Any, at: At, path: Path, size: int, check: Callable[[], None], address: str) -> None:
    """Copy an object of `size` bytes to `path`, until `check` finds the file to be what it should.

    When the whole is wrong nobody knows which part is: all are fetched again, and a part is believed when the same
    bytes came twice.

    Raises:
        Corrupt: `check` said so of what is believed, or each time.
        UserError, ClientError: As `patiently`.
    """
    offsets = list(range(0, size, PART_BYTES)) or [0]
    seen: dict[int, set[str]] = {offset: set() for offset in offsets}

    def believe(offset: int) -> bool:
        digest = patiently(address, lambda: _fetch_part(client, at, path, offset, size, address))
        known = digest in seen[offset]
        seen[offset].add(digest)
        return known

    path.touch()
    attempt = 0
    while True:
        attempt += 1
        with ThreadPoolExecutor(THREADS) as pool:
            believed = list(pool.map(believe, offsets))
        try:
            return check()
        except Corrupt as error:
            offsets = [offset for offset, known in zip(offsets, believed, strict=True) if not known]
            if not offsets or attempt >= max_attempts():
                raise Corrupt(f"{error} It was fetched {times(attempt)}.") from None


def is_whole(client: Any, at: At, path: Path, head: dict[str, Any], address: str) -> bool:
    """Whether the file at `path` is the object with that `head`. True, too, where the store tells no digest.

    It is known by the SHA-256 in its metadata, or by its ETag, which is an MD5, or that of the MD5s of its parts.
    """
    if sha256 := head["Metadata"].get("sha256"):
        return sha256 == sha256_file(path)
    if _names_md5(head):
        return head["ETag"].strip('"') == _md5(path, 0, path.stat().st_size).hex()
    num_parts = _num_parts(head)
    sizes = [_part_size(client, at, number, address) for number in range(1, num_parts + 1)]
    if not sizes or sum(sizes) != path.stat().st_size:
        return True
    starts = accumulate(sizes, initial=0)
    digests = (_md5(path, start, size) for start, size in zip(starts, sizes, strict=False))
    whole = hashlib.md5(b"".join(digests), usedforsecurity=False)
    return head["ETag"].strip('"') == f"{whole.hexdigest()}-{num_parts}"


def unfinished(client: Any, bucket: str, key: str, address: str) -> list[str]:
    """Ids of the uploads to `key` that were begun and neither completed nor aborted."""
    answer = patiently(address, lambda: client.list_multipart_uploads(Bucket=bucket, Prefix=key))
    return [found["UploadId"] for found in answer.get("Uploads", []) if found["Key"] == key]


def _upload_once(client: Any, at: At, path: Path, metadata: dict[str, str], address: str) -> None:
    begun: list[str | None] = []

    def begin() -> str:
        begun.append(None)  # stays so where the answer is lost: then an upload may lie there under an id unknown
        upload_id = client.create_multipart_upload(**at, Metadata=metadata)["UploadId"]
        begun[-1] = upload_id
        return upload_id

    def send(offset: int) -> dict[str, Any]:
        number = offset // PART_BYTES + 1
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read(PART_BYTES)
        request = {**at, "UploadId": upload_id, "PartNumber": number}
        answer = patiently(address, lambda: send_bytes(client.upload_part, data, address, **request))
        return {"ETag": answer["ETag"], "PartNumber": number}

    try:
        upload_id = patiently(address, begin)
        with ThreadPoolExecutor(THREADS) as pool:
            parts = list(pool.map(send, range(0, path.stat().st_size, PART_BYTES)))
        request = {**at, "UploadId": upload_id, "MultipartUpload": {"Parts": parts}}
        patiently(address, lambda: client.complete_multipart_upload(**request))
    except BaseException:
        _clear(client, at, begun, address)
        raise
    if None in begun:
        _clear(client, at, begun, address)


def _clear(client: Any, at: At, begun: list[str | None], address: str) -> None:
    """Abort the upload, and those whose ids were lost; another writer whose upload goes with them begins again."""
    from botocore.exceptions import ClientError

    try:
        lost = unfinished(client, at["Bucket"], at["Key"], address) if None in begun else []
        for upload_id in {*lost, *filter(None, begun)}:
            with suppress(ClientError):  # it is gone
                patiently(address, partial(client.abort_multipart_upload, **at, UploadId=upload_id))
    except UserError as error:  # why the upload failed is the better story
        log.warning("parts of an unfinished upload stay in the store until it is swept: %s", error)


def _is_there(client: Any, at: At, metadata: dict[str, str], address: str) -> bool:
    from botocore.exceptions import ClientError

    try:
        head = patiently(address, lambda: client.head_object(**at))
    except ClientError:
        return False
    return head["Metadata"].get("sha256") == metadata["sha256"]


def _fetch_part(client: Any, at: At, path: Path, offset: int, size: int, address: str) -> str:
    """Write the part at `offset` of an object of `size` bytes into the file; its SHA-256."""
    from botocore.exceptions import ClientError

    in_parts = size > PART_BYTES
    asked = {"Range": f"bytes={offset}-{min(offset + PART_BYTES, size) - 1}"} if in_parts else {}
    shrunk = Corrupt(f"'{address}' is damaged: it has not {size:,} bytes; put its folder there again.")
    try:
        answer = client.get_object(**at, **asked)
    except ClientError as error:
        raise shrunk if error_code(error) == "InvalidRange" else error from None
    if in_parts and answer.get("ContentRange", "").rpartition("/")[2] != str(size):
        raise shrunk
    with path.open("r+b") as file:
        file.seek(offset)
        _, digest = copy_hashed(answer["Body"], file)
        if not in_parts:
            file.truncate()
    return digest


def _names_md5(answer: dict[str, Any]) -> bool:
    """Whether the ETag is the MD5 of the bytes: of what came in one part and is not encrypted under a named key."""
    return _is_plain(answer) and MD5.fullmatch(answer["ETag"]) is not None


def _num_parts(head: dict[str, Any]) -> int:
    """Number of parts whose MD5s the ETag is made of; 0 if it is not made so."""
    found = MD5_OF_PARTS.fullmatch(head["ETag"])
    return int(found["parts"]) if found and _is_plain(head) else 0


def _is_plain(answer: dict[str, Any]) -> bool:
    return answer.get("ServerSideEncryption") in {None, "AES256"} and "SSECustomerAlgorithm" not in answer


def _part_size(client: Any, at: At, number: int, address: str) -> int:
    """Size of a part as it was uploaded; 0 of a store that does not tell."""
    from botocore.exceptions import ClientError

    def ask() -> int:
        try:
            return client.head_object(**at, PartNumber=number)["ContentLength"]
        except ClientError as error:
            if error_code(error) not in {"400", "404", "416", "501"}:
                raise
            return 0

    return patiently(address, ask)


def _md5(path: Path, start: int, size: int) -> bytes:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        file.seek(start)
        while chunk := file.read(min(CHUNK, size)):
            digest.update(chunk)
            size -= len(chunk)
    return digest.digest()
