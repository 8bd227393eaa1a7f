"""What a store keeps of promoted models: found by its digest in the store at hand, wherever that lies now.

A folder is moved, a bucket renamed or copied: digests stay, addresses do not. So what is handed from step to step names
a place in the store at hand, `store://models/DIGEST`, and is the same before and after the move.
"""

import re

from stillhouse.components.storage.home import local_store
from stillhouse.components.storage.manifest import Corrupt
from stillhouse.components.storage.store import NotFound, Store, join, open_store
from stillhouse.errors import UserError

AT_HAND = "store://"
"""What the address of a place in the store at hand begins with."""
MODELS = "models"
"""Folder of the copies of promoted models."""
STATISTICS = "datasets"
"""Folder of their dataset.json."""
DECIDED = "decided"
"""Folder of what is known of test rows that have helped to decide."""
WAITING = "waiting"
"""Folder of the reports of candidates that a person is to decide about."""
ROWS = "rows"
"""Folder of what promoted models have learnt from."""
CARDS = "cards"
"""Folder of their model cards and technical files."""
KEY = re.compile(r"(?:models/[^/]+|datasets/[^/]+/dataset\.json)$")
"""How the addresses of earlier releases, which name a store, end."""


def model_key(digest: str) -> str:
    """Where the store keeps a copy of a promoted model."""
    return f"{MODELS}/{digest}"


def statistics_key(dataset_digest: str) -> str:
    """Where the store keeps the dataset.json of a promoted model."""
    return f"{STATISTICS}/{dataset_digest}/dataset.json"


def rows_key(digest: str) -> str:
    """Where the store keeps which rows a promoted model has learnt from."""
    return f"{ROWS}/{digest}"


def cards_key(digest: str) -> str:
    """Where the store keeps the model card and the technical file of a promoted model."""
    return f"{CARDS}/{digest}"


def decided_key(digest: str) -> str:
    """Where the store keeps what is known of test rows that have helped to decide."""
    return f"{DECIDED}/{digest}"


def waiting_report_key(run_id: str) -> str:
    """Where the store keeps the report of a candidate that waits, as evaluate wrote it."""
    return f"{WAITING}/{run_id}/report.html"


def at_hand(address: str) -> str:
    """The place in the store at hand that `address`, as an earlier release wrote it, stands for."""
    found = KEY.search(address)
    return AT_HAND + found[0] if found else address


def found_model(store: Store, digest: str, old: str) -> str | None:
    """The address of a model: in the store at hand, else `old`, where it was put, if it is still there; None when gone.

    All its files are there; what is in them is looked at by whoever takes them.
    """
    if _is_whole(store, key := model_key(digest)):
        return AT_HAND + key
    try:
        return old if "/" in old and _is_whole(*_placed(old)) else None
    except UserError:  # a bucket that is no more, or that nobody may look into
        return None


def found_statistics(store: Store, dataset_digest: str, old: str) -> str | None:
    """The same of its dataset.json."""
    if _listed(store, key := statistics_key(dataset_digest)):
        return AT_HAND + key
    try:
        return old if "/" in old and _listed(*_placed(old)) else None
    except UserError:
        return None


def place_of(address: str) -> tuple[Store, str]:
    """Store and key of an address, of a file or a folder, at hand or elsewhere.

    Raises:
        UserError: the address names no store.
    """
    if address.startswith(AT_HAND):
        return local_store(), address.removeprefix(AT_HAND)
    return _placed(address)


def store_of(address: str) -> Store:
    """The store that the promoted model at an address lies in; the one at hand where the address names none.

    Raises:
        UserError: the store that it names cannot be opened.
    """
    found = KEY.search(address)
    root = address[: found.start()].rstrip("/") if found else ""
    return open_store(root) if root and not address.startswith(AT_HAND) else local_store()


def _placed(address: str) -> tuple[Store, str]:
    folder, _, name = address.rstrip("/").rpartition("/")
    return open_store(folder), name


def _listed(store: Store, key: str) -> bool:
    return bool(store.list(key))


def _is_whole(store: Store, key: str) -> bool:
    """Whether a folder that was put to its end is there with all its files."""
    try:
        wanted = store.manifest(key).files
    except (NotFound, Corrupt):
        return False
    sizes = {entry.key: entry.size for entry in store.list(key)}
    return all(sizes.get(join(key, name)) == file.size for name, file in wanted.items())
