"""A tagger learns, teaches another and answers, out of the parts that a task puts together."""

from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForTokenClassification, PreTrainedTokenizerFast

from stillhouse.components.modalities.text.tokenizer import train_tokenizer
from stillhouse.components.modalities.text.word_samples import WordSamples, encode_words, first_sub_word_labels
from stillhouse.components.targets.tag_schemes import find_tags
from stillhouse.components.targets.tokens import (
    WordTags,
    most_frequent_tags,
    tag_answers,
    tag_distillation_loss,
    tag_loss,
    tag_signal,
)

ROWS = np.arange(64)


def examples(seed: int) -> tuple[list[list[str]], list[list[str]]]:
    """`Mr May` is a person and `in May` is no entity: the word alone does not tell."""
    draw = np.random.default_rng(seed)
    words, tags = [], []
    for _ in ROWS:
        is_person = bool(draw.integers(0, 2))
        name = ["May", "Augustine"][draw.integers(0, 2)]
        before, behind = draw.integers(0, 3, 2)
        words.append([*["so"] * before, "Mr" if is_person else "in", name, name, *["ends"] * behind])
        inside = ["B-PER", "I-PER"] if is_person else ["O", "O"]
        tags.append([*["O"] * (before + 1), *inside, *["O"] * behind])
    return words, tags


WORDS, TAGS = examples(1)
SCHEME, NAMES, _ = find_tags(TAGS)
TARGET = WordTags(NAMES, SCHEME.has_entities)
TRUTHS = [TARGET.indices(tags, len(tags)) for tags in TAGS]


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer([" ".join(words) for words in WORDS], 80, 32)


@pytest.fixture(scope="module")
def samples(tokenizer: PreTrainedTokenizerFast) -> WordSamples:
    encoded = encode_words(tokenizer, WORDS, 32)
    return WordSamples(encoded, tokenizer.pad_token_id, first_sub_word_labels(encoded, TRUTHS))


def learn(samples: WordSamples, tokenizer: PreTrainedTokenizerFast, loss: Any, seed: int) -> BertForTokenClassification:
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=32, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        initializer_range=0.2,
    )  # fmt: skip
    config.num_labels = len(NAMES)
    model = BertForTokenClassification(config)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    for epoch in range(40):
        batch = samples.batch(ROWS, epoch)
        total, count = loss(logits_of(model, batch), batch)
        optimizer.zero_grad()
        (total / count).backward()
        optimizer.step()
    return model.eval()


def logits_of(model: BertForTokenClassification, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    return model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits


def f1(model: BertForTokenClassification, samples: WordSamples) -> float:
    with torch.inference_mode():
        batch = samples.batch(ROWS, 0)
        answers = tag_answers(logits_of(model, batch), batch["is_word"])
    return f1_of(answers)


def f1_of(answers: Any) -> float:
    found = TARGET.statistics(answers, TRUTHS)
    return float(TARGET.measures[0].value(found, np.ones((1, len(ROWS)), int))[0])


@pytest.fixture(scope="module")
def teacher(samples: WordSamples, tokenizer: PreTrainedTokenizerFast) -> BertForTokenClassification:
    return learn(samples, tokenizer, lambda logits, batch: tag_loss(logits, batch["labels"]), seed=0)


def test_a_network_learns_what_the_word_alone_does_not_tell(
    teacher: BertForTokenClassification, samples: WordSamples
) -> None:
    assert f1(teacher, samples) > 0.95
    assert f1_of(most_frequent_tags(WORDS, TRUTHS, WORDS)) < 0.8


def test_a_student_learns_it_from_the_teacher_without_a_truth(
    teacher: BertForTokenClassification, samples: WordSamples, tokenizer: PreTrainedTokenizerFast
) -> None:
    untold = WordSamples(samples.encoded, samples.pad_id)
    with torch.inference_mode():
        batch = untold.batch(ROWS, 0)
        told = tag_signal(logits_of(teacher, batch), batch["is_word"])["logits"]
    rows = torch.repeat_interleave(torch.arange(len(ROWS)), told.counts)

    def loss(logits: torch.Tensor, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, int]:
        return tag_distillation_loss(logits, batch["is_word"], {"logits": told.values, "logits_row": rows}, 2.0)

    assert f1(learn(untold, tokenizer, loss, seed=1), samples) > 0.95
