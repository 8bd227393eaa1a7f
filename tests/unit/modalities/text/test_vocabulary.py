"""A vocabulary of whole words."""

from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from stillhouse.components.modalities.text.tokenizer import train_tokenizer
from stillhouse.components.modalities.text.vocabulary import learn_words, reads_words, vocabulary_note
from stillhouse.components.models.tokenizer import read_tokenizer, write_tokenizer

TEXTS = ["The cat saw the dog!!!", "the DOG ran.", "A cat, a dog, a bird."]


def words(text: str, texts: list[str] = TEXTS, vocab_size: int = 300) -> list[str]:
    """As read with a vocabulary of `texts`."""
    return learn_words(texts, vocab_size).backend_tokenizer.encode(text).tokens


def test_the_most_frequent_words_are_known_in_lower_case_and_in_one_order() -> None:
    vocabulary = learn_words(TEXTS, 300).get_vocab()
    assert sorted(vocabulary, key=vocabulary.__getitem__) == ["[PAD]", "[UNK]", "a", "dog", "the", ",", ".", "cat"]
    assert learn_words(TEXTS, 5).get_vocab().keys() == {"[PAD]", "[UNK]", "a", "dog", "the"}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("The DOG", ["the", "dog"]),
        ("dog, cat.", ["dog", ",", "cat", "."]),
        ("a zebra", ["a", "[UNK]"]),
        ("the bird", ["the", "[UNK]"]),  # stood there once
        ("", []),
    ],
)
def test_what_stood_there_once_or_never_is_unknown(text: str, read: list[str]) -> None:
    assert words(text) == read


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("don't", ["don", "'", "t"]),
        ("wow!!! ok", ["wow", "!!!", "ok"]),
        ("Größe café", ["größe", "café"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("你好吗", ["你", "好", "吗"]),
        ("snake_case 42", ["snake_case", "42"]),
    ],
)
def test_what_a_word_is(text: str, read: list[str]) -> None:
    assert words(text, [text, text]) == read


def test_the_note_says_how_much_of_the_texts_is_unknown() -> None:
    # saw, !!!, ran and bird of 20: "the cat saw the dog !!!", "the dog ran .", "a cat , a dog , a bird ."
    assert vocabulary_note(learn_words(TEXTS, 300), TEXTS) == (
        "The vocabulary has 8 words, the most frequent ones of the training texts; of all words of these 21.1% are not "
        "in it and read as unknown."
    )


def test_it_is_told_from_one_of_parts_of_words() -> None:
    assert reads_words(learn_words(TEXTS, 300))
    assert not reads_words(train_tokenizer(TEXTS, 300, 16))


def test_every_reader_of_the_written_file_gives_the_same_ids(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    (tmp_path / "config.json").write_text('{"model_type": "stillhouse_lstm"}')
    made = learn_words(TEXTS, 300)
    write_tokenizer(made, tmp_path)
    text = "A dog and the [PAD] cat"
    expected = made.backend_tokenizer.encode(text).ids
    assert Tokenizer.from_file(str(tmp_path / "tokenizer.json")).encode(text).ids == expected
    auto: Any = AutoTokenizer.from_pretrained(tmp_path)
    assert auto(text)["input_ids"] == expected
    assert read_tokenizer(tmp_path).backend_tokenizer.encode(text).ids == expected
