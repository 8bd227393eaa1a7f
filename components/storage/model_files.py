"""The files of a model, wherever it lies: small ones are read whole, of weights only the header.

A base model is looked at before anything is trained on it, and may have tens of gigabytes: none of them is fetched.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stillhouse.components.storage.digests import files_below
from stillhouse.components.storage.packages import is_package, package_folder
from stillhouse.components.storage.safetensors_header import BadHeaderError, Tensor, read_header
from stillhouse.components.storage.urls import local_path, scheme_of
from stillhouse.errors import UserError

SMALL_BYTES = 256 << 20
"""Largest file that is read whole: tokenizers have tens of megabytes."""


@dataclass(frozen=True)
class ModelFiles(ABC):
    """The files of a model."""

    address: str
    """As messages name it."""
    sizes: Mapping[str, int]
    """Bytes of each file by its name, '/' between the parts."""

    @abstractmethod
    def part(self, name: str, start: int, stop: int) -> bytes:
        """Bytes of a file, from `start` to before `stop`."""

    def read(self, name: str) -> bytes:
        """The whole of a small file.

        Raises:
            UserError: it is far larger than such a file is.
        """
        if self.sizes[name] > SMALL_BYTES:
            raise UserError(f"base '{self.address}': {name} has {self.sizes[name]:,} bytes, more than such a file has.")
        return self.part(name, 0, self.sizes[name]) if self.sizes[name] else b""

    def header(self, name: str) -> dict[str, Tensor]:
        """The tensors of a safetensors file.

        Raises:
            UserError: it is not one, or not whole.
        """
        try:
            return read_header(lambda start, stop: self.part(name, start, stop), self.sizes[name])
        except BadHeaderError as error:
            raise UserError(f"base '{self.address}': {name} cannot be read: {error}; save or copy it again.") from None


@dataclass(frozen=True)
class _LocalFiles(ModelFiles):
    root: Path

    def part(self, name: str, start: int, stop: int) -> bytes:
        try:
            with (self.root / name).open("rb") as file:
                file.seek(start)
                return file.read(stop - start)
        except OSError as error:
            reason = f"{name} cannot be read ({error.strerror}); fix its permissions"
            raise UserError(f"base '{self.address}': {reason}.") from None


@dataclass(frozen=True)
class _S3Files(ModelFiles):
    store: Any
    key: str

    def part(self, name: str, start: int, stop: int) -> bytes:
        from stillhouse.components.storage.store import NotFound, join

        try:
            return self.store.read_part(join(self.key, name), start, stop)
        except NotFound:
            raise UserError(f"base '{self.address}': {name} was there a moment ago; run again.") from None


@dataclass(frozen=True)
class _HubFiles(ModelFiles):
    repository: str
    commit: str

    def part(self, name: str, start: int, stop: int) -> bytes:
        from stillhouse.components.storage.hub import read_part

        return read_part(self.repository, self.commit, name, start, stop)


def model_files(address: str) -> ModelFiles:
    """The files of the model at `address`: a folder, package://name, s3://bucket/prefix or hf://name@commit.

    Raises:
        UserError: there is no such folder, package or prefix.
    """
    if is_package(address):
        return _local(address, package_folder(address))
    scheme = scheme_of(address, ("file", "s3", "hf"))
    if scheme == "s3":
        from stillhouse.components.storage.s3.store import S3Store

        bucket, _, key = address.partition("://")[2].partition("/")
        store, key = S3Store(f"s3://{bucket}"), key.strip("/")
        sizes = {entry.key.removeprefix(f"{key}/"): entry.size for entry in store.list(key)}
        return _S3Files(address, sizes, store, key)
    if scheme == "hf":
        from stillhouse.components.storage.hub import list_model

        name, _, commit = address.removeprefix("hf://").partition("@")
        return _HubFiles(address, list_model(address), name, commit)
    return _local(address, local_path(address))


def _local(address: str, root: Path) -> ModelFiles:
    return _LocalFiles(address, {name: path.stat().st_size for name, path in files_below(root)}, root)
