"""Which rows a promoted model has learnt from.

They lie in the store at `rows/DIGEST`, as hashes with the store's key, and not in the model's folder, which is
registered and served. Models of earlier releases have plain hashes in their folder.
"""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, load_file, save

from stillhouse.components.artifacts.kept import model_key, rows_key
from stillhouse.components.storage.row_key import LostKey, RowKey, kept_key, row_key
from stillhouse.components.storage.store import NotFound, Store, join
from stillhouse.errors import UserError

logger = logging.getLogger(__name__)

PLAIN_ROWS = "training_rows.safetensors"
"""In the folder of a model of an earlier release: `hashes`, the short hashes of the rows whose labels it knows."""
LEARNT_ROWS = "learnt_rows.safetensors"
"""In a dataset's folder: short hashes of the rows that are learnt from, for a step that reads no Parquet."""
PROMOTED = re.compile(r"models/(?P<digest>[0-9a-f]{64})\b")
"""In the address of a base: a promoted model."""


class RowsUnknown(UserError):
    """Nobody can say which rows a model has learnt from."""


@dataclass(frozen=True)
class KnownRows:
    """The rows that a model has learnt from; all arrays are int64 [rows]."""

    labelled: np.ndarray
    """Those whose labels it learnt, or was chosen on."""
    others: np.ndarray
    """Those that it saw without a label, and all that the promoted models knew that it started from."""
    key: RowKey | None
    """What they are hashed with; None: plain hashes, of an earlier release, which did not note the others."""

    def labels_of(self, rows: np.ndarray) -> np.ndarray:
        """bool [rows]: whether it knows the labels of the rows of these short hashes, int64 [rows]."""
        return np.isin(self.key.hashes(rows) if self.key else rows, self.labelled)

    def learnt_from(self, rows: np.ndarray) -> np.ndarray:
        """bool [rows]: whether it has learnt anything of the rows of these short hashes, int64 [rows]."""
        return np.isin(self.key.hashes(rows) if self.key else rows, np.union1d(self.labelled, self.others))

    def keyed(self, key: RowKey) -> np.ndarray:
        """int64 [rows]: all of them, hashed with the key of their store."""
        return np.union1d(self.labelled, self.others) if self.key else key.hashes(self.labelled)


def known_rows(store: Store, digest: str, folder: Path | None = None) -> KnownRows:
    """What the model of this digest has learnt from.

    Args:
        folder: The model itself, where it is at hand; else the one in the store counts.

    Raises:
        RowsUnknown: the store does not say it, or has not the key that it was written with.
    """
    key = rows_key(digest)
    place = store.uri(key)
    try:
        found = load(store.get(key))
    except NotFound:
        return KnownRows(_plain(store, digest, folder), np.zeros(0, np.int64), None)
    except SafetensorError as error:
        raise RowsUnknown(f"'{place}' cannot be read ({error}); copy it back") from None
    try:
        secret = kept_key(store, place)
        secret.check(found["key"], place)
    except LostKey as error:
        raise RowsUnknown(str(error)) from None
    return KnownRows(found["labelled"], found["others"], secret)


def _plain(store: Store, digest: str, folder: Path | None) -> np.ndarray:
    try:
        data = (folder / PLAIN_ROWS).read_bytes() if folder else store.get(join(model_key(digest), PLAIN_ROWS))
    except (FileNotFoundError, NotFound):
        place = store.uri(rows_key(digest))
        raise RowsUnknown(f"'{place}', which says what it learnt from, is gone; copy it back") from None
    try:
        return load(data)["hashes"]
    except (SafetensorError, KeyError) as error:
        raise RowsUnknown(f"its {PLAIN_ROWS} cannot be read ({error})") from None


def put_known_rows(store: Store, digest: str, dataset: Path, bases: Iterable[str]) -> None:
    """Note what a model has learnt from, before it is promoted.

    Args:
        digest: Of the model.
        dataset: Folder of the dataset that it was made from.
        bases: Addresses of the bases that its trainings started from.

    Raises:
        UserError: the dataset is one of an earlier release, which does not say it.
    """
    learnt, key = rows_learnt(dataset), row_key(store)
    others = [key.hashes(learnt["unlabelled"])]
    for base in dict.fromkeys(found["digest"] for address in bases for found in PROMOTED.finditer(address)):
        try:
            others.append(known_rows(store, base).keyed(key))
        except RowsUnknown as error:
            logger.warning("what the base %s has learnt from is not known: %s", base[:12], error)
    labelled = np.unique(key.hashes(learnt["labelled"]))
    found = {"labelled": labelled, "others": np.unique(np.concatenate(others)), "key": key.mark}
    store.put(rows_key(digest), save(found))


def rows_learnt(dataset: Path) -> dict[str, np.ndarray]:
    """Short hashes, int64 [rows], of a dataset's rows for training and validation, `labelled`, and of those without a
    label, `unlabelled`.

    Raises:
        UserError: the dataset is one of an earlier release, which did not write them.
    """
    path = dataset / LEARNT_ROWS
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path} cannot be read ({error}); make the dataset again with prepare.") from None
