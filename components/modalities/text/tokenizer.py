"""A tokenizer learnt from texts, and texts as token ids."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

SPECIAL_TOKENS = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
TOKENIZER_CHARACTERS = 4_000_000
"""Characters a new tokenizer learns from; more changes few merges and costs seconds."""
ENCODE_CHARACTERS_PER_TOKEN = 12
"""A text is cut to this many characters per token of max_length before it is encoded; few texts need more."""


MOST_COUNTED = 4096
"""Tokens of a text that are counted, where it is only asked how long it is."""


def train_tokenizer(texts: Sequence[str], vocab_size: int, max_length: int) -> "PreTrainedTokenizerFast":
    """Learn a cased WordPiece tokenizer (Schuster and Nakajima, 2012) with BERT's special tokens from `texts`."""
    from tokenizers import decoders, processors
    from transformers import PreTrainedTokenizerFast

    sample = list(_head(texts, TOKENIZER_CHARACTERS))
    specials = list(SPECIAL_TOKENS.values())
    # The library numbers the pieces inside words in the order of a hash table, another one in each process, and breaks
    # ties between merges by these numbers. So they are learnt first and handed to it in a fixed order.
    alphabet = _learn_pieces({word for text in sample for word in text.split(" ")}, specials, 0)
    tokenizer = _wordpiece(_learn_pieces(sample, specials + sorted(alphabet.keys() - specials), vocab_size))
    tokenizer.add_special_tokens(specials)
    tokenizer.decoder = decoders.WordPiece()
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", cls), ("[SEP]", sep)],
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=max_length, **SPECIAL_TOKENS)


def _wordpiece(vocabulary: dict[str, int]) -> "Tokenizer":
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=64))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def _learn_pieces(texts: Iterable[str], first: list[str], size: int) -> dict[str, int]:
    """A vocabulary of `size` that begins with `first`; all characters of `texts` at least."""
    from tokenizers import trainers

    tokenizer = _wordpiece({})
    trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=first, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer.get_vocab()


def _head(texts: Sequence[str], characters: int) -> Iterator[str]:
    for text in texts:
        if characters <= 0:
            return
        yield text[:characters]
        characters -= len(text)


def encode(
    tokenizer: "PreTrainedTokenizerFast", texts: Sequence[str], max_length: int
) -> tuple[np.ndarray, np.ndarray]:
    """Tokenise `texts`; of a text longer than `max_length` tokens, special ones included, the first and the last half
    stay (Sun et al., 2019, arXiv:1905.05583, section 5.3.1: better than the head alone).

    Returns:
        All tokens end to end (int32 [tokens]; one of padding for a text of none) and where each text begins and the
        last ends (int64 [texts + 1]).
    """
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    characters = max_length * ENCODE_CHARACTERS_PER_TOKEN // 2
    shortened = [t if len(t) <= 2 * characters else f"{t[:characters]} {t[-characters:]}" for t in texts]
    ids = [_ends(np.asarray(e.ids, dtype=np.int32), max_length) for e in backend.encode_batch_fast(shortened)]
    # Without special tokens a text may have none at all; a model must be given one.
    ids = [each if len(each) else np.array([tokenizer.pad_token_id], np.int32) for each in ids]
    offsets = np.zeros(len(ids) + 1, dtype=np.int64)
    np.cumsum([len(i) for i in ids], out=offsets[1:])
    return (np.concatenate(ids) if ids else np.zeros(0, np.int32)), offsets


def num_tokens(tokenizer: "PreTrainedTokenizerFast", texts: Sequence[str]) -> np.ndarray:
    """Tokens of each text, special ones included, up to MOST_COUNTED: int64 [texts]."""
    return np.diff(encode(tokenizer, texts, MOST_COUNTED)[1])


def _ends(ids: np.ndarray, max_length: int) -> np.ndarray:
    """The first and the last half of more than `max_length` tokens; the special ones, at the ends, stay."""
    if len(ids) <= max_length:
        return ids
    return np.concatenate([ids[: max_length - max_length // 2], ids[-(max_length // 2) :]])
