"""What near copies of texts share: word 3-shingles."""

import hashlib

import numpy as np

from stillhouse.components.modalities.text.words import words

_SHINGLE = 3
_WEIGHTS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)


class WordHashes(dict[str, int]):
    """64-bit hashes of words, each made once; Python's own differ from process to process."""

    def __missing__(self, word: str) -> int:
        value = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
        self[word] = value
        return value


def shingles(text: str, hashes: WordHashes) -> np.ndarray:
    """Hashes of the runs of three words, ascending, each once, uint64 [shingles]; a shorter text is one run."""
    found = words(text)
    ids = np.zeros(max(len(found), _SHINGLE), np.uint64)
    ids[: len(found)] = np.fromiter(map(hashes.__getitem__, found), np.uint64, len(found))
    mixed = sum(ids[i : len(ids) - _SHINGLE + 1 + i] * _WEIGHTS[i] for i in range(_SHINGLE))
    # The finaliser of MurmurHash3: without it the sums of common words would lie in patterns.
    mixed ^= mixed >> np.uint64(33)
    mixed *= np.uint64(0xFF51AFD7ED558CCD)
    mixed ^= mixed >> np.uint64(33)
    return np.unique(mixed)
