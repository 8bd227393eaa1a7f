"""What the views of a run share."""

import pytest

from stillhouse.pipelines.terminal import clock, headline


def test_a_figure_of_the_whole_step_counts_before_the_newest_point_of_its_curve() -> None:
    assert headline({"validation/f1_macro": 0.42, "validation_f1_macro": 0.97}) == "f1_macro 0.97"
    assert headline({"validation_f1_macro": 0.97, "validation/f1_macro": 0.42}) == "f1_macro 0.97"


def test_of_another_kind_of_problem_the_first_measure_is_shown() -> None:
    points = {"train/loss": 3.0, "validation/ndcg_10": 0.31, "validation/coverage_10": 0.9}
    assert headline(points) == "ndcg_10 0.31"
    assert headline({"student/entity_f1": 0.8, "student/token_accuracy": 0.97, "teacher/entity_f1": 0.9}) == (
        "entity_f1 0.8"
    )
    assert headline({"train/loss": 3.0}) == ""


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (123.4, "2:03"), (3599.6, "1:00:00"), (3723, "1:02:03")])
def test_a_time_is_written_as_a_clock_shows_it(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown
