"""What `schedule` says of the days on which the clock is changed."""

from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from stillhouse.pipelines.cluster.clock_changes import clock_warning
from stillhouse.pipelines.cluster.cron import due_times, to_six_fields

NOW = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)
SKIPPED, TWICE = "does not come (that run is left out)", "comes twice (and so does the run)"


def said(five: str, zone: str) -> str:
    return clock_warning(to_six_fields(five), ZoneInfo(zone), NOW)


def test_a_time_that_is_skipped_in_spring_and_comes_twice_in_autumn_is_one_line() -> None:
    assert said("30 2 * * *", "Europe/Berlin") == (
        f"The clock of Europe/Berlin changes: 02:30 {SKIPPED} on Sun 2027-03-28 and 02:30 {TWICE} on Sun 2027-10-31; "
        "an hour that never changes avoids it, or --every."
    )


@pytest.mark.parametrize(
    ("five", "zone"),
    [
        ("0 3 * * *", "Europe/Berlin"),  # the clock jumps to it
        ("0 4 * * *", "Europe/Berlin"),
        ("30 2 * * *", "UTC"),
        ("30 2 * * *", "Asia/Kolkata"),
        ("30 2 * * mon-sat", "Europe/Berlin"),  # it changes on Sundays
        ("30 2 1-20 * *", "Europe/Berlin"),  # in the last week of a month
        ("*/15 * * * *", "Europe/Berlin"),  # goes on every 15 minutes
        ("0 * * * *", "Europe/Berlin"),
    ],
)
def test_where_no_run_is_touched_nothing_is_said(five: str, zone: str) -> None:
    assert said(five, zone) == ""


@pytest.mark.parametrize(
    ("five", "zone", "parts"),
    [
        ("0 2 * * *", "Europe/Berlin", [f"02:00 {SKIPPED} on Sun 2027-03-28", f"02:00 {TWICE} on Sun 2027-10-31"]),
        ("0 1 * * *", "Europe/London", [f"01:00 {SKIPPED} on Sun 2027-03-28", f"01:00 {TWICE} on Sun 2027-10-31"]),
        ("30 1 * * *", "America/New_York", [f"01:30 {TWICE} on Sun 2027-11-07"]),
        ("30 2 * * *", "America/New_York", [f"02:30 {SKIPPED} on Sun 2027-03-14"]),
        ("@daily", "America/Santiago", [f"00:00 {SKIPPED} on Sun 2027-09-05"]),
        ("0 */2 * * *", "Europe/Berlin", [f"02:00 {SKIPPED} on Sun 2027-03-28"]),
        # By half an hour, on the island that does so.
        ("45 1 * * *", "Australia/Lord_Howe", [f"01:45 {TWICE} on Sun 2027-04-04"]),
        ("15 2 * * *", "Australia/Lord_Howe", [f"02:15 {SKIPPED} on Sun 2027-10-03"]),
        # One day a year: the first year in which it is that of the change.
        ("30 2 25 3 *", "Europe/Berlin", [f"02:30 {SKIPPED} on Sun 2029-03-25"]),
    ],
)
def test_each_zone_has_hours_of_its_own(five: str, zone: str, parts: list[str]) -> None:
    assert [part for part in parts if part not in said(five, zone)] == []


def test_it_is_what_the_times_of_the_schedule_show() -> None:
    """Of the days around the changes, by `due_times`, which is held against KFP's own rule elsewhere."""
    berlin, six = ZoneInfo("Europe/Berlin"), to_six_fields("30 2 * * *")
    spring = islice(due_times(six, datetime(2027, 3, 27, 12, tzinfo=berlin)), 1)
    autumn = islice(due_times(six, datetime(2027, 10, 30, 12, tzinfo=berlin)), 2)
    assert [time.day for time in (*spring, *autumn)] == [29, 31, 31]
