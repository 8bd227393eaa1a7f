"""Slices that are answered worse are found, and chance is not taken for one."""

from typing import Any

import numpy as np
import pytest

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.evaluate.found_slices import found_slices, holm
from stillhouse.components.evaluate.settings import EvaluateSettings
from stillhouse.components.tasks import Task, task_of

SETTINGS = EvaluateSettings(task="text_classification", resamples=200, slices=["list"])
COMMON = ["send", "read", "the", "agenda", "now", "later", "again", "soon", "please", "offer"]


def task(target: str = "classes") -> Task:
    labels = [] if target == "number" else ["ham", "spam"]
    return task_of(Spec(format=1, task="text_classification", target=target, labels=labels, content_digest="c"))


def texts(rows: int, seed: int) -> list[str]:
    """Ten words of ten; every tenth text has `refund`, too, and the others a word as long."""
    generator = np.random.default_rng(seed)
    return [" ".join([*generator.choice(COMMON, 10), "thanks" if row % 10 else "refund"]) for row in range(rows)]


def found(wrong: np.ndarray, seed: int = 0, **given: Any) -> dict[str, Any]:
    """What is found where the rows `wrong` are answered wrong, bool [rows]."""
    rows, kind = len(wrong), task()
    labels = np.arange(rows) // 2 % 2
    answered = np.where(wrong, 1 - labels, labels)
    test = Examples.of(
        text=texts(rows, seed), label=labels, slice_list=["a" if row % 3 else "b" for row in range(rows)]
    )
    statistics = kind.statistics(np.where(answered[:, None] == np.arange(2), 0.9, 0.1), test)
    return found_slices(kind, statistics, test, SETTINGS.model_copy(update=given))["found_slices"]


def test_the_word_whose_texts_are_answered_wrong_comes_first() -> None:
    generator = np.random.default_rng(1)
    wrong = generator.random(400) < np.where(np.arange(400) % 10 == 0, 0.5, 0.03)
    told = found(wrong)
    first, second = told["slices"][:2]
    assert (first["name"], first["rows"]) == ("with the word 'refund'", 40)
    assert first["p_value"] < 0.001
    assert told["sure"] == 1
    assert first["value"] < first["bound"] < 1
    assert second["p_value"] > 0.05
    assert {"with the word 'offer'"} <= {one["name"] for one in found(wrong)["slices"]} | {"with the word 'offer'"}


def test_a_search_where_nothing_is_to_be_found_finds_nothing_in_nearly_all_cases() -> None:
    """At 5 % a table of independent errors has one slice that is surely worse in one search of twenty at most."""
    draws = [np.random.default_rng(seed).random(300) < 0.1 for seed in range(40)]
    false = sum(found(wrong, seed, num_slices=1)["sure"] > 0 for seed, wrong in enumerate(draws))
    assert false <= 4


def test_columns_of_the_source_are_looked_at_beside_what_the_kind_of_problem_has() -> None:
    wrong = (np.arange(300) % 3 == 0) & (np.random.default_rng(2).random(300) < 0.4)
    assert found(wrong)["slices"][0]["name"] == "list=b"


def test_numbers_go_by_how_far_they_are_off() -> None:
    kind, generator = task("number"), np.random.default_rng(3)
    truth = generator.normal(size=300)
    off = np.where(np.arange(300) % 10 == 0, 1.0, 0.2) * generator.normal(size=300)
    test = Examples.of(text=texts(300, 3), label=truth, slice_list=["a"] * 300)
    told = found_slices(kind, kind.statistics((truth + off)[:, None], test), test, SETTINGS)["found_slices"]
    assert told["slices"][0]["name"] == "with the word 'refund'"
    assert told["slices"][0]["p_value"] < 0.05


def test_none_are_looked_for_where_none_are_to_be_listed() -> None:
    settings = SETTINGS.model_copy(update={"num_slices": 0})
    assert found_slices(task(), {}, Examples.of(text=["a"]), settings) == {}


def test_p_values_of_tests_that_were_made_together() -> None:
    assert holm(np.array([0.01, 0.04, 0.03, 0.5])).tolist() == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert holm(np.array([])).tolist() == []
