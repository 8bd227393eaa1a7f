"""When a schedule is due at an interval; test_cron.py has the other kind."""

from datetime import UTC, datetime
from itertools import islice

import pytest

from stillhouse.errors import UserError
from stillhouse.pipelines.cluster.due_times import at_interval

NOW = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)


def test_intervals_are_full_ones_whenever_the_schedule_was_made() -> None:
    assert [f"{due:%d %H:%M}" for due in islice(at_interval("6h").due(NOW), 3)] == ["23 00:00", "23 06:00", "23 12:00"]


def test_once_it_has_run_an_interval_counts_from_there() -> None:
    late = NOW.replace(hour=14, minute=20)
    assert [f"{due:%d %H:%M}" for due in islice(at_interval("6h").due(NOW, late), 2)] == ["23 02:20", "23 08:20"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("30s", "is too often; give a minute"),
        ("6 h", "a whole number followed by s, m, h or d"),
        ("0h", "a whole number"),
    ],
)
def test_a_wrong_interval_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(UserError, match=f"--every '{text}'.*{sentence}"):
        at_interval(text)
