"""The one door for bytes that outlive a step: a store is a folder or an S3 prefix, addressed by keys."""

import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from stillhouse.components.storage.digests import copy_hashed, files_below, sha256_bytes, sha256_file
from stillhouse.components.storage.disk import (
    new_file,
    sibling,
    staged_file,
    staged_folder,
    sync_folder,
    writing,
)
from stillhouse.components.storage.manifest import (
    MANIFEST,
    Corrupt,
    FileDigest,
    Manifest,
    files_to_put,
)
from stillhouse.components.storage.names import RESERVED, path_inside
from stillhouse.components.storage.urls import local_path, scheme_of
from stillhouse.errors import UserError

LOCK_SECONDS = 60
"""How long a writer waits for another; the lock is held for a rename only."""


class NotFound(LookupError):
    """The store has nothing under the key."""


class Conflict(Exception):
    """Somebody else wrote the key since its version was read."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a listing."""

    key: str
    size: int
    """In bytes."""
    version: str
    """Another one means that the bytes may have changed; for `put_if` take the version that `read` gives."""
    modified: float
    """When it was last written, by the store's clock: seconds since 1970."""


Entries = list[Entry]
"""A listing."""


class Store(ABC):
    """Bytes under keys: relative paths with '/' between their parts.

    Every write is there whole or not at all, and every read of a folder is checked against its manifest.

    Raises (all methods):
        UserError: the key is not a plain relative path, or the store cannot be reached, read or written; one
            sentence that names the place and the fix.
    """

    url: str

    def uri(self, key: str) -> str:
        """The address of `key`, to be kept in records."""
        return f"{self.url}/{key}" if key else self.url

    def get(self, key: str) -> bytes:
        """The bytes under `key`.

        Raises:
            NotFound: there are none.
        """
        return self.read(key)[0]

    @abstractmethod
    def read(self, key: str) -> tuple[bytes, str]:
        """The bytes under `key`, and the version tag that `put_if` takes.

        Raises:
            NotFound: there are none.
        """

    @abstractmethod
    def put(self, key: str, data: bytes) -> None:
        """Write `data` under `key`, over whatever is there."""

    @abstractmethod
    def put_if(self, key: str, data: bytes, version: str | None) -> str:
        """Write `data` if `key` is still at `version` (None: if there is no such key); the new version.

        Of several writers that read the same version, exactly one succeeds.

        Raises:
            Conflict: the key is at another version.
        """

    @abstractmethod
    def list(self, prefix: str = "") -> Entries:
        """The key `prefix` and all keys below `prefix/`, sorted; with an empty prefix all keys."""

    @abstractmethod
    def delete(self, prefix: str) -> None:
        """Remove the key `prefix` and all keys below `prefix/`; nothing there is no error."""

    @abstractmethod
    def put_folder(self, folder: Path | str, key: str) -> None:
        """Copy the files of `folder` under `key`, and their manifest last, in place of what is there.

        A folder that is there already with the same content stays as it is.
        """

    def manifest(self, key: str) -> Manifest:
        """What the folder under `key` was when it was put there.

        Raises:
            NotFound: nothing was put there, or not to its end.
            Corrupt: what lies there is no manifest.
        """
        listed = join(key, MANIFEST)
        return Manifest.parse(self.get(listed), self.uri(listed))

    def get_folder(self, key: str, folder: Path | str, manifest: Manifest | None = None) -> None:
        """Copy what was put under `key` to `folder`, which appears when every file is proven whole.

        Args:
            manifest: Take the folder as it was then; what is there now if left out.

        Raises:
            NotFound: nothing was put there, or not to its end.
            Corrupt: a file is missing or is not what its manifest says.
            UserError: `folder` already holds something else.
        """
        target, address = Path(folder), self.uri(key)
        manifest = manifest or self.manifest(key)
        if target.is_dir() and any(target.iterdir()):
            if manifest.matches(target):
                return
            raise UserError(f"'{target}' holds other files than '{address}'; name a new folder.")
        with writing(target), staged_folder(target) as staged:
            for name, expected in manifest.files.items():
                path = path_inside(staged, name, address)
                path.parent.mkdir(parents=True, exist_ok=True)
                try:
                    self._copy_out(join(key, name), path, expected)
                except NotFound:
                    mend = "put the folder into the store again"
                    raise Corrupt(f"'{address}': '{name}' is in the manifest and not there; {mend}.") from None
            try:
                staged.rename(target)
            except OSError:
                if not manifest.matches(target):  # else another process was first to bring the same
                    raise

    @abstractmethod
    def _copy_out(self, key: str, path: Path, expected: FileDigest) -> None:
        """Write the bytes under `key` to a new file at `path`; raises Corrupt unless they are as expected."""


def open_store(url: str | Path) -> Store:
    """The store at a path, a file:// or an s3:// URL; nothing is read or made before it is used.

    Raises:
        UserError: another scheme, a refused address, or no bucket.
    """
    if scheme_of(str(url), ("file", "s3")) == "file":
        return FileStore(local_path(str(url)))
    from stillhouse.components.storage.s3.store import S3Store

    return S3Store(str(url))


class FileStore(Store):
    """A store in a folder: atomic renames, and one lock for the moment of a rename."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = str(root)

    def read(self, key: str) -> tuple[bytes, str]:
        try:
            data = self._path(key).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise NotFound(f"'{self.uri(key)}' is not there") from None
        except OSError as error:
            raise UserError(f"cannot read '{self.uri(key)}': {error.strerror}; fix its permissions.") from error
        return data, sha256_bytes(data)

    def put(self, key: str, data: bytes) -> None:
        self._write(key, data, lambda path: None)

    def put_if(self, key: str, data: bytes, version: str | None) -> str:
        def check(path: Path) -> None:
            if (sha256_file(path) if path.exists() else None) != version:
                raise Conflict(f"'{path}' was written by somebody else in the meantime")

        self._write(key, data, check)
        return sha256_bytes(data)

    def list(self, prefix: str = "") -> Entries:
        top = self._path(prefix) if prefix else self.root
        below = ((join(prefix, name), path) for name, path in files_below(top))
        found = [(prefix, top)] if top.is_file() else below
        return [entry for key, path in found if RESERVED not in key and (entry := _entry(key, path))]

    def delete(self, prefix: str) -> None:
        path = self._path(prefix)
        if not path.exists():
            return
        # Out of the way in one rename first: nobody finds a folder that is half gone.
        doomed = sibling(path)
        with writing(path):
            with self._lock():
                path.rename(doomed)
            shutil.rmtree(doomed) if doomed.is_dir() else doomed.unlink()

    def put_folder(self, folder: Path | str, key: str) -> None:
        files, target = files_to_put(Path(folder)), self._path(key)
        with writing(target), staged_folder(target) as staged:
            manifest = Manifest(files={name: _copy_in(path, staged / name) for name, path in files})
            if _holds(target, manifest):
                return
            with new_file(staged / MANIFEST) as file:
                file.write(manifest.dump())
            for parent, *_ in os.walk(staged):
                sync_folder(Path(parent))
            replaced = sibling(target)
            with self._lock():
                if target.exists():
                    target.rename(replaced)
                staged.rename(target)
            sync_folder(target.parent)
            shutil.rmtree(replaced, ignore_errors=True)

    def _copy_out(self, key: str, path: Path, expected: FileDigest) -> None:
        source = self._path(key)
        if not source.is_file():
            raise NotFound(self.uri(key))
        with source.open("rb") as stored, path.open("xb") as copy:
            size, sha256 = copy_hashed(stored, copy)
        expected.check(FileDigest(size=size, sha256=sha256), self.uri(key))

    def _path(self, key: str) -> Path:
        return path_inside(self.root, key, f"store '{self.url}'")

    def _lock(self) -> FileLock:
        self.root.mkdir(parents=True, exist_ok=True)
        return FileLock(self.root / f"{RESERVED}lock", timeout=LOCK_SECONDS, poll_interval=0.002)

    def _write(self, key: str, data: bytes, check: Callable[[Path], None]) -> None:
        path = self._path(key)
        with writing(path):
            with staged_file(path, data) as staged, self._lock():
                check(path)
                staged.replace(path)
            sync_folder(path.parent)


def join(*parts: str) -> str:
    """A key out of those parts that are not empty."""
    return "/".join(part for part in parts if part)


def _entry(key: str, path: Path) -> Entry | None:
    try:
        found = path.stat()
    except FileNotFoundError:  # removed since it was listed
        return None
    return Entry(key, found.st_size, f"{found.st_size}-{found.st_mtime_ns}", found.st_mtime)


def _copy_in(source: Path, path: Path) -> FileDigest:
    path.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as file, new_file(path) as copy:
        size, sha256 = copy_hashed(file, copy)
    return FileDigest(size=size, sha256=sha256)


def _holds(folder: Path, manifest: Manifest) -> bool:
    written = folder / MANIFEST
    return written.is_file() and written.read_bytes() == manifest.dump() and manifest.matches(folder)
