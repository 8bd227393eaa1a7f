"""What all tasks on text share: tokenizer, encoding, padded batches, masks that derive from (seed, epoch, row)."""

import os
import random
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from transformers import PreTrainedTokenizerFast

from stillhouse.components.modalities.randomness import uniform
from stillhouse.components.tasks.text import (
    SPECIAL_TOKENS,
    TextSamples,
    drop_words,
    encode,
    mask_tokens,
    train_tokenizer,
)

SPECIAL = np.array([0, 1, 2, 3, 4])
MASK = 4


def texts_of(num_texts: int) -> list[str]:
    """Texts of random short words, in which many pairs of pieces are equally frequent."""
    draw = random.Random(1)
    alphabet = "abcdefghijklmnopqrstuvwxyzäöüß0123456789"
    words = ["".join(draw.choices(alphabet, k=draw.randint(1, 7))) for _ in range(num_texts * 12)]
    return [" ".join(words[i : i + 12]) for i in range(0, len(words), 12)]


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer(texts_of(200), vocab_size=400, max_length=32)


LEARN = """
import sys, random
sys.path.insert(0, sys.argv[1])
from test_text import texts_of
from stillhouse.components.tasks.text import train_tokenizer
sys.stdout.write(train_tokenizer(texts_of(200), 400, 32).backend_tokenizer.to_str())
"""


@pytest.mark.parametrize(("hash_seed", "parallel"), [("1", "false"), ("2", "true")])
def test_the_same_texts_make_the_same_tokenizer_in_every_process(
    tokenizer: PreTrainedTokenizerFast, hash_seed: str, parallel: str
) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TOKENIZERS_PARALLELISM": parallel}
    command = [sys.executable, "-c", LEARN, str(Path(__file__).parent)]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert answer.stdout == train_tokenizer(texts_of(200), 400, 32).backend_tokenizer.to_str()


def test_a_tokenizer_has_the_size_asked_for_and_begins_with_the_special_tokens(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    assert len(tokenizer) == 400
    assert tokenizer.convert_ids_to_tokens([0, 1, 2, 3, 4]) == list(SPECIAL_TOKENS.values())
    assert sorted(tokenizer.all_special_ids) == [0, 1, 2, 3, 4]


def test_a_tokenizer_knows_every_character_and_reads_cased_text(tokenizer: PreTrainedTokenizerFast) -> None:
    ids = tokenizer("über 4 aXb")["input_ids"]
    assert tokenizer.decode(ids) == "[CLS] über 4 [UNK] [SEP]"


def test_a_piece_of_a_word_is_no_special_token(tokenizer: PreTrainedTokenizerFast) -> None:
    """The pieces are learnt by way of the trainer's special tokens."""
    added = {token.content for token in tokenizer.added_tokens_decoder.values()}
    assert added == set(SPECIAL_TOKENS.values())


def test_a_tokenizer_learns_from_the_first_characters_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stillhouse.components.tasks.text.TOKENIZER_CHARACTERS", 10)
    tokenizer = train_tokenizer(["abc abc", "de fgh", "xyz"], 300, 32)
    assert "d" in tokenizer.get_vocab()
    assert "x" not in tokenizer.get_vocab()
    assert "g" not in tokenizer.get_vocab()


def test_encoding_is_that_of_the_tokenizer(tokenizer: PreTrainedTokenizerFast) -> None:
    texts = [*texts_of(5), ""]
    tokens, offsets = encode(tokenizer, texts, 64)
    expected = tokenizer(texts)["input_ids"]
    assert [tokens[a:b].tolist() for a, b in pairwise(offsets)] == expected


@pytest.mark.parametrize(("max_length", "first", "last"), [(10, 5, 5), (11, 6, 5)])
def test_of_a_long_text_the_first_and_the_last_tokens_stay(
    tokenizer: PreTrainedTokenizerFast, max_length: int, first: int, last: int
) -> None:
    text = " ".join(texts_of(50))
    tokens, offsets = encode(tokenizer, [text], max_length)
    whole = tokenizer(text)["input_ids"]
    assert offsets.tolist() == [0, max_length]
    assert tokens.tolist() == whole[:first] + whole[-last:]
    assert (tokens[0], tokens[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)


def test_a_text_of_just_the_right_length_stays_whole(tokenizer: PreTrainedTokenizerFast) -> None:
    text = texts_of(1)[0]
    whole = tokenizer(text)["input_ids"]
    assert encode(tokenizer, [text], len(whole))[0].tolist() == whole


def test_no_texts_are_no_tokens(tokenizer: PreTrainedTokenizerFast) -> None:
    tokens, offsets = encode(tokenizer, [], 10)
    assert (len(tokens), offsets.tolist()) == (0, [0])


@pytest.fixture
def samples() -> TextSamples:
    """Three texts of 3, 1 and 2 tokens."""
    return TextSamples(np.arange(5, 11, dtype=np.int32), np.array([0, 3, 4, 6]), 0, np.array([1, 0, 1]))


def test_rows_are_padded_on_the_right_to_the_longest_of_them(samples: TextSamples) -> None:
    assert samples.padded(np.array([1, 2])).tolist() == [[8, 0], [9, 10]]
    assert samples.padded(np.array([2, 0])).tolist() == [[9, 10, 0], [5, 6, 7]]


def test_a_batch_holds_ids_mask_and_targets(samples: TextSamples) -> None:
    batch = samples.batch(np.array([1, 0]), 0)
    assert batch["input_ids"].tolist() == [[8, 0, 0], [5, 6, 7]]
    assert batch["attention_mask"].tolist() == [[True, False, False], [True, True, True]]
    assert batch["labels"].tolist() == [0, 1]


def test_without_targets_a_batch_has_no_labels(samples: TextSamples) -> None:
    assert "labels" not in TextSamples(samples.tokens, samples.offsets, 0).batch(np.array([0]), 0)


@pytest.fixture(scope="module")
def masked() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Ids with a special token at each tenth place, and what masking a fifth of them makes."""
    ids = np.random.default_rng(1).integers(5, 1000, size=(400, 50))
    ids[:, ::10] = 2
    draws, choice = (uniform(1, 0, np.arange(400), 50, stream) for stream in (0, 1))
    options = {"probability": 0.2, "special": SPECIAL, "mask_id": MASK, "vocab_size": 1000}
    return ids, mask_tokens(ids, draws, choice, **options)


def test_the_share_asked_for_is_predicted(masked: tuple[np.ndarray, dict[str, np.ndarray]]) -> None:
    ids, batch = masked
    assert (batch["labels"] != -100)[ids != 2].mean() == pytest.approx(0.2, abs=0.01)


def test_special_tokens_are_never_predicted_or_changed(masked: tuple[np.ndarray, dict[str, np.ndarray]]) -> None:
    ids, batch = masked
    assert (batch["labels"][ids == 2] == -100).all()
    assert (batch["input_ids"][ids == 2] == 2).all()


def test_of_the_predicted_80_are_hidden_10_random_and_10_kept(
    masked: tuple[np.ndarray, dict[str, np.ndarray]],
) -> None:
    ids, batch = masked
    predicted = batch["labels"] != -100
    shown, true = batch["input_ids"][predicted], ids[predicted]
    assert (shown == MASK).mean() == pytest.approx(0.8, abs=0.02)
    assert (shown == true).mean() == pytest.approx(0.1, abs=0.015)
    others = shown[(shown != MASK) & (shown != true)]
    assert len(others) / len(shown) == pytest.approx(0.1, abs=0.015)
    assert others.min() < 50
    assert others.max() > 950


def test_what_is_predicted_is_the_true_token_and_the_rest_stays(
    masked: tuple[np.ndarray, dict[str, np.ndarray]],
) -> None:
    ids, batch = masked
    predicted = batch["labels"] != -100
    assert (batch["labels"][predicted] == ids[predicted]).all()
    assert (batch["input_ids"][~predicted] == ids[~predicted]).all()


def test_dropped_words_stand_behind_the_mask_and_special_tokens_stay() -> None:
    ids = np.full((300, 40), 9)
    ids[:, 0] = 2
    draws = uniform(1, 0, np.arange(300), 40)
    shown = drop_words(ids, draws, share=0.1, special=SPECIAL, mask_id=MASK)["input_ids"]
    assert (shown[:, 0] == 2).all()
    assert (shown[:, 1:] == MASK).mean() == pytest.approx(0.1, abs=0.01)
    assert set(np.unique(shown)) == {2, MASK, 9}
