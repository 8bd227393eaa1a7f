"""What is told of all rows of a dataset: for its card, and for how far later data drift from it.

A profile's `statistics` are what dataset.json keeps: JSON values only, the same whatever order the rows came in. Its
`drift` are Jensen-Shannon distances (base 2, from 0 to 1) to the dataset whose dataset.json is given.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

LENGTH_EDGES = [10 ** (step / 4) for step in range(29)]
"""Edges of the histogram of sizes: four bins for each power of ten, the last one open."""
NUM_BINS = 10
"""Bins of a number target: deciles of the dataset."""


class Profile(Protocol):
    """What is told of some side of all rows."""

    def statistics(self) -> dict[str, Any]:
        """What dataset.json keeps of it."""
        ...

    def drift(self, reference: Mapping[str, Any]) -> dict[str, float]:
        """Distances to the dataset whose dataset.json is `reference`, by name."""
        ...


class Joined:
    """Several sides as one.

    Args:
        parts: in the order in which dataset.json has them.
        drifts: in the order in which their distances are told; None: the same.
    """

    def __init__(self, *parts: Profile, drifts: Sequence[Profile] | None = None) -> None:
        self._parts, self._drifts = parts, parts if drifts is None else drifts

    def statistics(self) -> dict[str, Any]:
        """What dataset.json keeps of all."""
        return {name: value for part in self._parts for name, value in part.statistics().items()}

    def drift(self, reference: Mapping[str, Any]) -> dict[str, float]:
        """Distances of all."""
        return {name: value for part in self._drifts for name, value in part.drift(reference).items()}


class Sizes:
    """How large examples are.

    Args:
        name: what is counted, in the plural.
        sizes: of each example.
    """

    def __init__(self, name: str, sizes: Sequence[int]) -> None:
        self._name, self._sizes = name, np.array(sizes)

    def statistics(self) -> dict[str, Any]:
        """Mean, median and largest under the name of what is counted, and the histogram, `lengths`."""
        sizes = self._sizes
        return {
            self._name: {
                "mean": float(sizes.mean()),
                "median": float(np.median(sizes)),
                "largest": int(sizes.max()),
            },
            "lengths": {"edges": LENGTH_EDGES, "counts": self._counts()},
        }

    def drift(self, reference: Mapping[str, Any]) -> dict[str, float]:
        """lengths: of the histogram."""
        known = reference["statistics"]["lengths"]["counts"]
        return {"lengths": distance(dict(enumerate(known)), dict(enumerate(self._counts())))}

    def _counts(self) -> list[int]:
        return histogram(self._sizes, LENGTH_EDGES)


class LabelShares:
    """How often each label is, or where the numbers lie.

    Args:
        kind: of the target.
        counts: rows of each label.
        numbers: of the rows that have one, where the target is a number; else empty.
    """

    def __init__(self, kind: str, counts: Mapping[str, int], numbers: Sequence[float]) -> None:
        self._kind, self._counts, self._numbers = kind, dict(counts), np.array(numbers, float)

    def statistics(self) -> dict[str, Any]:
        """labels: their shares. numbers: edges and counts of bins of about equal rows; None for labels."""
        return {"labels": self._shares(), "numbers": self._bins()}

    def drift(self, reference: Mapping[str, Any]) -> dict[str, float]:
        """labels: of their shares, or of those of a number's bins; 1 when the kind of target is another one."""
        known = reference["statistics"]
        if reference["target"] != self._kind:
            return {"labels": 1.0}
        if self._kind != "number":
            return {"labels": distance(known["labels"], self._shares())}
        edges, counts = known["numbers"]["edges"], known["numbers"]["counts"]
        return {"labels": distance(dict(enumerate(counts)), dict(enumerate(histogram(self._numbers, edges))))}

    def _shares(self) -> dict[str, float]:
        total = max(sum(self._counts.values()), 1)
        return {label: count / total for label, count in sorted(self._counts.items())}

    def _bins(self) -> dict[str, Sequence[float]] | None:
        if self._kind != "number":
            return None
        edges = np.unique(np.quantile(self._numbers, np.linspace(0, 1, NUM_BINS + 1))).tolist()
        return {"edges": edges, "counts": histogram(self._numbers, edges)}


def histogram(values: np.ndarray, edges: Sequence[float]) -> list[int]:
    """Counts of `values`, int or float [values], between the edges; what lies outside goes to the first or last bin."""
    bins = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    return np.bincount(bins, minlength=len(edges) - 1).tolist()


def distance(p: Mapping[Any, float], q: Mapping[Any, float]) -> float:
    """Jensen-Shannon distance (Endres and Schindelin, 2003) of two distributions that need not sum to 1."""
    from scipy.spatial.distance import jensenshannon

    keys = sorted(set(p) | set(q))
    found = jensenshannon([p.get(key, 0) for key in keys], [q.get(key, 0) for key in keys], base=2)
    return float(np.nan_to_num(found))
