"""Near copies of pictures: one that was scaled, saved again or made a little lighter looks the same to a coarse eye."""

import numpy as np

from stillhouse.components.modalities.image.decode import decode

SIDE = 8
"""Blocks either way."""
_COARSE = 4 * SIDE


def likeness(data: bytes) -> np.ndarray:
    """Features that near copies share, uint64 [features], ascending, 128 at most.

    Of each of 8 x 8 blocks whether it is lighter or darker than its right and its lower neighbour (a difference hash),
    named by place and value: Jaccard similarity of two pictures' features tells how many they share. Differences below
    a grey level in 256 say nothing: an even background would make all pictures alike that have it.

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
    right = blocks[:SIDE, :SIDE] - blocks[:SIDE, 1:]
    below = blocks[:SIDE, :SIDE] - blocks[1:, :SIDE]
    steps = np.concatenate([right.ravel(), below.ravel()])
    (places,) = np.nonzero(np.abs(steps) > 1)
    return (2 * places + (steps[places] > 0)).astype(np.uint64)
