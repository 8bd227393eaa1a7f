"""Leases: who is at work on which keys of a store, so that nobody removes them meanwhile.

A lease is a small object under `leases/`, written before the work, renewed while it lasts and removed after it. One
that a killed process left behind counts no longer when it has expired, or at once on the machine where that process
is known to be gone.

Who works (`hold`) and who removes (`claim`) both write their own lease first and look for the other's then. So at
least one of them sees the other: the one that removes steps back, the one that works waits until it is gone.
"""

import logging
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from uuid import uuid4

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

from stillhouse.components.storage.store import NotFound, Store, join
from stillhouse.errors import UserError

logger = logging.getLogger(__name__)

LEASES = "leases"
"""Where leases lie in a store."""
LIFE_SECONDS = 300.0
"""How long a lease counts without being renewed; clocks of two machines may differ by less."""
WAIT_SECONDS = 0.2
"""Time between two looks whether somebody still removes what we want to work on."""
SAME_START_SECONDS = 1.0
"""Two start times this near are those of one process."""


class Lease(BaseModel):
    """Who is at work on what."""

    model_config = ConfigDict(frozen=True)

    run: str
    """Id of the pipeline run, for people."""
    keys: tuple[str, ...]
    """Keys of the store, with all below them."""
    removes: bool = False
    """Whether the work is to remove them."""
    since: float
    expires: float
    """Seconds since 1970, as is `since`."""
    machine: str
    pid: int
    pid_started: float
    """Seconds since 1970; with `machine` and `pid` it names a process for good."""

    def covers(self, *keys: str) -> bool:
        """Whether one of `keys` is among its own, above or below one of them."""
        return any(_overlap(mine, key) for mine in self.keys for key in keys)

    def is_live(self) -> bool:
        """Whether its process is at work; where that cannot be seen, whether it was renewed in time."""
        if self.machine == _machine():
            try:
                process = psutil.Process(self.pid)
                if process.status() == psutil.STATUS_ZOMBIE:
                    return False
                if abs(process.create_time() - self.pid_started) < SAME_START_SECONDS:
                    return True
            except psutil.NoSuchProcess:
                return False
        return time.time() < self.expires


@contextmanager
def hold(store: Store, *keys: str, run: str) -> Iterator[None]:
    """For the time of the block nobody who asks (`claim`) removes `keys` or what is below them.

    Waits first while somebody is removing some of it.

    Args:
        run: Id of the pipeline run at work.
    """
    with _written(store, run, keys, removes=False):
        while any(lease.removes and lease.covers(*keys) for lease in live_leases(store)):
            time.sleep(WAIT_SECONDS)
        yield


@contextmanager
def claim(store: Store, *keys: str) -> Iterator[Lease | None]:
    """For the time of the block `keys` are ours to remove, unless it is given the lease of somebody at work on them."""
    with _written(store, "sweep", keys, removes=True) as own:
        others = (lease for key, lease in read_leases(store) if key != own)
        yield next((lease for lease in others if lease.is_live() and lease.covers(*keys)), None)


def live_leases(store: Store) -> list[Lease]:
    """The leases of all who are at work now."""
    return [lease for _, lease in read_leases(store) if lease.is_live()]


def read_leases(store: Store) -> list[tuple[str, Lease]]:
    """All leases, dead ones too, each with its key.

    Raises:
        UserError: one of them cannot be understood, so that nobody may say what is in use.
    """
    found = []
    for entry in store.list(LEASES):
        with suppress(NotFound):  # given back since it was listed
            found.append((entry.key, _parse(store.get(entry.key), store.uri(entry.key))))
    return found


@contextmanager
def _written(store: Store, run: str, keys: tuple[str, ...], *, removes: bool) -> Iterator[str]:
    """Write a lease and renew it in the background while the block lasts, which is given the lease's own key."""
    key = join(LEASES, f"{run}-{uuid4().hex[:12]}.json")
    now, process = time.time(), psutil.Process()
    lease = Lease(
        run=run,
        keys=keys,
        removes=removes,
        since=now,
        expires=now + LIFE_SECONDS,
        machine=_machine(),
        pid=process.pid,
        pid_started=process.create_time(),
    )
    store.put(key, lease.model_dump_json().encode())
    ended = threading.Event()
    renewing = threading.Thread(target=_renew, args=(store, key, lease, ended), name="lease", daemon=True)
    renewing.start()
    try:
        yield key
    finally:
        ended.set()
        renewing.join()
        _give_back(store, key)


def _renew(store: Store, key: str, lease: Lease, ended: threading.Event) -> None:
    """A store that falters ends no work: the next round tries again."""
    while not ended.wait(LIFE_SECONDS / 3):
        renewed = lease.model_copy(update={"expires": time.time() + LIFE_SECONDS})
        try:
            store.put(key, renewed.model_dump_json().encode())
        except UserError as error:
            logger.warning("the lease of %s was not renewed: %s", lease.run, error)


def _give_back(store: Store, key: str) -> None:
    try:
        store.delete(key)
    except UserError as error:  # it expires by itself, and must not hide how the work ended
        logger.warning("the lease %s stays until it expires: %s", store.uri(key), error)


def _parse(data: bytes, where: str) -> Lease:
    try:
        return Lease.model_validate_json(data)
    except ValidationError:
        raise UserError(
            f"'{where}' should say which run is at work, and cannot be read; remove it when no run is."
        ) from None


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


@cache
def _machine() -> str:
    """What process ids are valid in: a boot of a machine and, within it, a container's own numbering."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{platform.node()} {boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return f"{platform.node()} {psutil.boot_time():.0f}"
