"""Statistics of a dataset, and how far another one has drifted from it."""

import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stillhouse.components.formats.splits import LABELLED
from stillhouse.components.modalities.text.words import words
from stillhouse.components.prepare.write_dataset import Prepared

logger = logging.getLogger(__name__)

NUM_WORDS = 1000
"""Most frequent words whose shares are kept."""
NUM_BINS = 10
"""Bins of a number target: deciles of the dataset."""
LENGTH_EDGES = [10 ** (step / 4) for step in range(29)]
"""Edges of the histogram of lengths, in characters: four bins for each power of ten, the last one open."""


class Profile:
    """Counts over all rows of a dataset, from which its statistics and its drift are made."""

    def __init__(self, prepared: Prepared) -> None:
        rows = [row for split in prepared.splits.values() for row in split]
        self.kind = prepared.kind
        self.characters = np.array([len(row.example["text"]) for row in rows])
        self.words: Counter[str] = Counter()
        for row in rows:
            self.words.update(words(row.example["text"]))
        self.labels: Counter[str] = Counter(dict.fromkeys(prepared.labels, 0))
        for split in LABELLED:
            self.labels.update(prepared.label_counts(split))
        targets = [row.target for row in prepared.labelled] if prepared.kind == "number" else []
        self.numbers = np.array(targets, float)

    def statistics(self) -> dict[str, Any]:
        """What dataset.json keeps: JSON values only, the same whatever order the rows came in."""
        total = max(self.words.total(), 1)
        top = sorted(self.words.items(), key=lambda item: (-item[1], item[0]))[:NUM_WORDS]
        lengths = self.characters
        return {
            "characters": {
                "mean": float(lengths.mean()),
                "median": float(np.median(lengths)),
                "largest": int(lengths.max()),
            },
            "lengths": {"edges": LENGTH_EDGES, "counts": self._lengths()},
            "labels": self._label_shares(),
            "numbers": self._number_bins(),
            "words": {
                "total": self.words.total(),
                "distinct": len(self.words),
                "shares": {word: count / total for word, count in top},
            },
        }

    def drift(self, reference: Mapping[str, Any]) -> dict[str, float]:
        """Jensen-Shannon distances (base 2, from 0 to 1) to the dataset whose dataset.json is `reference`.

        words: shares of the reference's most frequent words, and of all others together.
        lengths: the histogram.
        labels: their shares, or those of a number's bins; 1 when the kind of target is another one.
        """
        known = reference["statistics"]
        shares = known["words"]["shares"]
        total = max(self.words.total(), 1)
        here = {word: self.words[word] / total for word in shares}
        return {
            "words": _distance(_with_others(shares), _with_others(here)),
            "lengths": _distance(dict(enumerate(known["lengths"]["counts"])), dict(enumerate(self._lengths()))),
            "labels": self._label_drift(reference),
        }

    def _label_drift(self, reference: Mapping[str, Any]) -> float:
        known = reference["statistics"]
        if reference["target"] != self.kind:
            return 1.0
        if self.kind != "number":
            return _distance(known["labels"], self._label_shares())
        edges, counts = known["numbers"]["edges"], known["numbers"]["counts"]
        return _distance(dict(enumerate(counts)), dict(enumerate(_histogram(self.numbers, edges))))

    def _lengths(self) -> list[int]:
        return _histogram(self.characters, LENGTH_EDGES)

    def _label_shares(self) -> dict[str, float]:
        total = max(self.labels.total(), 1)
        return {label: count / total for label, count in sorted(self.labels.items())}

    def _number_bins(self) -> dict[str, Sequence[float]] | None:
        if self.kind != "number":
            return None
        edges = np.unique(np.quantile(self.numbers, np.linspace(0, 1, NUM_BINS + 1))).tolist()
        return {"edges": edges, "counts": _histogram(self.numbers, edges)}


def _histogram(values: np.ndarray, edges: Sequence[float]) -> list[int]:
    """Counts between the edges; what lies outside goes to the first and the last bin."""
    bins = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    return np.bincount(bins, minlength=len(edges) - 1).tolist()


def _with_others(shares: Mapping[str, float]) -> dict[str, float]:
    return {**shares, "": max(1 - sum(shares.values()), 0.0)}


def _distance(p: Mapping[Any, float], q: Mapping[Any, float]) -> float:
    """Jensen-Shannon distance (Endres and Schindelin, 2003) of two distributions that need not sum to 1."""
    from scipy.spatial.distance import jensenshannon

    keys = sorted(set(p) | set(q))
    distance = jensenshannon([p.get(key, 0) for key in keys], [q.get(key, 0) for key in keys], base=2)
    return float(np.nan_to_num(distance))


def read_reference(uri: str) -> dict[str, Any] | None:
    """The dataset.json at `uri`; None, and a warning, when it is gone."""
    from stillhouse.components.artifacts.kept import place_of
    from stillhouse.components.storage.store import NotFound

    store, key = place_of(uri)
    try:
        return json.loads(store.get(key))
    except NotFound:
        logger.warning("%s is gone: the drift against the last promoted model's dataset is not measured.", uri)
        return None
