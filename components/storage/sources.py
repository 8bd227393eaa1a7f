"""Where data comes from: a file or folder, s3://bucket/prefix or hf://owner/name[@revision][/config].

Listing tells whether a source has changed without reading more of it than it must; fetching brings it to this
machine. What the files hold is prepare's business. Names that begin with a dot or
an underscore are not data, and left out. Of a source
that is a window of partitions (`windows`) only the files within it count.
"""

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stillhouse.components.storage.digests import digest_json, files_below, sha256_file
from stillhouse.components.storage.disk import sibling, staged_file, writing
from stillhouse.components.storage.layouts import data_names
from stillhouse.components.storage.names import check_name, path_inside, refuse_links_out
from stillhouse.components.storage.store import Entry
from stillhouse.components.storage.urls import local_path, scheme_of
from stillhouse.components.storage.windows import Partitions, Window
from stillhouse.errors import UserError

if TYPE_CHECKING:
    from stillhouse.components.storage.s3.store import S3Store

SMALL_BYTES = 64 << 20
"""Local files up to this size are known by their content; larger ones by size and time of change."""

FETCHED = ".stillhouse-fetched.json"
"""Which versions of S3 objects lie in a folder that was fetched to."""

PARALLEL = 8
"""S3 objects fetched at the same time."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of a source."""

    name: str
    """Relative to the source, with '/' between its parts; of a single file its own name."""
    size: int
    """In bytes."""
    version: str
    """Another one means that the file has changed: SHA-256, size and time, ETag, or commit."""


def list_source(url: str, window: Window | None = None) -> list[SourceFile]:
    """The files of the source, sorted by name; those within `window` if it is one of partitions.

    Raises:
        UserError: it does not exist, holds no file, cannot be reached, or its address is refused.
    """
    place, wanted = _place(url, window)
    scheme = scheme_of(place, ("file", "s3", "hf"))
    if scheme == "s3":
        return [SourceFile(name, entry.size, entry.version) for name, entry in _s3_entries(place) if wanted(name)]
    if scheme == "hf":
        from stillhouse.components.storage.hub import list_hub

        return [SourceFile(*found) for found in list_hub(url)]
    return [_described(name, path) for name, path in _local_files(place) if wanted(name)]


def digest_files(files: Iterable[SourceFile]) -> str:
    """Of their names, sizes and versions: another one means that something has changed."""
    return digest_json(sorted([file.name, file.size, file.version] for file in files))


def digest_source(url: str) -> str:
    """`digest_files` of a source.

    Raises:
        UserError: as `list_source`.
    """
    return digest_files(list_source(url))


def names_below(url: str) -> list[str]:
    """Names of all files of a folder or a bucket's prefix, sorted; nothing of them is read.

    Raises:
        UserError: as `list_source`.
    """
    if scheme_of(url, ("file", "s3")) == "s3":
        return [name for name, _ in _s3_entries(url)]
    return [name for name, _ in _local_files(url)]


def fetch_source(url: str, folder: Path | str, window: Window | None = None) -> list[Path]:
    """Paths of the source's files on this machine, sorted by name; those within `window` if it is one of partitions.

    Local files stay where they are. S3 objects are downloaded to `folder`, those only whose size or ETag has
    changed since the last time. A hub's dataset arrives there in its own files.

    Raises:
        UserError: as `list_source`; or a file changed, or arrived damaged each time it was tried.
    """
    place, wanted = _place(url, window)
    scheme = scheme_of(place, ("file", "s3", "hf"))
    if scheme == "s3":
        return _fetch_s3(place, Path(folder), wanted)
    if scheme == "hf":
        from stillhouse.components.storage.hub import fetch_hub

        return fetch_hub(url, Path(folder))
    return [path for name, path in _local_files(place) if wanted(name)]


def _place(url: str, window: Window | None) -> tuple[str, Callable[[str], bool]]:
    """Where to look, and which of the names there count."""
    partitions = Partitions.of(url) if window else None
    if partitions is None or window is None:
        return url, lambda name: True
    return partitions.root, lambda name: bool((moment := partitions.moment(name)) and window.holds(moment))


def _local_files(url: str) -> list[tuple[str, Path]]:
    path = local_path(url)
    if path.is_file():
        return [(path.name, path)]
    if path.exists() and not path.is_dir():
        raise UserError(f"source '{url}' is a pipe, a socket or a device; name a file or a folder.")
    if not path.is_dir():
        raise UserError(f"source '{url}' does not exist; check the path.")
    refuse_links_out(path)
    found = dict(files_below(path))
    files = [(name, found[name]) for name in data_names(found, url)]
    if not files:
        raise UserError(
            f"source '{url}' is a folder without files (but for names that begin with '.' or '_'); put the data there "
            "or check the path."
        )
    return files


def _described(name: str, path: Path) -> SourceFile:
    try:
        found = path.stat()
        small = found.st_size <= SMALL_BYTES
        version = sha256_file(path) if small else f"{found.st_size}-{found.st_mtime_ns}"
    except OSError as error:
        raise UserError(f"cannot read '{path}': {error.strerror}; fix its permissions, or take it out.") from None
    return SourceFile(name, found.st_size, version)


def _s3_entries(url: str) -> list[tuple[str, Entry]]:
    store, key = _s3_store(url)
    found = []
    for entry in store.list(key):
        name = entry.key.removeprefix(f"{key}/") if entry.key != key else key.rpartition("/")[2]
        found.append((check_name(name, f"source '{url}'"), entry))
    wanted = set(data_names((name for name, _ in found), url))
    if not wanted:
        raise UserError(f"source '{url}' does not exist; check bucket and key.")
    return [(name, entry) for name, entry in found if name in wanted]


def _s3_store(url: str) -> "tuple[S3Store, str]":
    from stillhouse.components.storage.s3.store import S3Store

    bucket, _, key = url.partition("://")[2].partition("/")
    return S3Store(f"s3://{bucket}"), key.strip("/")


def _fetch_s3(url: str, folder: Path, wanted: Callable[[str], bool]) -> list[Path]:
    store, _ = _s3_store(url)
    index = folder / FETCHED
    known = json.loads(index.read_bytes()) if index.is_file() else {}
    fetched: dict[str, list[str | int]] = {}

    def fetch(found: tuple[str, Entry]) -> Path:
        name, entry = found
        path = path_inside(folder, name, f"source '{url}'")
        wanted = [store.uri(entry.key), entry.size, entry.version]
        if known.get(name) != wanted or not path.is_file() or path.stat().st_size != entry.size:
            _download(store, entry, path)
        fetched[name] = wanted
        return path

    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with ThreadPoolExecutor(PARALLEL) as pool:
                return list(pool.map(fetch, [found for found in _s3_entries(url) if wanted(found[0])]))
        finally:
            with staged_file(index, json.dumps(fetched).encode()) as staged:
                staged.replace(index)


def _download(store: "S3Store", entry: Entry, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = sibling(path)
    try:
        store.download(entry, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
