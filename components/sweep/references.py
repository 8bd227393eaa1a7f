"""What must stay: all that a promotion record or an alias of MLflow's registry refers to."""

import os
import re
from datetime import UTC, datetime
from pathlib import Path

from stillhouse.components.artifacts.kept import STATISTICS, WAITING, cards_key, decided_key, model_key, rows_key
from stillhouse.components.artifacts.promotion_record import Entry, look
from stillhouse.components.artifacts.verdict import verdict_key
from stillhouse.components.storage.home import DOWNLOADS
from stillhouse.components.storage.store import Store

STATISTICS_KEY = re.compile(rf"{STATISTICS}/[^/]+(?=/dataset\.json$)")


def recorded(store: Store, since: float | None) -> set[str]:
    """Keys in the store, and ids of runs, that the promotion records refer to.

    Champion and previous model, their anchors, a candidate that waits with its verdict and report, and those that they
    were compared with: a run on the champion's own inputs is handed these again. What is known of the rows that have
    decided, now and before the last look.

    Args:
        since: Begin of the oldest run at work, in seconds since 1970 (None: there is none); whatever has been the
            champion since then may be what it is compared with.

    Raises:
        UserError: a record cannot be read.
    """
    found: set[str] = set()
    for listed in store.list("promotions"):
        name = listed.key.partition("/")[2].removesuffix(".json")
        record = look(store, name)
        for entry in record.roles.values():
            found |= _keys(entry) | (_keys(entry.compared_with) if entry.compared_with else set())
        found |= {decided_key(digest) for digest in record.ledger.needed}
        if record.waiting:
            found |= {verdict_key(record.waiting.run), f"{WAITING}/{record.waiting.run}"}
        if since is not None:
            # A record gives times in whole seconds.
            champions = record.in_production_since(datetime.fromtimestamp(int(since), UTC))
            found |= {key for digest in champions for key in _of_model(digest)}
    return found


def aliased(home: Path) -> set[str]:
    """Keys in the store and under `home`, and ids of runs, of the versions that aliases of MLflow's registry point to.

    Raises:
        Exception: MLflow does not answer.
    """
    from stillhouse.components.tracking.connection import RUN_TAG, all_pages, connect
    from stillhouse.components.tracking.registry import DATASET_TAG, DIGEST_TAG

    client, found = connect(home), set[str]()
    models = all_pages(client.search_registered_models)
    for name, number in {(model.name, number) for model in models for number in model.aliases.values()}:
        version = client.get_model_version(name, number)
        found |= {
            version.tags.get(RUN_TAG, ""),
            *_of_model(version.tags.get(DIGEST_TAG, "")),
            f"{STATISTICS}/{version.tags.get(DATASET_TAG)}",
            f"{DOWNLOADS}/{name}-{number}-{version.creation_timestamp}",
        }
    return found


def has_registry(home: Path) -> bool:
    """Whether there is a registry to ask: a server or database is named, or the one under `home` was made."""
    return bool(os.environ.get("MLFLOW_TRACKING_URI")) or (home / "mlflow.db").exists()


def _keys(entry: Entry) -> set[str]:
    reference = STATISTICS_KEY.search(entry.reference or "")
    return {
        entry.run,
        *_of_model(entry.digest),
        f"{STATISTICS}/{entry.dataset_digest}",
        *([reference[0]] if reference else []),
    }


def _of_model(digest: str) -> tuple[str, ...]:
    return model_key(digest), rows_key(digest), cards_key(digest)
