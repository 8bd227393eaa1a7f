"""Whether a dataset is worth a run: does it hold enough that the champion has not seen?"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from stillhouse.components.artifacts.examples import short_hashes
from stillhouse.components.artifacts.kept import store_of
from stillhouse.components.artifacts.known_rows import KnownRows, RowsUnknown, known_rows
from stillhouse.components.artifacts.worth import News
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.prepare.write_dataset import Prepared

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Novelty:
    """What is new, against the champion; None where nothing can be compared."""

    new_rows: int | None
    """Training rows of now that the champion neither learnt from nor was chosen on."""
    drift: float | None
    """The largest of the card's distances, from 0 to 1: words, lengths and labels."""
    known_rows: int | None = None
    """Rows that the champion learnt from or was chosen on."""

    @classmethod
    def of(cls, prepared: Prepared, drift: Mapping[str, float] | None, known: KnownRows | None) -> "Novelty":
        """Compare with the rows that the champion knows; None where nobody can say."""
        rows = short_hashes([row.hash for row in prepared.splits["train"] if not row.period])
        new_rows = None if known is None else int((~known.labels_of(rows)).sum())
        return cls(new_rows, max(drift.values()) if drift else None, None if known is None else len(known.labelled))

    @property
    def news(self) -> News:
        """The same for dataset.json."""
        return News(new_rows=self.new_rows, known_rows=self.known_rows, drift=self.drift)

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


def read_known_rows(model: str) -> KnownRows | None:
    """What the model at the address `model` knows; None, and a warning, when that is gone."""
    try:
        return known_rows(store_of(model), model.rpartition("/")[2])
    except RowsUnknown as error:
        logger.warning("%s: all rows count as new (%s).", model, error)
        return None
