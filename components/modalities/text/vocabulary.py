"""A vocabulary of whole words, learnt from texts, for networks that read words and no parts of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PADDING, UNKNOWN = "[PAD]", "[UNK]"
FEWEST = 2
"""How often a word must stand in the texts. What stands there once is unknown, and so is what new texts bring: it is by
these words that a network learns what an unknown one means."""
AT_ONCE = 1024
"""Texts that are encoded together."""


def learn_words(texts: Sequence[str], vocab_size: int) -> "PreTrainedTokenizerFast":
    """A tokenizer that knows the most frequent words of `texts`, lower-cased.

    A word is a run of letters, marks, digits and underscores; what stands between two, without spaces, is another, as
    `!!!`; of Chinese each character is one.

    Args:
        vocab_size: words, padding and the unknown one included.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordLevel({}, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    specials = [PADDING, UNKNOWN]
    trainer = trainers.WordLevelTrainer(
        vocab_size=vocab_size, min_frequency=FEWEST, special_tokens=specials, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=PADDING, unk_token=UNKNOWN)


def reads_words(tokenizer: "PreTrainedTokenizerFast") -> bool:
    """Whether a tokenizer knows whole words alone."""
    from tokenizers.models import WordLevel

    return isinstance(tokenizer.backend_tokenizer.model, WordLevel)


def vocabulary_note(tokenizer: "PreTrainedTokenizerFast", texts: Sequence[str]) -> str:
    """A sentence on how much of `texts` such a tokenizer knows."""
    backend, unknown = tokenizer.backend_tokenizer, tokenizer.unk_token_id
    found = total = 0
    for start in range(0, len(texts), AT_ONCE):
        for encoding in backend.encode_batch_fast(list(texts[start : start + AT_ONCE])):
            found += encoding.ids.count(unknown)
            total += len(encoding.ids)
    return (
        f"The vocabulary has {len(tokenizer):,} words, the most frequent ones of the training texts; of all words of "
        f"these {found / max(total, 1):.1%} are not in it and read as unknown."
    )
