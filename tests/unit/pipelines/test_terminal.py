"""What the views of a run share."""

import pytest

from stillhouse.pipelines.terminal import clock, headline


def test_a_figure_of_the_whole_step_counts_before_the_newest_point_of_its_curve() -> None:
    assert headline({"validation/f1_macro": 0.42, "validation_f1_macro": 0.97}) == "f1_macro 0.97"
    assert headline({"validation_f1_macro": 0.97, "validation/f1_macro": 0.42}) == "f1_macro 0.97"


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (123.4, "2:03"), (3599.6, "1:00:00"), (3723, "1:02:03")])
def test_a_time_is_written_as_a_clock_shows_it(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown
