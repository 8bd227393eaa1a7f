"""Near copies of pictures: one that was scaled, saved again or made a little lighter looks the same to a coarse eye."""

import numpy as np

from stillhouse.components.modalities.image.decode import decode

SIDE = 8
"""Blocks either way."""
_COARSE = 4 * SIDE


def likeness(data: bytes) -> np.ndarray:
    """Features that near copies share, uint64 [128], ascending.

    The two bits of each of 8 x 8 blocks that say whether it is lighter than its right and its lower neighbour (a
    difference hash), named by place and value: Jaccard similarity of two pictures' features tells how many they share.
    Differences below a grey level in 256 count as equal and say "not lighter".

    Args:
        data: a file that `decode` takes.
    """
    return _features(_blocks(decode(data)))


def _blocks(pixels: np.ndarray) -> np.ndarray:
    """Brightness float64 [9, 9] of blocks, by Rec. 601's weights."""
    from PIL import Image

    grey = Image.fromarray(pixels).convert("L")
    # In two steps: a box of pixels first, so that the outer steps see means and not single ones.
    coarse = grey.resize((_COARSE, _COARSE), Image.Resampling.BOX)
    return np.asarray(coarse.resize((SIDE + 1, SIDE + 1), Image.Resampling.BOX), np.float64)


def _features(blocks: np.ndarray) -> np.ndarray:
    right = blocks[:SIDE, :SIDE] - blocks[:SIDE, 1:] > 1
    below = blocks[:SIDE, :SIDE] - blocks[1:, :SIDE] > 1
    bits = np.concatenate([right.ravel(), below.ravel()]).astype(np.uint64)
    return np.arange(len(bits), dtype=np.uint64) * np.uint64(2) + bits
