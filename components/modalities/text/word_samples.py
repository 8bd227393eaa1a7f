"""Words that are tagged one by one, as the loop asks for them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stillhouse.components.modalities.text.load import check_length, check_tokens, token_id
from stillhouse.components.modalities.text.samples import Change, padded, word_dropout
from stillhouse.components.models.loaded import LoadedModel

if TYPE_CHECKING:
    import torch
    from tokenizers import Encoding
    from transformers import PreTrainedTokenizerFast

NO_LABEL = -100
"""Where nothing is learnt; torch's cross-entropy skips it."""
WORD_CHARACTERS = 256
"""A word is cut to this many characters before it is encoded: only its first sub-word is asked for its tag."""
_AT_ONCE = 1024
"""Examples that are encoded together: what the library answers holds a hundred bytes a token."""


def joined(words: Sequence[str]) -> str:
    """An example as a text, for pretraining and likeness; `encode_words` takes the same apart."""
    return " ".join(words)


class EncodedWords(NamedTuple):
    """Examples as sub-words, end to end."""

    tokens: np.ndarray
    """int32 [tokens]."""
    offsets: np.ndarray
    """int64 [examples + 1]: where each example begins and the last ends."""
    is_word: np.ndarray
    """bool [tokens]: the first sub-word of each word, in the words' order."""
    num_read: np.ndarray
    """int64 [examples]: how many of an example's words, the first ones, fit into max_length."""


def encode_words(
    tokenizer: "PreTrainedTokenizerFast", examples: Sequence[Sequence[str]], max_length: int
) -> EncodedWords:
    """Tokenise examples that are split into words.

    The words are joined with spaces and encoded as the text that they are, so that a word has the sub-words that the
    base knows it by (` dog` of GPT-2, `▁dog` of XLM-R). A word of which the tokenizer leaves nothing, as a zero-width
    space, gets the unknown token: each word that fits in has a first sub-word, with every tokenizer.

    Args:
        max_length: tokens of an example, special ones included; the first ones stay.
    """
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    unknown = next(
        i for i in (tokenizer.unk_token_id, tokenizer.mask_token_id, tokenizer.pad_token_id) if i is not None
    )
    tokens, is_word = [np.zeros(0, np.int32)], [np.zeros(0, bool)]
    for encoding, words in _encodings(backend.encode_batch, examples, max_length):
        ids, first = _with_first(encoding, words, unknown, max_length)
        if not len(ids):  # without special tokens and words there may be none; a model must be given one
            ids, first = np.array([tokenizer.pad_token_id]), np.array([False])
        tokens.append(ids.astype(np.int32))
        is_word.append(first)
    offsets = np.cumsum([len(each) for each in tokens])  # the empty one that comes first gives the 0
    num_read = np.array([int(first.sum()) for first in is_word[1:]], np.int64)
    return EncodedWords(np.concatenate(tokens), offsets.astype(np.int64), np.concatenate(is_word), num_read)


def _encodings(
    encode_batch: "Callable[[list[str]], list[Encoding]]", examples: Sequence[Sequence[str]], max_length: int
) -> "Iterator[tuple[Encoding, list[str]]]":
    for start in range(0, len(examples), _AT_ONCE):
        # Each word has a token at least, so more words than max_length cannot be read.
        cut = [[word[:WORD_CHARACTERS] for word in words[:max_length]] for words in examples[start : start + _AT_ONCE]]
        yield from zip(encode_batch([joined(words) for words in cut]), cut, strict=True)


def _with_first(encoding: "Encoding", words: list[str], unknown: int, max_length: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids, and which of them begin a word."""
    ids, special = np.array(encoding.ids, np.int64), np.array(encoding.special_tokens_mask, bool)
    ends = np.array(encoding.offsets, np.int64).reshape(-1, 2)[:, 1]
    leading = len(ids) if special.all() else int(np.flatnonzero(~special)[0])
    content = ids[~special]
    # A token belongs to the word that its last character is in: `▁dog` begins with the space before it.
    lengths = np.array([len(word) for word in words], np.int64)
    starts = np.cumsum(lengths + 1) - lengths - 1
    last = ends[~special] - 1
    word = np.searchsorted(starts, last, side="right") - 1
    if len(words):
        word = np.maximum.accumulate(np.where(last < (starts + lengths)[word], word, -1))
    first = np.diff(word, prepend=-1) > 0
    if first.sum() < len(words):
        missing = np.setdiff1d(np.arange(len(words)), word[first])
        at = np.searchsorted(word, missing)
        content, first = np.insert(content, at, unknown), np.insert(first, at, True)
    fitting = max(max_length - int(special.sum()), 0)
    content, first = content[:fitting], first[:fitting]
    return (
        np.concatenate([ids[:leading], content, ids[special][leading:]]),
        np.concatenate([np.zeros(leading, bool), first, np.zeros(int(special.sum()) - leading, bool)]),
    )


@dataclass
class WordSamples:
    """Tokenised words, with labels or without."""

    encoded: EncodedWords
    pad_id: int
    labels: np.ndarray | None = None
    """int64 [tokens], NO_LABEL where nothing is learnt."""
    change: Change | None = None
    lengths: np.ndarray = field(init=False)
    """int64 [examples]: tokens of each."""

    def __post_init__(self) -> None:
        self.lengths = np.diff(self.encoded.offsets)

    def batch(self, rows: np.ndarray, epoch: int) -> "dict[str, torch.Tensor]":
        """input_ids int64, attention_mask and is_word bool, labels int64 where there are any: [rows, longest]."""
        import torch

        lengths = self.lengths[rows]
        inside = np.arange(int(lengths.max()))[None, :] < lengths[:, None]

        arrays = {
            "input_ids": padded(self.encoded.tokens, self.encoded.offsets, rows, self.pad_id, np.int64),
            "attention_mask": inside,
            "is_word": padded(self.encoded.is_word, self.encoded.offsets, rows, False, bool),
        }
        if self.labels is not None:
            arrays["labels"] = padded(self.labels, self.encoded.offsets, rows, NO_LABEL, np.int64)
        if self.change is not None:
            arrays |= self.change(arrays["input_ids"], rows, epoch)
        return {name: torch.from_numpy(array) for name, array in arrays.items()}


def word_samples(
    loaded: LoadedModel,
    examples: Sequence[Sequence[str]],
    truths: Sequence[np.ndarray] | None,
    *,
    max_length: int,
    augment: float,
    seed: int,
) -> WordSamples:
    """Words, with their labels or without; with `augment`, the share of tokens, each epoch hides other ones.

    Args:
        truths: of each example int64 [words], NO_LABEL where nothing is learnt.

    Raises:
        UserError: the model has fewer positions than `max_length`, or no weights for one of the tokens.
    """
    check_length(loaded, max_length)
    encoded = encode_words(loaded.processor, examples, max_length)
    check_tokens(loaded, encoded.tokens)
    labels = None if truths is None else first_sub_word_labels(encoded, truths)
    change = word_dropout(loaded.processor, augment, seed) if augment else None
    return WordSamples(encoded, token_id(loaded.processor, "pad"), labels, change)


def first_sub_word_labels(encoded: EncodedWords, truths: Sequence[np.ndarray]) -> np.ndarray:
    """Labels of the tokens, int64 [tokens]: a word's on its first sub-word, NO_LABEL elsewhere.

    Args:
        truths: of each example int64 [words].
    """
    labels = np.full(len(encoded.tokens), NO_LABEL, np.int64)
    read = [truth[:number] for truth, number in zip(truths, encoded.num_read, strict=True)]
    labels[encoded.is_word] = np.concatenate([np.zeros(0, np.int64), *read])
    return labels


def num_words_cut(encoded: EncodedWords, examples: Sequence[Sequence[str]]) -> int:
    """Words that do not fit into max_length: they are not learnt from, and a model has no answer for them."""
    return sum(map(len, examples)) - int(encoded.num_read.sum())
