"""Words as samples: the first sub-word of each is found, whatever the tokenizer."""

from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from stillhouse.components.modalities.randomness import uniform
from stillhouse.components.modalities.text.augment import drop_words
from stillhouse.components.modalities.text.tokenizer import train_tokenizer
from stillhouse.components.modalities.text.word_samples import (
    NO_LABEL,
    EncodedWords,
    WordSamples,
    encode_words,
    first_sub_word_labels,
    num_words_cut,
)

WORDS = ["Ada", "Lovelace", "wrote", "(", "1843", ")", "naïve", "Straßen", "10 000", "日本"]


@pytest.fixture(scope="module")
def wordpiece() -> PreTrainedTokenizerFast:
    return train_tokenizer(["Ada wrote letters to Babbage in 1843"] * 3 + [" ".join(WORDS)], 90, 64)


def byte_level() -> PreTrainedTokenizerFast:
    """As GPT-2 and RoBERTa: a space belongs to the word behind it, a letter may be several tokens."""
    alphabet = {
        mark: i for i, mark in enumerate(["<s>", "</s>", "<unk>", *sorted(pre_tokenizers.ByteLevel.alphabet())])
    }
    pairs = [("Ġ", "L"), ("ĠL", "o"), ("A", "d"), ("Ad", "a")]
    vocabulary = alphabet | {"".join(pair): len(alphabet) + i for i, pair in enumerate(pairs)}
    tokenizer = Tokenizer(models.BPE(vocabulary, pairs, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0), trim_offsets=True)
    tokenizer.add_special_tokens(["<s>", "</s>", "<unk>"])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="</s>"
    )


def sentencepiece() -> PreTrainedTokenizerFast:
    """As XLM-R and T5: `▁` before each word, alone where the word begins with something unknown."""
    pieces = ["<unk>", "<pad>", "</s>", "▁", "▁Ada", "▁Love", "lace", *"()0123456789abcdefghijklmnopqrstuvwxyz"]
    tokenizer = Tokenizer(models.Unigram([(piece, -float(i)) for i, piece in enumerate(pieces)], unk_id=0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 2)])
    tokenizer.add_special_tokens(["<unk>", "<pad>", "</s>"])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>", eos_token="</s>")


def of_normalised_spaces() -> PreTrainedTokenizerFast:
    """As Llama and Gemma: no pre-tokenizer, spaces become letters; here a token may go beyond a word, as `▁of▁the`."""
    letters = ["<unk>", "</s>", "▁", *sorted(set("".join(WORDS)) - {" "}), *"ofthe"]
    pairs = [("▁", "o"), ("▁o", "f"), ("▁", "t"), ("▁t", "h"), ("▁th", "e"), ("▁of", "▁the"), ("▁", "A")]
    pieces = dict.fromkeys([*letters, *("".join(pair) for pair in pairs)])
    tokenizer = Tokenizer(models.BPE({piece: i for i, piece in enumerate(pieces)}, pairs, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", pad_token="</s>")


def first_tokens(tokenizer: PreTrainedTokenizerFast, encoded: EncodedWords) -> list[str]:
    return [str(tokenizer.backend_tokenizer.id_to_token(int(i))) for i in encoded.tokens[encoded.is_word]]


def test_each_word_has_one_first_sub_word_and_the_special_tokens_none(wordpiece: PreTrainedTokenizerFast) -> None:
    encoded = encode_words(wordpiece, [WORDS, ["Ada"]], 64)
    assert encoded.num_read.tolist() == [10, 1]
    assert encoded.offsets.tolist() == [0, len(encoded.tokens) - 3, len(encoded.tokens)]
    firsts = first_tokens(wordpiece, encoded)
    assert [first[0] for first in firsts] == ["A", "L", "w", "(", "1", ")", "n", "S", "1", "日", "A"]
    assert encoded.is_word[encoded.offsets[1] :].tolist() == [False, True, False]


def test_transformers_finds_the_same_tokens_and_first_sub_words(wordpiece: PreTrainedTokenizerFast) -> None:
    draw = np.random.default_rng(6)
    examples = [[WORDS[i] for i in draw.integers(0, 10, draw.integers(1, 12))] for _ in range(50)]
    encoded = encode_words(wordpiece, examples, 512)
    theirs = wordpiece(examples, is_split_into_words=True)
    firsts = []
    for i in range(len(examples)):
        words = theirs.word_ids(i)
        firsts += [word is not None and word != before for before, word in zip([None, *words], words, strict=False)]
    assert encoded.tokens.tolist() == [token for ids in theirs["input_ids"] for token in ids]
    assert encoded.is_word.tolist() == firsts


@pytest.mark.parametrize("make", [byte_level, sentencepiece, of_normalised_spaces])
def test_tokens_are_those_of_the_joined_text_with_every_kind_of_tokenizer(make: Any) -> None:
    tokenizer = make()
    encoded = encode_words(tokenizer, [WORDS], 256)
    assert encoded.tokens.tolist() == tokenizer(" ".join(WORDS))["input_ids"]
    assert encoded.num_read.tolist() == [10]


def test_a_space_belongs_to_the_word_behind_it() -> None:
    tokenizer = byte_level()
    assert first_tokens(tokenizer, encode_words(tokenizer, [["Ada", "Lo", "x"]], 64)) == ["Ada", "ĠLo", "x"]
    tokenizer = sentencepiece()
    assert first_tokens(tokenizer, encode_words(tokenizer, [["Ada", "Lovelace"]], 64)) == ["▁Ada", "▁Love"]


def test_a_token_beyond_a_word_belongs_to_the_last_and_the_others_are_unknown() -> None:
    tokenizer = of_normalised_spaces()
    encoded = encode_words(tokenizer, [["Ada", "of", "the", "of"]], 64)
    assert first_tokens(tokenizer, encoded) == ["▁A", "<unk>", "▁of▁the", "▁of"]


@pytest.mark.parametrize("nothing", ["\u200b", "", "\x07", " "])
def test_a_word_of_which_nothing_is_left_is_unknown_and_the_others_keep_their_places(
    wordpiece: PreTrainedTokenizerFast, nothing: str
) -> None:
    encoded = encode_words(wordpiece, [[nothing, "Ada", nothing, nothing, "in", nothing]], 64)
    assert first_tokens(wordpiece, encoded) == ["[UNK]", "Ada", "[UNK]", "[UNK]", "in", "[UNK]"]
    assert [wordpiece.convert_ids_to_tokens(int(encoded.tokens[i])) for i in (0, -1)] == ["[CLS]", "[SEP]"]


def test_a_long_example_keeps_its_first_words_and_its_last_special_token(wordpiece: PreTrainedTokenizerFast) -> None:
    examples = [["Ada"] * 20, ["in"] * 3, ["Ada"] * 6]
    encoded = encode_words(wordpiece, examples, 8)
    assert np.diff(encoded.offsets).tolist() == [8, 5, 8]
    assert encoded.num_read.tolist() == [6, 3, 6]
    assert encoded.tokens[[7, 12, 20]].tolist() == [wordpiece.sep_token_id] * 3
    assert num_words_cut(encoded, examples) == 14


def test_a_word_without_end_costs_no_memory(wordpiece: PreTrainedTokenizerFast) -> None:
    encoded = encode_words(wordpiece, [["x" * 5_000_000, "Ada"]], 16)
    assert encoded.num_read.tolist() == [2]


def test_no_example_and_an_empty_one(wordpiece: PreTrainedTokenizerFast) -> None:
    assert encode_words(wordpiece, [], 8).offsets.tolist() == [0]
    assert encode_words(wordpiece, [[]], 8).tokens.tolist() == [wordpiece.cls_token_id, wordpiece.sep_token_id]
    plain = byte_level()
    plain.backend_tokenizer.post_processor = processors.ByteLevel()
    assert encode_words(plain, [[]], 8).tokens.tolist() == [plain.pad_token_id]


def test_a_words_label_stands_on_its_first_sub_word_alone(wordpiece: PreTrainedTokenizerFast) -> None:
    encoded = encode_words(wordpiece, [["Ada", "Lovelace", "in"], ["Ada"] * 9], 12)
    labels = first_sub_word_labels(encoded, [np.array([4, 5, NO_LABEL]), np.arange(9)])
    assert labels[encoded.is_word].tolist() == [4, 5, NO_LABEL, *range(9)]
    assert (labels[~encoded.is_word] == NO_LABEL).all()


@pytest.fixture(scope="module")
def samples(wordpiece: PreTrainedTokenizerFast) -> WordSamples:
    draw = np.random.default_rng(4)
    examples = [[WORDS[i] for i in draw.integers(0, 10, draw.integers(1, 12))] for _ in range(30)]
    encoded = encode_words(wordpiece, examples, 24)
    labels = first_sub_word_labels(encoded, [draw.integers(0, 5, len(words)) for words in examples])

    def change(ids: np.ndarray, rows: np.ndarray, epoch: int) -> dict[str, np.ndarray]:
        draws = uniform(7, epoch, rows, ids.shape[1])
        return drop_words(ids, draws, share=0.3, special=np.arange(5), mask_id=4)

    return WordSamples(encoded, 0, labels, change)


def test_a_batch_is_padded_on_the_right(samples: WordSamples) -> None:
    batch = WordSamples(samples.encoded, 0, samples.labels).batch(np.array([3, 0]), 0)
    longest = int(samples.lengths[[3, 0]].max())
    assert {name: (tuple(value.shape), str(value.dtype)) for name, value in batch.items()} == {
        "input_ids": ((2, longest), "torch.int64"),
        "attention_mask": ((2, longest), "torch.bool"),
        "is_word": ((2, longest), "torch.bool"),
        "labels": ((2, longest), "torch.int64"),
    }
    padding = ~batch["attention_mask"]
    assert (batch["input_ids"][padding] == 0).all()
    assert not batch["is_word"][padding].any()
    assert (batch["labels"][padding] == NO_LABEL).all()
    assert "labels" not in WordSamples(samples.encoded, 0).batch(np.array([3]), 0)


def test_a_row_is_the_same_whatever_else_is_in_the_batch_and_another_in_the_next_epoch(samples: WordSamples) -> None:
    together = samples.batch(np.arange(30), 2)
    for row in (29, 0, 13):
        length = int(samples.lengths[row])
        alone = samples.batch(np.array([row]), 2)
        assert {name: value[0].tolist() for name, value in alone.items()} == {
            name: value[row, :length].tolist() for name, value in together.items()
        }
    assert together["input_ids"].tolist() != samples.batch(np.arange(30), 3)["input_ids"].tolist()
    assert together["labels"].tolist() == samples.batch(np.arange(30), 3)["labels"].tolist()
