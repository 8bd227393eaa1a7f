"""Whether a dataset is worth a run: does it hold enough that the champion has not seen?"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from stillhouse.components.artifacts.examples import short_hashes
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.prepare.write_dataset import Prepared

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Novelty:
    """What is new, against the champion; None where nothing can be compared."""

    new_rows: int | None
    """Training rows that the champion neither learnt from nor was chosen on."""
    drift: float | None
    """The largest of the card's distances, from 0 to 1: words, lengths and labels."""

    @classmethod
    def of(cls, prepared: Prepared, drift: Mapping[str, float] | None, known: np.ndarray | None) -> "Novelty":
        """Compare with the short hashes, int64 [known rows], of the rows that the champion knows."""
        rows = short_hashes([row.hash for row in prepared.splits["train"]])
        new_rows = None if known is None else int((~np.isin(rows, known)).sum())
        return cls(new_rows, max(drift.values()) if drift else None)

    def too_little(self, settings: PrepareSettings) -> str:
        """What was found of what at least was asked for; empty when it is enough.

        Of two limits one suffices. Where there is no champion to compare with, everything is new.
        """
        asked = [
            (self.new_rows, settings.min_new_rows, f"{self.new_rows} new rows of at least {settings.min_new_rows}"),
            (self.drift, settings.min_drift, f"drift {self.drift or 0:.3g} of at least {settings.min_drift:g}"),
        ]
        limits = [(found, least, sentence) for found, least, sentence in asked if least]
        if all(found is not None and found < least for found, least, _ in limits):
            return "; ".join(sentence for _, _, sentence in limits)
        return ""


def read_known_rows(model: str) -> np.ndarray | None:
    """Short hashes, int64 [rows], of what the model at the address `model` knows; None, and a warning, when it is
    gone."""
    from safetensors.numpy import load

    from stillhouse.components.artifacts.kept import place_of
    from stillhouse.components.artifacts.model import TRAINING_ROWS
    from stillhouse.components.storage.store import NotFound, join

    store, key = place_of(model)
    try:
        return load(store.get(join(key, TRAINING_ROWS)))["hashes"]
    except NotFound:
        logger.warning("%s is gone: all rows count as new.", model)
        return None
