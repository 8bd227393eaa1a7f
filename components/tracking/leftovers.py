"""Spools whose machine is gone, kept in the store until somebody sends them.

On a cluster the folder of a run goes with its pod. A step that cannot send everything leaves its spool in the store
under (run, step); its retry, a later step of the run, the next run with the same server or `stillhouse replay` brings
it back and sends it.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from stillhouse.components.tracking import settings
from stillhouse.components.tracking.spool import read_sent, unsent
from stillhouse.errors import UserError
from stillhouse.redaction import redact

logger = logging.getLogger(__name__)

PREFIX = "spools"
"""Keys are spools/RUN/STEP.jsonl, with STEP.sent beside it (how far it is sent) and STEP.server (to whom)."""


class SpoolStore(Protocol):
    """Where spools outlive their machine."""

    def get(self, key: str) -> bytes:
        """The bytes under `key`; LookupError when there are none."""
        ...

    def put(self, key: str, data: bytes) -> Any:
        """Write `data` under `key`."""
        ...

    def list(self, prefix: str) -> Any:
        """Entries, each with `key` and `size`, below `prefix`."""
        ...

    def delete(self, prefix: str) -> Any:
        """Remove what is there."""
        ...


@contextmanager
def kept_in_store(store: SpoolStore, home: Path, run_id: str, step: str, others: bool) -> Iterator[None]:
    """Around a step and its sender: bring what was left before, and leave what is not sent at the end.

    While nothing can be sent the spool is put into the store every now and then, for a pod may end without warning.
    A store that fails costs a warning, never the step.

    Args:
        others: bring what other runs have left for the same server, too.
    """
    _try("bring", lambda: bring(store, home, server=_server(home)) if others else bring(store, home, run_id))
    ended = threading.Event()
    thread = threading.Thread(target=_keep_while_stuck, args=(store, home, run_id, step, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        _try("leave", lambda: _leave(store, home, run_id, step))


def bring(store: SpoolStore, home: Path, run_id: str = "", server: str = "") -> None:
    """Copy the spools that the store keeps, of one run or of all, to where they were written under `home`.

    Args:
        server: leave alone what was meant for another address than this one; a person who asks for all says nothing.
    """
    for key, _ in _entries(store, run_id):
        if server and _meant_for(store, key) not in ("", server):
            continue
        spool = _spool(home, key)
        data = store.get(key)
        if spool.exists() and not data.startswith(spool.read_bytes()):
            continue  # what is here goes on behind what is there
        spool.parent.mkdir(parents=True, exist_ok=True)
        if not spool.with_suffix(".sent").exists():
            _copy_sent(store, key, spool)
        new = spool.with_suffix(".new")
        new.write_bytes(data)
        new.replace(spool)


def settle(store: SpoolStore, home: Path, run_id: str = "") -> None:
    """Remove from the store what is sent by now, of one run or of all."""
    for key, size in _entries(store, run_id):
        spool = _spool(home, key)
        if spool.exists() and spool.stat().st_size >= size and not unsent(spool):
            for gone in (key, _sent_key(key), _server_key(key)):
                store.delete(gone)


def keep(store: SpoolStore, spool: Path) -> None:
    """Put a spool into the store; without the file beside it, it is sent from the start, which does no harm."""
    key = f"{PREFIX}/{spool.parent.parent.name}/{spool.name}"
    sent = spool.with_suffix(".sent")
    if sent.exists():
        store.put(_sent_key(key), sent.read_bytes())
    store.put(_server_key(key), _server(spool.parent.parent.parent).encode())
    store.put(key, spool.read_bytes())


def _leave(store: SpoolStore, home: Path, run_id: str, step: str) -> None:
    spool = settings.spool_folder(home, run_id) / f"{step}.jsonl"
    if spool.exists() and unsent(spool):
        keep(store, spool)
        logger.warning("%s: what MLflow has not taken is kept in the store; `stillhouse replay` sends it.", step)
    settle(store, home)


def _keep_while_stuck(store: SpoolStore, home: Path, run_id: str, step: str, ended: threading.Event) -> None:
    spool = settings.spool_folder(home, run_id) / f"{step}.jsonl"
    offset = 0
    while not ended.wait(settings.KEEP_SECONDS):
        stuck_at, offset = offset, read_sent(spool).offset
        if offset == stuck_at and spool.exists() and unsent(spool):
            _try("leave", lambda: keep(store, spool))


def _entries(store: SpoolStore, run_id: str) -> list[tuple[str, int]]:
    """Keys and sizes of the spools that are kept; a key that is not a plain name is none of ours."""
    found = store.list(f"{PREFIX}/{run_id}" if run_id else PREFIX)
    return [
        (entry.key, entry.size)
        for entry in found
        if entry.key.endswith(".jsonl")
        and len(parts := entry.key.split("/")) == 3
        and not any(part.startswith(".") for part in parts)
    ]


def _spool(home: Path, key: str) -> Path:
    _, run_id, name = key.split("/")
    return settings.spool_folder(home, run_id) / name


def _sent_key(key: str) -> str:
    return f"{key.removesuffix('.jsonl')}.sent"


def _server_key(key: str) -> str:
    return f"{key.removesuffix('.jsonl')}.server"


def _server(home: Path) -> str:
    """The address of MLflow as this process has it, without a password."""
    return redact(settings.tracking_uri(home))


def _meant_for(store: SpoolStore, key: str) -> str:
    try:
        return store.get(_server_key(key)).decode()
    except LookupError:
        return ""


def _copy_sent(store: SpoolStore, key: str, spool: Path) -> None:
    try:
        spool.with_suffix(".sent").write_bytes(store.get(_sent_key(key)))
    except LookupError:
        return


def _try(what: str, act: Any) -> None:
    try:
        act()
    except (UserError, LookupError, OSError) as error:
        logger.warning("could not %s what is unsent: %s", what, error)
