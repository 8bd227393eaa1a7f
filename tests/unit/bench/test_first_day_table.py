"""The bars of docs/results.md: when they hold, and what a line of the table says."""

from typing import Any

import pytest
from first_day_table import BARS, Result, table

TFIDF, TRAINER, STUDENT, TIME = BARS


def result(trainer: tuple[float, ...] = (0.70, 0.80), **changes: Any) -> Result:
    """A run of brown, and the Trainer's macro-F1 at each of its learning rates."""
    f1 = {"tfidf": 0.80, "teacher": 0.80, "student": 0.79, "promoted": 0.79} | changes.pop("f1", {})
    run = {
        "set": "brown",
        "rows": 300,
        "seed": 1,
        "code": "abc",
        "wall_seconds": 240.0,
        "promoted": "student",
        "f1": f1,
        "fresh": {"tfidf": 0.5, "teacher": 0.5, "student": 0.5, "promoted": 0.5},
        "rows_per_second": {"teacher": 10.0, "student": 30.0},
    }
    return Result(run | changes, [{"f1": score, "fresh_f1": 1 - score} for score in trainer])


@pytest.mark.parametrize(
    ("bar", "changes", "holds"),
    [
        (TFIDF, {}, True),
        (TFIDF, {"f1": {"promoted": 0.7899}}, False),
        (TFIDF, {"f1": {"promoted": None}}, False),
        (TRAINER, {}, True),
        (TRAINER, {"trainer": (0.8051, 0.2)}, False),
        (TRAINER, {"trainer": ()}, None),
        (STUDENT, {}, True),
        (STUDENT, {"f1": {"student": 0.775}}, False),
        (STUDENT, {"rows_per_second": {"teacher": 10.0, "student": 29.9}}, False),
        (TIME, {}, True),
        (TIME, {"wall_seconds": 480.1}, False),
    ],
)
def test_a_bar_holds_up_to_its_margin(bar: str, changes: dict[str, Any], holds: bool | None) -> None:
    """A model that is not there is below any; where nothing was compared there is no answer."""
    assert BARS[bar](result(**changes), "f1") is holds


def test_a_run_that_failed_holds_no_bar() -> None:
    """It has a time and an error, and nothing else."""
    run = {"set": "brown", "rows": 300, "seed": 1, "code": "abc", "wall_seconds": 3.0, "error": "code 2: …"}
    assert [bar(Result(run, []), "f1") for bar in BARS.values()] == [False] * 4


def test_the_trainers_rate_is_picked_by_the_test_rows_for_the_other_rows_too() -> None:
    """What is best on the rows that judge is not picked by them."""
    assert result().score("trainer", "f1") == 0.80
    assert result().score("trainer", "fresh") == pytest.approx(0.20)


def test_a_line_is_the_mean_over_the_seeds_and_tells_for_how_many_a_bar_holds() -> None:
    """Two seeds, of which the second was given nothing."""
    none = {"seed": 2, "promoted": None, "f1": {"promoted": None, "teacher": 0.60}}
    text = table([result(), result(**none)], "state", "f1")
    assert (
        "| brown | 300 | 1, 2 | 0.800 | 0.700 | 0.790 | 0.790 (1 student, 1 nothing) | 0.800 | 3.0x | 4.0 "
        "| ✗ 1/2 | ✗ 1/2 | ✓ 2/2 | ✓ 2/2 |"
    ) in text
    assert text.endswith(f"All runs (2 by `abc`): {TFIDF}: ✗ 1/2; {TRAINER}: ✗ 1/2; {STUDENT}: ✓ 2/2; {TIME}: ✓ 2/2.")
    assert table([result()], "choose", "f1") == ""
