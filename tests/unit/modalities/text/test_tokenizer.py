"""A tokenizer is a function of its texts; of a long text the ends are encoded."""

import os
import random
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast

from stillhouse.components.modalities.text.tokenizer import SPECIAL_TOKENS, encode, train_tokenizer


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
from test_tokenizer import texts_of
from stillhouse.components.modalities.text.tokenizer import train_tokenizer
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
    monkeypatch.setattr("stillhouse.components.modalities.text.tokenizer.TOKENIZER_CHARACTERS", 10)
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
