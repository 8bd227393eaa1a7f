"""Entities and words under weights: conlleval's and seqeval's own figures, and the literal resample."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stillhouse.components.targets.tag_schemes import find_tags
from stillhouse.components.targets.token_measures import (
    ENTITY_MEASURES,
    NO_TAG,
    PLAIN_MEASURES,
    per_label,
    tag_errors,
    tag_statistics,
)

GOLDEN = Path(__file__).parents[2] / "data/entities/conlleval-0.2_seqeval-1.2.2.jsonl"
"""Random truths and answers of IOB tags in any order and of IOBES ones, with what the two libraries count."""
CASES: list[dict[str, Any]] = [json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()]
TAGS = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]


def numbers(examples: list[str], tags: list[str] = TAGS) -> list[np.ndarray]:
    """Tags between spaces as their numbers; `?` has none."""
    return [
        np.array([NO_TAG if tag == "?" else tags.index(tag) for tag in example.split()], np.int64)
        for example in examples
    ]


def figures(answered: list[str], true: list[str]) -> dict[str, float]:
    """The measures of entities, each example once."""
    found = tag_statistics(numbers(answered), numbers(true), len(TAGS), True)
    return {measure.name: float(measure.value(found, np.ones((1, len(true)), int))[0]) for measure in ENTITY_MEASURES}


@pytest.mark.parametrize("case", CASES)
def test_entities_are_counted_as_conlleval_and_seqeval_count_them(case: dict[str, Any]) -> None:
    true, answered = ([tags.split() for tags in case[side]] for side in ("true", "answered"))
    scheme = find_tags([*true, *answered]).scheme
    true, answered = ([" ".join(map(str, scheme.normalised(tags))) for tags in side] for side in (true, answered))
    found = tag_statistics(numbers(answered), numbers(true), len(TAGS), True)
    assert [found[name].sum() for name in ("hits", "found", "wanted")] == case["conlleval"]
    values = figures(answered, true)
    names = {"p": "entity_precision", "r": "entity_recall", "f": "entity_f1", "macro": "entity_f1_macro"}
    assert {name: values[names[name]] for name in names} == pytest.approx(case["seqeval"], abs=1e-11)


def test_strict_counting_is_another_figure_and_not_ours() -> None:
    differing = [case for case in CASES if case["strict"] not in (None, case["seqeval"]["f"])]
    assert len(differing) > 20
    # An entity that begins with I: strict seqeval has 0.667 here.
    assert figures(["B-PER I-PER O B-LOC"], ["I-PER I-PER O B-LOC"])["entity_f1"] == 1.0


def test_measures_by_value() -> None:
    # Found: a person a word too long, a place with the wrong label, one right place. Wanted: three.
    values = figures(["B-PER I-PER I-PER O", "B-PER B-LOC"], ["B-PER I-PER O O", "B-LOC B-LOC"])
    assert values == pytest.approx(
        {
            "entity_f1": 1 / 3,
            "entity_precision": 1 / 3,
            "entity_recall": 1 / 3,
            "entity_f1_macro": (0 + 2 / 3) / 2,
            "token_f1": 2 * 3 / (5 + 4),
            "token_accuracy": 4 / 6,
            "example_accuracy": 0.0,
        }
    )


def test_an_entity_ends_with_its_example() -> None:
    assert figures(["B-PER", "I-PER"], ["B-PER", "B-PER"])["entity_f1"] == 1.0


def test_a_word_without_a_truth_is_not_counted_whatever_is_answered() -> None:
    values = figures(["B-PER I-PER B-LOC"], ["B-PER ? ?"])
    assert (values["entity_f1"], values["token_accuracy"]) == (1.0, 1.0)


def test_words_that_were_not_read_are_wrong_and_in_no_entity() -> None:
    truth, answer = numbers(["B-PER O B-LOC"]), [np.array([3])]
    found = tag_statistics(answer, truth, len(TAGS), True)
    assert {name: found[name].tolist() for name in ("words", "words_right", "hits", "found", "wanted")} == {
        "words": [3], "words_right": [1], "hits": [1], "found": [1], "wanted": [2],
    }  # fmt: skip


def random_examples(generator: np.random.Generator, tags: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    truths = [generator.integers(0, tags, generator.integers(0, 9)) for _ in range(40)]
    answers = [np.where(generator.random(len(truth)) < 0.6, truth, (truth + 1) % tags) for truth in truths]
    truths = [np.where(generator.random(len(truth)) < 0.1, NO_TAG, truth) for truth in truths]
    return answers, truths


@pytest.mark.parametrize("has_entities", [True, False])
def test_a_measure_under_weights_is_that_of_the_literal_resample(has_entities: bool) -> None:
    generator = np.random.default_rng(3)
    answers, truths = random_examples(generator, 7)
    draws = generator.integers(0, len(truths), (5, len(truths)))
    draws[0, :] = 12  # one example, again and again
    weights = np.stack([np.bincount(drawn, minlength=len(truths)) for drawn in draws])
    found = tag_statistics(answers, truths, 7, has_entities)
    for measure in ENTITY_MEASURES if has_entities else PLAIN_MEASURES:
        literal = [
            measure.value(
                tag_statistics([answers[i] for i in drawn], [truths[i] for i in drawn], 7, has_entities),
                np.ones((1, len(drawn)), int),
            )[0]
            for drawn in draws
        ]
        np.testing.assert_allclose(measure.value(found, weights), literal, rtol=1e-14, err_msg=measure.name)


def test_plain_tags_have_scikit_learns_figures() -> None:
    from sklearn.metrics import accuracy_score, f1_score

    answers, truths = random_examples(np.random.default_rng(5), 6)
    found = tag_statistics(answers, truths, 6, False)
    values = {m.name: m.value(found, np.ones((1, 40), int))[0] for m in PLAIN_MEASURES}
    true, answered = np.concatenate(truths), np.concatenate(answers)
    true, answered = true[true >= 0], answered[true >= 0]
    assert values["token_accuracy"] == accuracy_score(true, answered)
    assert values["token_f1_macro"] == pytest.approx(f1_score(true, answered, average="macro"), abs=1e-12)


def test_no_entity_and_none_found_is_no_figure_and_no_error() -> None:
    found = tag_statistics(numbers(["O O", "B-PER"]), numbers(["O O", "B-LOC"]), len(TAGS), True)
    weights = np.array([[1, 0], [0, 1], [0, 0]])
    assert [np.isnan(m.value(found, weights)).tolist() for m in ENTITY_MEASURES[:5]] == [[True, False, True]] * 5
    assert ENTITY_MEASURES[5].value(found, weights).tolist()[:2] == [1.0, 0.0]
    assert tag_errors(found, True).tolist() == [0.0, 1.0]


def test_errors_of_plain_tags_are_shares_of_words() -> None:
    found = tag_statistics([np.array([0, 1, 2, 2]), np.array([])], [np.array([0, 1, 1, 1]), np.array([])], 3, False)
    assert tag_errors(found, False).tolist() == [0.5, 0.0]


def test_each_label_has_its_figures_also_one_that_nobody_has() -> None:
    found = tag_statistics(numbers(["B-PER B-PER"]), numbers(["B-PER O"]), 7, True)
    assert per_label(found, ["LOC", "PER", "ORG"]) == [
        {"label": "LOC", "precision": 0.0, "recall": 0.0, "f1": 0.0, "rows": 0, "found": 0},
        {"label": "PER", "precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3), "rows": 1, "found": 2},
        {"label": "ORG", "precision": 0.0, "recall": 0.0, "f1": 0.0, "rows": 0, "found": 0},
    ]
