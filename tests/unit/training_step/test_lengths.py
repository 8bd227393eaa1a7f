"""How long examples are for a model is counted before they are cut."""

from typing import Any

import pytest

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec, read_spec
from stillhouse.components.tasks import task_of
from stillhouse.components.tasks.interface.task import View
from stillhouse.components.training_step import lengths as module
from stillhouse.components.training_step.lengths import lengths_of

Trained = Any
"""conftest.Trained"""
LONG = 700
"""More tokens than the model has positions."""


def examples_of(*words: int) -> Examples:
    return Examples.of(text=["a " * number for number in words])


def test_lengths_are_the_tokens_before_the_cut(trained: Trained) -> None:
    task = task_of(read_spec(trained.dataset))
    loaded = task.load(trained.teacher.model)
    found = lengths_of(task, loaded, examples_of(1, 2, 3, LONG), 5)
    special = int(task.samples(loaded, examples_of(1), View(8)).lengths[0]) - 1
    assert found is not None
    assert (found["unit"], found["max_length"], found["counted"], found["rows"]) == ("token", 5, 4, 4)
    assert (found["median"], found["largest"]) == (2.5 + special, LONG + special)
    assert found["cut"] == sum(number + special > 5 for number in (1, 2, 3, LONG)) / 4
    counts = dict(zip(found["histogram"]["edges"][1:], found["histogram"]["counts"], strict=True))
    assert {edge: count for edge, count in counts.items() if count} == {4: 2, 8: 1, 768: 1}  # 3, 4, 5 and 702 tokens


def test_of_very_many_rows_some_are_counted_from_first_to_last(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_EXAMPLES", 3)
    task = task_of(read_spec(trained.dataset))
    found = lengths_of(task, task.load(trained.teacher.model), examples_of(*[1] * 8, LONG), 64)
    assert found is not None
    assert (found["counted"], found["rows"], found["cut"]) == (3, 9, 1 / 3)


def test_a_kind_that_cuts_no_example_has_none() -> None:
    spec = Spec(format=1, task="tabular", target="classes", labels=["a", "b"], columns={}, content_digest="d")
    assert lengths_of(task_of(spec), Any, Examples.of(label=[0]), 256) is None  # type: ignore[arg-type]
