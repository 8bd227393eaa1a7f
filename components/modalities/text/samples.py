"""Tokenised texts as the loop asks for them: padded batches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from stillhouse.components.modalities.randomness import uniform
from stillhouse.components.modalities.text.augment import drop_words
from stillhouse.components.modalities.text.load import encode_for, token_id
from stillhouse.components.models.loaded import LoadedModel

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerFast

Change = Callable[[np.ndarray, np.ndarray, int], dict[str, np.ndarray]]
"""Makes an epoch's view: (padded ids [rows, length], row indices, epoch) -> fields that replace or join others."""


def padded(values: np.ndarray, offsets: np.ndarray, rows: np.ndarray, fill: int, dtype: type) -> np.ndarray:
    """Of flat `values` [sum] those of `rows`, one row each, filled up on the right: `dtype` [rows, longest].

    Args:
        offsets: int64 [examples + 1], where the values of each example begin and the last ones end.
    """
    lengths = offsets[rows + 1] - offsets[rows]
    inside = np.arange(int(lengths.max()))[None, :] < lengths[:, None]
    found = np.full(inside.shape, fill, dtype)
    found[inside] = np.concatenate([values[offsets[row] : offsets[row + 1]] for row in rows])
    return found


@dataclass
class TextSamples:
    """Tokenised texts, with targets or without, as the loop asks for them."""

    tokens: np.ndarray
    """int32 [tokens], all texts end to end."""
    offsets: np.ndarray
    """int64 [texts + 1]."""
    pad_id: int
    targets: np.ndarray | None = None
    """int64 [texts], float32 [texts, labels] or float32 [texts]."""
    change: Change | None = None
    lengths: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.lengths = np.diff(self.offsets)

    def padded(self, rows: np.ndarray) -> np.ndarray:
        """Token ids of `rows`, int64 [rows, longest], padded on the right."""
        return padded(self.tokens, self.offsets, rows, self.pad_id, np.int64)

    def batch(self, rows: np.ndarray, epoch: int) -> "dict[str, torch.Tensor]":
        """input_ids and attention_mask, int64 and bool [rows, longest], and labels where there are targets."""
        import torch

        ids = self.padded(rows)
        mask = np.arange(ids.shape[1])[None, :] < self.lengths[rows][:, None]
        arrays: dict[str, np.ndarray] = {"input_ids": ids, "attention_mask": mask}
        if self.targets is not None:
            arrays["labels"] = self.targets[rows]
        if self.change is not None:
            arrays |= self.change(ids, rows, epoch)
        return {name: torch.from_numpy(array) for name, array in arrays.items()}


def text_samples(
    loaded: LoadedModel,
    texts: Sequence[str],
    targets: np.ndarray | None,
    *,
    max_length: int,
    augment: float,
    seed: int,
) -> TextSamples:
    """Texts, with targets or without; with `augment`, the share of words, each epoch hides other words.

    Args:
        targets: int64 [texts], float32 [texts, labels] or float32 [texts].

    Raises:
        UserError: the model has fewer positions than `max_length`, or no weights for one of the tokens.
    """
    tokens, offsets = encode_for(loaded, texts, max_length)
    change = word_dropout(loaded.processor, augment, seed) if augment else None
    return TextSamples(tokens, offsets, token_id(loaded.processor, "pad"), targets, change=change)


def word_dropout(tokenizer: "PreTrainedTokenizerFast", share: float, seed: int) -> Change:
    """Hides other tokens in each epoch; which derives from (seed, epoch, row, position)."""
    special = np.array(tokenizer.all_special_ids)
    hidden = next(i for i in (tokenizer.mask_token_id, tokenizer.unk_token_id, tokenizer.pad_token_id) if i is not None)

    def change(ids: np.ndarray, rows: np.ndarray, epoch: int) -> dict[str, np.ndarray]:
        return drop_words(ids, uniform(seed, epoch, rows, ids.shape[1]), share=share, special=special, mask_id=hidden)

    return change
