"""What a store keeps of ended runs: checkpoints with teacher caches, models, statistics, leases, unfinished writes."""

from functools import partial

from stillhouse.components.artifacts.kept import CARDS, DECIDED, MODELS, ROWS, STATISTICS, WAITING
from stillhouse.components.distributed.nodes.exchange import TRAINJOBS
from stillhouse.components.runtime.attempts import PREFIX as ATTEMPTS
from stillhouse.components.runtime.attempts import UNFINISHED, VERDICTS
from stillhouse.components.storage.lease import LEASES, read_leases
from stillhouse.components.storage.store import FileStore, Store
from stillhouse.components.sweep.home_items import staged_items
from stillhouse.components.sweep.items import Item, grouped, item_of

KINDS = {
    ATTEMPTS: "notes of attempts",
    VERDICTS: "verdicts",
    "checkpoints": "checkpoints, teacher caches",
    MODELS: "models in the store",
    ROWS: "rows that models have learnt from",
    CARDS: "cards of models",
    STATISTICS: "statistics in the store",
    DECIDED: "rows that have decided",
    WAITING: "reports of candidates that waited",
    TRAINJOBS: "what steps and their nodes exchange",
    UNFINISHED: "notes of unfinished training",
}
"""First part of a key, and what lies there."""


def store_items(store: Store) -> list[Item]:
    """All that runs leave in the store; records of promotions, proofs of verdicts and unsent metrics aside."""
    items = [
        item_of(kind, store, (key,), entries)
        for top, kind in KINDS.items()
        for key, entries in grouped(store.list(top), 2).items()
    ]
    return [*items, *dead_leases(store), *_unfinished(store)]


def dead_leases(store: Store) -> list[Item]:
    """Leases that killed processes have not given back."""
    written = {entry.key: entry for entry in store.list(LEASES)}
    dead = [key for key, lease in read_leases(store) if not lease.is_live() and key in written]
    return [
        Item("expired leases", store, (key,), written[key].size, written[key].modified, garbage=True) for key in dead
    ]


def _unfinished(store: Store) -> list[Item]:
    """What was being written when its process was killed."""
    if isinstance(store, FileStore):
        return staged_items(store)
    from stillhouse.components.storage.s3.store import S3Store
    from stillhouse.components.storage.s3.uploads import abort, unfinished_uploads

    assert isinstance(store, S3Store)
    kind = "unfinished uploads"
    return [
        Item(
            kind,
            store,
            (found.key,),
            found.size,
            found.started,
            garbage=True,
            remove_now=partial(abort, store, found),
        )
        for found in unfinished_uploads(store)
    ]
