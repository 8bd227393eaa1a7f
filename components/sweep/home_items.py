"""What lies in a home folder: cached steps, copies of what lies elsewhere, and the folders of runs."""

import json
import re
import shutil
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from stillhouse.components.storage.digests import files_below
from stillhouse.components.storage.home import CACHE, DOWNLOADS, FETCHED, OUTPUTS, SOURCES, TEMPORARY
from stillhouse.components.storage.names import RESERVED
from stillhouse.components.storage.store import Entries, Entry, FileStore, Store
from stillhouse.components.sweep.items import Item, grouped, item_of
from stillhouse.components.tracking.spool import unsent

COPIES = {SOURCES: "fetched data", FETCHED: "fetched models", DOWNLOADS: "downloaded models"}
"""Folders of copies, and what they hold."""
RUNS = "folders of runs"
STAGED = re.compile(re.escape(RESERVED) + "[0-9a-f]{32}")
"""Names under which the store writes what is not whole yet (`disk.sibling`)."""


def home_items(local: FileStore, besides: Store) -> list[Item]:
    """All that local runs leave in a home folder, the store `besides` it aside."""
    copies = [
        item_of(kind, local, (key,), entries)
        for top, kind in COPIES.items()
        for key, entries in grouped(local.list(top), 2).items()
    ]
    other = besides.root if isinstance(besides, FileStore) else None
    return [*staged_items(local, other), *_cached_steps(local), *copies, *_runs(local)]


def staged_items(store: FileStore, without: Path | None = None) -> list[Item]:
    """What killed processes were writing when they ended; `without` is a folder that does not count."""
    found = []
    for path in store.root.rglob(f"{RESERVED}*"):
        inside = any(part.startswith(RESERVED) for part in path.relative_to(store.root).parts[:-1])
        if inside or not STAGED.fullmatch(path.name) or (without and path.is_relative_to(without)):
            continue
        with suppress(FileNotFoundError):  # written to its end since it was listed
            stats = [path.stat(), *(file.stat() for _, file in files_below(path))]
            size, modified = sum(stat.st_size for stat in stats), max(stat.st_mtime for stat in stats)
            where, remove = path.parent.relative_to(store.root).as_posix(), partial(remove_path, path)
            found.append(Item("half-written files", store, (where,), size, modified, garbage=True, remove_now=remove))
    return found


def _cached_steps(store: FileStore) -> list[Item]:
    """Entries of the cache with the outputs they lead to, and outputs that no entry leads to."""
    outputs, entries_of, alone = grouped(store.list(OUTPUTS), 3), dict[str, Entries](), []
    for entry in store.list(CACHE):
        folder = _led_to(store.root, entry)
        if folder in outputs:
            entries_of.setdefault(folder, []).append(entry)
        else:
            alone.append(entry)
    items = [item_of("cached steps", store, (entry.key,), [entry]) for entry in alone]
    for folder, files in outputs.items():
        entries = entries_of.get(folder, [])
        keys = (*(entry.key for entry in entries), folder)
        kind = "cached steps" if entries else "outputs of steps"
        remove = partial(_remove_outputs, store, keys)
        items.append(item_of(kind, store, keys, [*entries, *files], remove_now=remove))
    return items


def _led_to(home: Path, entry: Entry) -> str:
    """The folder of outputs that an entry of kfp.local's cache leads to; "" when it leads nowhere here."""
    try:
        values: Any = json.loads((home / entry.key).read_bytes())
        uris = [value["uri"] for value in values.values() if isinstance(value, dict) and "uri" in value]
        return "/".join(Path(uris[0]).relative_to(home).parts[:3])
    except (OSError, ValueError, AttributeError, IndexError):
        return ""


def _remove_outputs(store: FileStore, keys: tuple[str, ...]) -> None:
    """Entries first: none leads to outputs that are gone. With its last step the folder of the pipeline's run goes."""
    for key in keys:
        store.delete(key)
    pipeline = (store.root / keys[-1]).parent
    if not files_below(pipeline):
        shutil.rmtree(pipeline, ignore_errors=True)


def _runs(store: FileStore) -> list[Item]:
    """The folders of runs, and what killed ones have left in the system's folder for temporary files."""
    items = []
    for folder in sorted(store.root.iterdir()) if store.root.is_dir() else []:
        entries = store.list(folder.name) if is_run(folder) else []
        if not entries:
            continue
        link, keys = folder / TEMPORARY, (folder.name,)
        if (left := _temporary(link)) is not None:
            size, modified = sum(file.stat().st_size for _, file in files_below(left)), link.lstat().st_mtime
            remove = partial(_remove_temporary, link, left)
            items.append(Item("temporary files", store, keys, size, modified, garbage=True, remove_now=remove))
        sent = not any(unsent(spool) for spool in (folder / "spool").glob("*.jsonl"))
        items.append(item_of(RUNS, store, keys, entries, reason="" if sent else "not all sent to MLflow"))
    return items


def is_run(folder: Path) -> bool:
    """Whether a run, or a step alone, has made the folder."""
    return (folder / "spool").is_dir() or (folder / "pipeline.log").is_file()


def _temporary(link: Path) -> Path | None:
    """The folder for temporary files that a killed run left; None when there is none, or it is not of our making."""
    target = link.readlink() if link.is_symlink() else link
    return target if target.name.startswith("stillhouse-") and target.is_dir() else None


def _remove_temporary(link: Path, folder: Path) -> None:
    remove_path(folder)
    link.unlink()


def remove_path(path: Path) -> None:
    """Remove a file or a folder."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
