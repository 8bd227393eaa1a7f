"""Near duplicates: texts that share most of their word 3-shingles.

Candidates come from MinHash signatures in a locality-sensitive index (Broder, 1997; rensa's R-MinHash). Each
is then compared shingle by shingle, so that no row is dropped for a chance likeness of signatures.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import rensa

from stillhouse.components.modalities.text.words import words

# Compiled, and without type stubs.
_RMinHash: Any = vars(rensa)["RMinHash"]
_RMinHashLSH: Any = vars(rensa)["RMinHashLSH"]

NUM_HASHES = 128
"""Slots of a signature."""
MAX_MISSED = 0.02
"""Share of pairs at the threshold itself that the index may miss; of more similar ones far fewer."""
_BATCH = 1024
_SEED = 1
_SHINGLE = 3
_WEIGHTS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)


class Finder:
    """Signatures of texts, from which to make indexes.

    Args:
        texts: are named by their position from here on.
        threshold: Jaccard similarity of word 3-shingles, below 1, from which two texts are nearly equal.
        progress: called with the texts done and the texts in all.
    """

    def __init__(
        self, texts: Sequence[str], threshold: float, progress: Callable[[int, int], None] = lambda *_: None
    ) -> None:
        self.threshold = threshold
        self.shingles: list[np.ndarray] = []
        self.signatures: list[Any] = []
        hashes = _WordHashes()
        for start in range(0, len(texts), _BATCH):
            batch = [_shingles(text, hashes) for text in texts[start : start + _BATCH]]
            self.shingles += batch
            # As bytes: what rensa takes for a token.
            tokens = [shingles.view("V8").tolist() for shingles in batch]
            self.signatures += _RMinHash.from_token_sets(tokens, NUM_HASHES, _SEED)
            progress(len(self.shingles), len(texts))

    def similarity(self, a: int, b: int) -> float:
        """Jaccard similarity of the word 3-shingles of two texts."""
        first, second = self.shingles[a], self.shingles[b]
        common = len(np.intersect1d(first, second, assume_unique=True))
        return common / (len(first) + len(second) - common)


class Index:
    """Some of a finder's texts, to be asked for one that nearly equals another."""

    def __init__(self, finder: Finder) -> None:
        self._finder = finder
        self._lsh = _RMinHashLSH(finder.threshold, NUM_HASHES, num_bands(finder.threshold))

    def add(self, text: int) -> None:
        """Put a text into the index."""
        self._lsh.insert(text, self._finder.signatures[text])

    def match(self, text: int) -> int | None:
        """The first text in the index that nearly equals `text`, None when there is none."""
        finder = self._finder
        for other in sorted(self._lsh.query(finder.signatures[text])):
            if finder.similarity(text, other) >= finder.threshold:
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


class _WordHashes(dict[str, int]):
    """64-bit hashes of words; Python's own differ from process to process."""

    def __missing__(self, word: str) -> int:
        value = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
        self[word] = value
        return value


def _shingles(text: str, hashes: _WordHashes) -> np.ndarray:
    """Hashes of the runs of three words, sorted, each once [shingles] uint64; a shorter text is one run."""
    found = words(text)
    ids = np.zeros(max(len(found), _SHINGLE), np.uint64)
    ids[: len(found)] = np.fromiter(map(hashes.__getitem__, found), np.uint64, len(found))
    mixed = sum(ids[i : len(ids) - _SHINGLE + 1 + i] * _WEIGHTS[i] for i in range(_SHINGLE))
    # The finaliser of MurmurHash3: without it the sums of common words would lie in patterns.
    mixed ^= mixed >> np.uint64(33)
    mixed *= np.uint64(0xFF51AFD7ED558CCD)
    mixed ^= mixed >> np.uint64(33)
    return np.unique(mixed)
