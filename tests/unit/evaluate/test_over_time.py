"""The champion on rows newer than all it learnt from, and what a candidate has forgotten of earlier partitions."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillhouse.components.artifacts.evaluation import Evaluation
from stillhouse.components.artifacts.examples import PERIOD, TIME, Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.evaluate.champion import Champion
from stillhouse.components.evaluate.contestants import Contestant
from stillhouse.components.evaluate.over_time import forward, remembered
from stillhouse.components.evaluate.settings import EvaluateSettings
from stillhouse.components.formats.times import parse_times
from stillhouse.components.tasks import Task, task_of

SETTINGS = EvaluateSettings(task="text_classification", resamples=200)
MARCH, APRIL = "2026-03-01T00:00:00+00:00", "2026-04-01T00:00:00+00:00"
DAYS = [f"2026-05-{day:02}" for day in range(1, 11)]


def task(learnt_until: str | float | None = None) -> Task:
    known: dict[str, Any] = {"target": "classes", "labels": ["ham", "spam"], "content_digest": ""}
    return task_of(Spec(format=1, task="text_classification", learnt_until=learnt_until, **known))


def answers(right: Sequence[bool]) -> np.ndarray:
    """To rows of the class 1."""
    return np.array([[0.1, 0.9] if each else [0.9, 0.1] for each in right])


def examples(times: Sequence[str] | None = None, periods: Sequence[str] | None = None) -> Examples:
    rows = len(times or periods or [])
    columns: dict[str, Any] = {"text": ["t"] * rows, "label": [1] * rows}
    if times:
        columns[TIME] = parse_times(times).array()
    if periods:
        columns[PERIOD] = pa.array(periods)
    return Examples.of(**columns)


def champion(test: Examples, learnt_until: str | float | None = None, unseen: Any = True) -> Champion:
    theirs = task(learnt_until)
    rows = np.ones(len(test), bool) & unseen
    return Champion("champion (version 3)", "c" * 64, Path("somewhere"), theirs, task().ground(theirs, test), rows)


def scored(test: Examples, of: Champion, right: Sequence[bool]) -> dict[str, Any]:
    return forward(of, {"champion": Contestant(answers(right))}, task(), test, SETTINGS)["prequential"]


def test_the_score_is_on_unseen_rows_that_are_newer_than_all_it_learnt_from() -> None:
    test = examples(DAYS)
    of = champion(test, "2026-05-04T00:00:00+00:00", unseen=np.array([True] * 9 + [False]))
    found = scored(test, of, [False] * 4 + [True] * 3 + [False] * 2 + [True])

    assert (found["compared"], found["rows"], found["learnt_until"]) == (True, 5, "2026-05-04T00:00:00+00:00")
    assert found["estimate"]["value"] == pytest.approx(0.6 if task().measures[0].name == "accuracy" else 0.375)
    assert found["estimate"]["low"] <= found["estimate"]["value"] <= found["estimate"]["high"]


@pytest.mark.parametrize(
    ("learnt_until", "why_not"),
    [
        (None, "up to when it has learnt is not known, its data had no column of times"),
        (7.0, "it has learnt up to 7.0, and the data now have dates"),
        (
            "2026-05-10T00:00:00+00:00",
            "no test row that it can be asked about is newer than all it learnt from (2026-05-10T00:00:00+00:00)",
        ),
    ],
)
def test_where_there_is_none_it_says_why(learnt_until: Any, why_not: str) -> None:
    test = examples(DAYS)
    found = scored(test, champion(test, learnt_until), [True] * 10)

    assert (found["compared"], found["why_not"], found["rows"]) == (False, why_not, 0)


def test_a_champion_that_cannot_be_compared_has_none_for_that_reason() -> None:
    test = examples(DAYS)
    found = forward(champion(test).left_out("it is gone"), {}, task(), test, SETTINGS)["prequential"]

    assert found["why_not"] == "it is gone"


def test_without_times_or_champion_nothing_is_said() -> None:
    test = examples(periods=[""] * 4)

    assert forward(champion(test), {}, task(), test, SETTINGS) == {}
    assert forward(None, {}, task(), examples(DAYS), SETTINGS) == {}


def test_candidates_stand_beside_the_champion_on_each_earlier_partition() -> None:
    test = examples(periods=[MARCH] * 4 + [APRIL] * 4 + [""] * 4)
    of = champion(test, unseen=np.array([False] + [True] * 11))
    right = {"champion": [True] * 12, "student": [False, False, True, True, *[True] * 8]}
    contestants = {name: Contestant(answers(each)) for name, each in right.items()}
    found = remembered(of, contestants, task(), test, SETTINGS)["student"]

    assert {name: one["rows"] for name, one in found["periods"].items()} == {MARCH: 3, APRIL: 4}
    assert (found["periods"][APRIL]["difference"], found["together"]["rows"]) == (0, 7)
    assert (
        found["periods"][MARCH]["difference"] == found["periods"][MARCH]["value"] - found["periods"][MARCH]["champion"]
    )
    assert found["periods"][MARCH]["difference"] < found["together"]["difference"] < 0


def test_without_earlier_rows_or_answers_nothing_is_forgotten() -> None:
    test = examples(periods=["", ""])
    both = {name: Contestant(answers([True, True])) for name in ("student", "champion")}

    assert remembered(champion(test), both, task(), test, SETTINGS) == {}
    assert remembered(None, both, task(), test, SETTINGS) == {}
    old = examples(periods=[MARCH, MARCH])
    assert remembered(champion(old), {"student": both["student"]}, task(), old, SETTINGS) == {}


def test_the_step_writes_both_draws_them_and_tells_mlflow(workplace: Any, evaluate: Any, tmp_path: Path) -> None:
    model = workplace.write_model("dated", saw=10)
    info = json.loads((model / "model.json").read_text())
    (model / "model.json").write_text(json.dumps({**info, "learnt_until": 19.0}))
    folder = tmp_path / "place"
    shutil.copytree(workplace.folder, folder)
    path = folder / "dataset" / "test.parquet"
    test = pq.read_table(path)
    times, periods = pa.array(np.arange(40.0)), pa.array([MARCH] * 24 + [""] * 16)
    pq.write_table(test.append_column(TIME, times).append_column(PERIOD, periods), path)
    told = json.dumps({"version": "3", "digest": "c" * 64, "uri": str(model)})

    done = evaluate(replace(workplace, folder=folder), champion=told)

    found = Evaluation.model_validate(done.document)
    assert found.prequential and found.prequential.estimate and found.prequential.rows == 20
    assert found.forgetting and found.forgetting.periods[MARCH].rows == 14
    assert found.candidates["tfidf_logistic"].forgetting
    metrics = {name: value for event in done.events for name, value in (event.get("values") or {}).items()}
    assert metrics["champion/prequential_f1_macro"] == found.prequential.estimate.value
    assert metrics["student/forgetting"] == pytest.approx(-found.forgetting.periods[MARCH].difference)
    assert "on the 20 test rows that are newer than all it learnt from (19.0)" in done.page
    assert "Earlier partitions" in done.page
