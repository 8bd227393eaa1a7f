"""sweep: remove what ended runs have left, and never what is still in use.

In which order, so that a run that starts or goes on meanwhile is not harmed:

1. List what is there. Then read who is at work (leases), and then what production refers to (promotion records, and
   MLflow's aliases when something depends on them): whatever began before the listing is known by then.
2. What is young stays: a process may have written it and not yet said so.
3. Before each removal write a lease of our own, look once more for those of others, for newer files and for records
   that refer to it now. Whoever begins to use it after that sees our lease and waits for the end of the removal.

Killed at any point, it leaves nothing half there: a folder is renamed before it is removed, a manifest goes first.
"""

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from stillhouse.components.artifacts.kept import DECIDED, MODELS, ROWS, STATISTICS
from stillhouse.components.storage.home import DOWNLOADS
from stillhouse.components.storage.lease import Lease, claim, live_leases
from stillhouse.components.storage.store import FileStore, Store
from stillhouse.components.sweep.home_items import RUNS, home_items
from stillhouse.components.sweep.items import Item
from stillhouse.components.sweep.references import aliased, has_registry, recorded
from stillhouse.components.sweep.settings import SweepSettings
from stillhouse.components.sweep.store_items import dead_leases, store_items

logger = logging.getLogger(__name__)

YOUNG_SECONDS = 600.0
"""What is younger stays, whatever the settings say."""
DAY_SECONDS = 86400.0
REFERABLE = {MODELS, ROWS, STATISTICS, DECIDED, DOWNLOADS, RUNS}
"""Whatever else there is, no record and no alias refers to it."""
PROMOTED = "a record or an alias refers to it"
UNKNOWN = "MLflow does not say if an alias does"
WRITTEN = "written just now"


class Fate(NamedTuple):
    """What became of an item."""

    item: Item
    kept: str
    """Why it stays; empty when it was removed, or would have been."""


def sweep(settings: SweepSettings, home: Path, store: Store) -> Iterator[Fate]:
    """Remove what ended runs have left under `home` and in `store`; each item as it is decided.

    Raises:
        UserError: the store cannot be read or written, or a lease or promotion record cannot be understood.
    """
    local = FileStore(home)
    items = [*home_items(local, besides=store), *dead_leases(local), *store_items(store)]
    leases = {place.url: live_leases(place) for place in (local, store)}
    since = min((lease.since for held in leases.values() for lease in held if not lease.removes), default=None)
    in_use, limits = recorded(store, since), _limits(settings, items)
    fates = [Fate(item, _why_kept(item, leases[item.store.url], in_use, limits)) for item in items]
    for item, kept in _ask_registry(home, fates):
        yield Fate(item, kept if kept or settings.dry_run else _remove(item, store, since))


def _limits(settings: SweepSettings, items: list[Item]) -> dict[str, float]:
    """From when on things stay, in seconds since 1970, by the reason that is given."""
    now, limits = time.time(), {}
    if settings.keep_days:
        limits[f"younger than {settings.keep_days:g} days"] = now - settings.keep_days * DAY_SECONDS
    runs = sorted((item for item in items if item.kind == RUNS), key=lambda run: -run.modified)[: settings.keep_runs]
    if runs:
        began = min(entry.modified for run in runs for entry in run.store.list(run.keys[0]))
        limits[f"of the last {settings.keep_runs} runs"] = began
    return limits


def _why_kept(item: Item, leases: list[Lease], in_use: set[str], limits: dict[str, float]) -> str:
    if in_use.intersection(item.keys):
        return PROMOTED
    if holder := next((lease for lease in leases if lease.covers(*item.keys)), None):
        return f"in use by {holder.run}"
    if item.reason:
        return item.reason
    if item.modified > time.time() - YOUNG_SECONDS:
        return WRITTEN
    return next((why for why, limit in limits.items() if item.modified >= limit and not item.garbage), "")


def _ask_registry(home: Path, fates: list[Fate]) -> list[Fate]:
    """Let what an alias points to stay, where anything depends on it; to ask takes seconds."""
    if not has_registry(home) or all(fate.kept or fate.item.top not in REFERABLE for fate in fates):
        return fates
    try:
        in_use = aliased(home)
    except Exception as error:  # whatever way it fails, nobody knows then
        logger.warning("MLflow's registry cannot be asked: %s", error)
        return [Fate(item, kept or (UNKNOWN if item.top in REFERABLE else "")) for item, kept in fates]
    return [Fate(item, kept or (PROMOTED if in_use.intersection(item.keys) else "")) for item, kept in fates]


def _remove(item: Item, store: Store, since: float | None) -> str:
    """Remove the item if it is as it was; why it stays, if it does."""
    with claim(item.store, *item.keys) as holder:
        if holder:
            return f"in use by {holder.run}"
        if not item.garbage and item.written_meanwhile():
            return WRITTEN
        if item.top in REFERABLE and recorded(store, since).intersection(item.keys):
            return PROMOTED
        item.remove()
    return ""
