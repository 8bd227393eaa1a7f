"""Tags of words: what is learnt, taught, answered and told."""

import json

import numpy as np
import pytest
import torch

from stillhouse.components.targets.measure import part_of
from stillhouse.components.targets.token_measures import NO_TAG
from stillhouse.components.targets.tokens import (
    TagAnswer,
    WordTags,
    most_frequent_tags,
    tag_answers,
    tag_distillation_loss,
    tag_loss,
    tag_signal,
)

ENTITIES = WordTags(["O", "B-LOC", "I-LOC", "B-PER", "I-PER"], has_entities=True)
PLAIN = WordTags(["ADJ", "NOUN", "VERB"], has_entities=False)


def answer(*tags: int, confidence: float = 0.75) -> TagAnswer:
    return TagAnswer(np.array(tags, np.int32), np.full(len(tags), confidence, np.float32))


def test_main_measures_and_labels_follow_from_the_tags() -> None:
    assert (ENTITIES.measures[0].name, PLAIN.measures[0].name) == ("entity_f1", "token_accuracy")
    assert (ENTITIES.labels, PLAIN.labels) == (["LOC", "PER"], ["ADJ", "NOUN", "VERB"])


def test_tags_are_numbers_and_a_word_without_one_has_minus_100() -> None:
    assert PLAIN.indices(["VERB", None, "ADJ"], 3).tolist() == [2, -100, 0]
    assert PLAIN.indices(None, 2).tolist() == [-100, -100]


def test_loss_is_the_sum_over_words_with_a_tag() -> None:
    logits = torch.zeros(2, 3, 4)
    logits[0, 1, 2] = np.log(5.0)  # of the word's four tags the right one has 5 of 8
    labels = torch.tensor([[NO_TAG, 2, NO_TAG], [0, NO_TAG, NO_TAG]])
    total, count = tag_loss(logits, labels)
    assert (float(total), count) == (pytest.approx(np.log(8 / 5) + np.log(4)), 2)


def test_a_batch_without_a_tag_costs_nothing_and_is_not_nan() -> None:
    logits = torch.zeros(1, 2, 3, requires_grad=True)
    total, count = tag_loss(logits, torch.full((1, 2), NO_TAG))
    total.backward()
    assert (total.item(), count) == (0.0, 0)
    assert logits.grad is not None
    assert not logits.grad.any()


def test_label_smoothing_is_torchs() -> None:
    logits, labels = torch.randn(1, 2, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([[1, NO_TAG]])
    wanted = torch.nn.functional.cross_entropy(logits[0], labels[0], label_smoothing=0.1, reduction="sum")
    assert float(tag_loss(logits, labels, 0.1)[0]) == pytest.approx(float(wanted))


def test_a_teacher_tells_the_logits_of_each_word_also_where_there_is_no_truth() -> None:
    logits = torch.arange(12.0).view(2, 3, 2)
    signal = tag_signal(logits, torch.tensor([[False, True, True], [False, True, False]]))["logits"]
    assert signal.values.tolist() == [[2.0, 3.0], [4.0, 5.0], [8.0, 9.0]]
    assert signal.counts.tolist() == [2, 1]


def test_a_student_who_answers_as_the_teacher_does_has_nothing_to_learn() -> None:
    logits = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(1))
    is_word = torch.tensor([[True, False, True], [False, True, False]])
    signal = {"logits": logits[is_word], "logits_row": torch.tensor([0, 0, 1])}
    total, count = tag_distillation_loss(logits, is_word, signal, 2.0)
    assert (float(total), count) == (pytest.approx(0.0, abs=1e-6), 3)


def test_distance_to_the_teacher_by_value() -> None:
    student, is_word = torch.zeros(1, 1, 2), torch.tensor([[True]])
    signal = {"logits": torch.tensor([[2 * np.log(3.0), 0.0]]), "logits_row": torch.tensor([0])}
    total, _ = tag_distillation_loss(student, is_word, signal, 2.0)  # 3 : 1 against 1 : 1, times four
    assert float(total) == pytest.approx(4 * (0.75 * np.log(0.75 / 0.5) + 0.25 * np.log(0.25 / 0.5)))


def test_words_that_only_one_of_the_two_has_read_are_left_out() -> None:
    # Two examples of 3 and 2 words: the student has read 2 and 2 of them, the teacher 3 and 1.
    student = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(2))
    is_word = torch.tensor([[True, True, False, False], [False, True, False, True]])
    teacher = torch.randn(4, 3, generator=torch.Generator().manual_seed(3))
    teacher[2] = 1e4  # the word that the student has not read
    signal = {"logits": teacher, "logits_row": torch.tensor([0, 0, 0, 1])}
    total, count = tag_distillation_loss(student, is_word, signal, 1.0)
    pairs = torch.stack([student[0, 0], student[0, 1], student[1, 1]]), teacher[[0, 1, 3]]
    wanted = (pairs[1].softmax(-1) * (pairs[1].log_softmax(-1) - pairs[0].log_softmax(-1))).sum()
    assert (float(total), count) == (pytest.approx(float(wanted)), 3)


def test_answers_are_ragged_and_a_word_without_finite_numbers_has_none() -> None:
    logits = torch.zeros(3, 2, 3)
    logits[0, 0, 1], logits[0, 1, 2], logits[2, 1, 0] = np.log(2.0), np.inf, np.log(2.0)
    found = tag_answers(logits, torch.tensor([[True, True], [False, False], [False, True]]))
    assert [one.tags.tolist() for one in found] == [[1, -1], [], [0]]
    assert [one.confidence.tolist() for one in found] == [[0.5, 0.0], [], [0.5]]


def test_rows_have_a_tag_for_each_word_and_the_entities_as_json() -> None:
    words = ["Ada", "Lovelace", "in", "London", "today"]
    row = next(iter(ENTITIES.rows([answer(3, 4, 0, 2)], [words])))
    assert json.loads(json.dumps(row)) == {
        "tags": ["B-PER", "I-PER", "O", "I-LOC", None],
        "spans": [
            {"start": 0, "end": 2, "label": "PER", "text": "Ada Lovelace", "confidence": 0.75},
            {"start": 3, "end": 4, "label": "LOC", "text": "London", "confidence": 0.75},
        ],
    }
    assert list(PLAIN.rows([answer(1, -1)], [["big", "dog"]])) == [{"tags": ["NOUN", None]}]


def test_the_baseline_gives_each_word_its_most_frequent_tag() -> None:
    train = [["the", "run", "run"], ["run", "new", "gone"]]
    truths = [np.array([0, 1, 2]), np.array([1, 0, NO_TAG])]
    found = most_frequent_tags(train, truths, [["run", "new", "gone", "unseen"], []])
    assert [one.tags.tolist() for one in found] == [[1, 0, 0, 0], []]  # 0 and 1 are as frequent: the lower one
    assert found[0].confidence.tolist() == pytest.approx([2 / 3, 1.0, 0.4, 0.4])


def test_statistics_errors_and_figures_of_each_label_go_together() -> None:
    truths = [ENTITIES.indices(["B-PER", "O"], 2), ENTITIES.indices(["B-LOC", "O"], 2)]
    found = ENTITIES.statistics([answer(3, 0), answer(3, 0)], truths)
    assert ENTITIES.errors(found).tolist() == [0.0, 1.0]
    assert [(one["label"], one["precision"], one["rows"]) for one in ENTITIES.per_label(found)] == [
        ("LOC", 0.0, 1), ("PER", 0.5, 1),
    ]  # fmt: skip


def test_a_part_of_the_examples_has_no_confusions_of_all_of_them() -> None:
    truths = [ENTITIES.indices(["B-PER", "O"], 2), ENTITIES.indices(["B-LOC", "O"], 2)]
    part = part_of(ENTITIES.statistics([answer(3, 0), answer(3, 0)], truths), np.array([False, True]))
    assert "whole_confusion" not in part
    assert ENTITIES.errors(part).tolist() == [1.0]


def test_entities_and_words_are_counted_for_the_data_card() -> None:
    assert ENTITIES.counts([(3, 4, 3, 0, None), (0,)]) == {"LOC": 0, "PER": 2}
    assert PLAIN.counts([(1, 1, None)]) == {"ADJ": 0, "NOUN": 2, "VERB": 0}


def test_confusions_are_of_words_and_tell_those_that_were_not_read() -> None:
    truths = [ENTITIES.indices(["B-PER", "I-PER", "O", "B-LOC", None, "I-LOC"], 6)]
    found = ENTITIES.statistics([answer(3, 3, 1, 0, 1)], truths)
    assert found["words_unread"].tolist() == [1]
    assert found["whole_confusion"].tolist() == [[0, 1, 0], [2, 0, 0], [0, 0, 2]]
    found = PLAIN.statistics([answer(1, -1, 2)], [PLAIN.indices(["NOUN", "NOUN", "ADJ", "VERB"], 4)])
    assert found["whole_confusion"].tolist() == [[0, 0, 0, 0], [0, 0, 0, 1], [1, 0, 1, 0], [1, 0, 0, 0]]
