"""Rows that the champion has right and a candidate has wrong, of every kind whose answers are right or wrong."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom
from tagged_words import SPEC, tagged

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.evaluate.comparison import compare
from stillhouse.components.evaluate.contestants import Contestant
from stillhouse.components.evaluate.flips import described, negative_flips
from stillhouse.components.evaluate.settings import EvaluateSettings
from stillhouse.components.targets.tokens import TagAnswer
from stillhouse.components.tasks import Task, task_of


def task(target: str, labels: list[str]) -> Task:
    return task_of(Spec(format=1, task="text_classification", target=target, labels=labels, content_digest=""))


def flips_of(of: Task, examples: Examples, **answers: Any) -> dict[str, list[bool]]:
    """Of each candidate the flips on all of the examples."""
    statistics = {name: of.statistics(each, examples) for name, each in answers.items()}
    return {name: each.tolist() for name, each in negative_flips(of, statistics, np.ones(len(examples), bool)).items()}


HAM, SPAM = [0.9, 0.1], [0.2, 0.8]


def test_a_flip_is_a_row_that_the_champion_has_right_and_the_candidate_wrong() -> None:
    examples = Examples.of(text=list("abcd"), label=[0, 0, 1, 1])
    found = flips_of(
        task("classes", ["ham", "spam"]),
        examples,
        student=np.array([SPAM, SPAM, SPAM, SPAM]),
        tfidf_logistic=np.array([HAM, HAM, SPAM, SPAM]),
        champion=np.array([HAM, SPAM, SPAM, HAM]),
    )
    assert found == {"student": [True, False, False, False], "tfidf_logistic": [False] * 4}


def test_a_set_of_labels_is_right_as_a_whole() -> None:
    examples = Examples.of(text=list("ab"), label=[[1.0, 1.0], [1.0, 0.0]])
    champion, student = np.array([[0.9, 0.9], [0.9, 0.1]]), np.array([[0.9, 0.4], [0.9, 0.2]])
    found = flips_of(task("multi_label", ["x", "y"]), examples, student=student, champion=champion)
    assert found == {"student": [True, False]}


def test_a_sentence_is_right_where_all_its_tags_are() -> None:
    examples = tagged(8)
    truths = [np.array(tags, np.int32) for tags in examples.values("tags")]
    worse = [truths[0], *(np.zeros_like(tags) for tags in truths[1:])]
    student, champion = (
        [TagAnswer(tags, np.ones(len(tags), np.float32)) for tags in answered] for answered in (worse, truths)
    )
    found = flips_of(task_of(SPEC), examples, student=student, champion=champion)
    assert found == {"student": [index > 0 and bool(tags.any()) for index, tags in enumerate(truths)]}
    assert sum(found["student"]) > 0


def test_numbers_are_nearer_or_further_off_and_none_is_counted() -> None:
    examples = Examples.of(text=["a"], label=[1.0])
    assert flips_of(task("number", []), examples, student=np.array([[9.0]]), champion=np.array([[1.0]])) == {}


def test_so_are_recommendations() -> None:
    spec = Spec(format=1, task="recommendation", target="items", labels=[], content_digest="", fitted={"items": ["a"]})
    examples = Examples.of(user=["u"], items=[["b"]], held_out=[["a"]])
    answers = {"student": [np.array([], np.int64)], "champion": [np.array([0])]}
    assert flips_of(task_of(spec), examples, **answers) == {}


def test_they_are_counted_where_both_are_compared() -> None:
    """The champion has seen the first row, and knows no 'new': a row that moves to it is lost, a new row is not."""
    ours, theirs = task("classes", ["ham", "new", "spam"]), task("classes", ["ham", "spam"])
    examples = Examples.of(text=list("abcd"), label=[0, 0, 1, 2])
    ground = ours.ground(theirs, examples)
    rows = ground.known & np.array([False, True, True, True])
    student = np.array([[0.1, 0.8, 0.1], [0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.1, 0.1, 0.8]])
    contestants = {"student": Contestant(student), "champion": Contestant(np.array([HAM, HAM, SPAM, SPAM]))}
    statistics = {"student": ours.statistics(student, examples)}
    settings = EvaluateSettings(task="text_classification", resamples=100)
    found = compare(ours, contestants, statistics, examples, (ground, rows), settings, lambda done: None)
    assert found.flips["student"].tolist() == [False, True, False, False]
    assert found.differences["student"]["champion"]["rows"] == 2


@pytest.mark.parametrize(("number", "rows"), [(0, 100), (12, 1200), (3, 40)])
def test_the_bound_is_the_share_at_which_so_few_are_seen_once_in_twenty(number: int, rows: int) -> None:
    found = described(number, rows, 0.95)
    assert (found["rows"], found["number"], found["rate"]) == (rows, number, number / rows)
    assert binom.cdf(number, rows, found["upper"]) == pytest.approx(0.05)


def test_without_a_flip_among_a_hundred_rows_three_in_a_hundred_are_possible() -> None:
    assert described(0, 100, 0.95)["upper"] == pytest.approx(1 - 0.05**0.01)
    assert described(5, 5, 0.95)["upper"] == 1.0


def test_the_step_writes_them_for_each_candidate_and_tells_mlflow(workplace: Any, evaluate: Any) -> None:
    champion = workplace.write_model("one", width=32, saw=10)
    entry = {"version": "3", "digest": "c" * 64, "uri": str(champion)}
    done = evaluate(workplace, champion=json.dumps(entry))
    student, other = done.document["negative_flips"], done.document["candidates"]["tfidf_logistic"]["negative_flips"]
    assert (student["rows"], other["rows"]) == (30, 30)
    assert student["rate"] == student["number"] / 30 <= student["upper"]
    told = {name: value for event in done.events for name, value in (event.get("values") or {}).items()}
    assert told["student/negative_flips"] == student["rate"]
    assert told["tfidf_logistic/negative_flips_upper"] == other["upper"]
    assert f"Of 30 rows the student has {student['number']} wrong that the champion has right" in done.page


def test_a_champion_that_cannot_be_compared_flips_nothing(workplace: Any, evaluate: Any, tmp_path: Path) -> None:
    entry = {"version": "3", "digest": "c" * 64, "uri": str(tmp_path / "gone")}
    assert "negative_flips" not in evaluate(workplace, champion=json.dumps(entry)).document
