"""Random views of token ids: masks of masked language modelling, word dropout. Draws are given, not made."""

import numpy as np


def mask_tokens(
    ids: np.ndarray,
    draws: np.ndarray,
    choice: np.ndarray,
    *,
    probability: float,
    special: np.ndarray,
    mask_id: int,
    vocab_size: int,
) -> dict[str, np.ndarray]:
    """Hide tokens for masked language modelling: 80 % mask, 10 % random, 10 % kept (Devlin et al., 2019,
    arXiv:1810.04805).

    Args:
        ids: int64 [rows, length].
        draws: uniform [rows, length], decides which tokens are predicted.
        choice: uniform [rows, length], decides what stands in their place.
        special: int64 ids that are never predicted.

    Returns:
        input_ids, and labels with -100 where nothing is predicted.
    """
    predicted = (draws < probability) & ~np.isin(ids, special)
    labels = np.where(predicted, ids, -100)
    shown = np.where(predicted & (choice < 0.8), mask_id, ids)
    random_ids = np.minimum((draws / probability * vocab_size).astype(np.int64), vocab_size - 1)
    shown = np.where(predicted & (choice >= 0.9), random_ids, shown)
    return {"input_ids": shown, "labels": labels}


def drop_words(
    ids: np.ndarray, draws: np.ndarray, *, share: float, special: np.ndarray, mask_id: int
) -> dict[str, np.ndarray]:
    """Augment: each token hides behind the mask token with probability `share` (word dropout; Iyyer et al., 2015).

    Args:
        ids: int64 [rows, tokens].
        draws: float64 [rows, tokens], uniform from 0 to 1.
        special: int64 [special tokens], which stay.

    Returns:
        input_ids, int64 [rows, tokens].
    """
    hidden = (draws < share) & ~np.isin(ids, special)
    return {"input_ids": np.where(hidden, mask_id, ids)}
