"""Near duplicates: examples that share most of their features, as a kind of problem takes them (of texts word
3-shingles).

Candidates come from MinHash signatures in a locality-sensitive index (Broder, 1997; rensa's R-MinHash). Each
is then compared feature by feature, so that no row is dropped for a chance likeness of signatures.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import rensa

Example = Mapping[str, Any]

# Compiled, and without type stubs.
_RMinHash: Any = vars(rensa)["RMinHash"]
_RMinHashLSH: Any = vars(rensa)["RMinHashLSH"]

NUM_HASHES = 128
"""Slots of a signature."""
MAX_MISSED = 0.02
"""Share of pairs at the threshold itself that the index may miss; of more similar ones far fewer."""
_BATCH = 1024
_SEED = 1


class Finder:
    """Signatures of examples, from which to make indexes.

    Args:
        examples: are named by their position from here on.
        likeness: the features of one, uint64 [features], each once; None, or none of them: it is nobody's near copy.
        threshold: Jaccard similarity of features, below 1, from which two examples are nearly equal.
        progress: called with the examples done and the examples in all.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        likeness: Callable[[Example], np.ndarray | None],
        threshold: float,
        progress: Callable[[int, int], None] = lambda *_: None,
    ) -> None:
        self.threshold = threshold
        self.features: list[np.ndarray | None] = []
        self.signatures: list[Any] = []
        for start in range(0, len(examples), _BATCH):
            found = [likeness(example) for example in examples[start : start + _BATCH]]
            batch = [None if features is None or not len(features) else features for features in found]
            self.features += batch
            # As bytes: what rensa takes for a token.
            tokens = [[] if features is None else features.view("V8").tolist() for features in batch]
            self.signatures += _RMinHash.from_token_sets(tokens, NUM_HASHES, _SEED)
            progress(len(self.features), len(examples))

    def similarity(self, a: int, b: int) -> float:
        """Jaccard similarity of the features of two examples that have some."""
        first, second = self.features[a], self.features[b]
        assert first is not None and second is not None
        common = len(np.intersect1d(first, second, assume_unique=True))
        return common / (len(first) + len(second) - common)


class Index:
    """Some of a finder's examples, to be asked for one that nearly equals another."""

    def __init__(self, finder: Finder) -> None:
        self._finder = finder
        self._lsh = _RMinHashLSH(finder.threshold, NUM_HASHES, num_bands(finder.threshold))

    def add(self, example: int) -> None:
        """Put an example into the index."""
        if self._finder.features[example] is not None:
            self._lsh.insert(example, self._finder.signatures[example])

    def match(self, example: int) -> int | None:
        """The first example in the index that nearly equals `example`, None when there is none."""
        finder = self._finder
        if finder.features[example] is None:
            return None
        for other in sorted(self._lsh.query(finder.signatures[example])):
            if finder.similarity(example, other) >= finder.threshold:
                return other
        return None


def num_bands(threshold: float) -> int:
    """As few bands as miss a pair at the threshold with a probability of MAX_MISSED at most.

    Two signatures are candidates when all rows of a band are equal: 1 - (1 - s^rows)^bands (Leskovec et al.,
    Mining of Massive Datasets, 3.4). More bands find more candidates, and more of them are false.
    """
    for bands in (2, 4, 8, 16, 32):
        if (1 - threshold ** (NUM_HASHES // bands)) ** bands <= MAX_MISSED:
            return bands
    return 64
