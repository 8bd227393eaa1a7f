"""Content digests: what a cache key, a content address and a manifest are made of. All are SHA-256 in hex."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, BinaryIO

from stillhouse.errors import UserError

CHUNK = 1 << 20
"""Bytes read at once."""
SIGNATURE = "model.sig"
"""Of the files of a model, beside them: as OpenSSF Model Signing writes it."""
PROOF = "verdict.intoto.jsonl"
"""What a model was made of and why it was promoted, signed, beside its files."""


def sha256_bytes(data: bytes) -> str:
    """SHA-256 of `data`."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path | str) -> str:
    """SHA-256 of the file's bytes."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_folder(path: Path | str) -> str:
    """SHA-256 over the names and contents of all files below `path`, whatever order the disk lists them in.

    Times, permissions and empty folders do not count, nor do signatures (SIGNATURE, PROOF); links count as the file
    they lead to.

    Raises:
        UserError: `path` is not a folder.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise UserError(f"'{folder}' is not a folder; check the path.")
    files = ((name, file) for name, file in files_below(folder) if name not in (SIGNATURE, PROOF))
    return digest_json({name: sha256_file(file) for name, file in files})


def digest_json(value: Any) -> str:
    """SHA-256 of `value` as JSON with sorted keys.

    Raises:
        ValueError: `value` holds NaN or infinity, which JSON lacks.
        TypeError: `value` holds something that is not JSON.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return sha256_bytes(text.encode("utf-8", "surrogatepass"))


def files_below(folder: Path) -> list[tuple[str, Path]]:
    """Names (relative to `folder`, with '/') and paths of the files in it and below, sorted by name."""
    found = (Path(parent) / name for parent, _, names in os.walk(folder) for name in names)
    return sorted((file.relative_to(folder).as_posix(), file) for file in found)


def copy_hashed(source: BinaryIO, target: BinaryIO) -> tuple[int, str]:
    """Copy `source` to `target` in one pass; the number of bytes and the SHA-256 of what was copied."""
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(CHUNK):
        digest.update(chunk)
        target.write(chunk)
        size += len(chunk)
    return size, digest.hexdigest()
