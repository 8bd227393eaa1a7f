"""Cron in five fields, told to KFP in six."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stillhouse.errors import UserError
from stillhouse.pipelines.cluster.cron import due_times, to_six_fields

START = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("five", "six"),
    [
        ("0 3 * * *", "0 0 3 * * *"),
        ("*/15 8-10 * * *", "0 */15 8,9,10 * * *"),
        ("0 3 * * 7", "0 0 3 * * 0"),
        ("0 3 * * mon-fri", "0 0 3 * * 1,2,3,4,5"),
        ("0 3 * * 5-7", "0 0 3 * * 0,5,6"),
        ("0 3 1-20/7 jan,JUL ?", "0 0 3 1,8,15 1,7 *"),
        ("0 3 1 * ?", "0 0 3 1 * *"),
        ("@daily", "0 0 0 * * *"),
        ("0 3 29 2 *", "0 0 3 29 2 *"),
        ("@Weekly", "0 0 0 * * 0"),
        # Either day suffices for cron; a star in a list would make KFP ask for both.
        ("0 3 13,*/10 * 5", "0 0 3 1,11,13,21,31 * 5"),
        # A field that begins with a star: both days must fit, for cron and for KFP.
        ("0 3 */20,7 * 1", "0 0 3 */20,1,7,21 * 1"),
        ("0 3 1 * */4,7", "0 0 3 1 * */4,0,4"),
    ],
)
def test_five_fields_become_six(five: str, six: str) -> None:
    assert to_six_fields(five) == six


@pytest.mark.parametrize(
    ("five", "sentence"),
    [
        ("0 0 3 * * *", "has 6 fields; give five (minute, hour, day of month, month, day of week)"),
        ("", "has 0 fields"),
        ("@reboot", "has 1 fields"),
        ("60 3 * * *", "the minute is wrong"),
        ("0 24 * * *", "the hour is wrong"),
        ("0 3 0 * *", "the day of month is wrong"),
        ("0 3 * 13 *", "the month is wrong"),
        ("0 3 * * 8", "the day of week is wrong"),
        ("0 3 * * sat-sun", "the day of week is wrong"),
        ("0 3 ,1 * *", "the day of month is wrong"),
        ("*/0 3 * * *", "the minute is wrong"),
        ("0 3 31 2 *", "the day of month is wrong"),
        ("0 3 L * *", "KFP does not know L, W and #"),
        ("0 3 * * 5#2", "KFP does not know L, W and #"),
        ("0 3 29 2 */7", "does not come due every four years"),
        ("0 3 7 1 */7", "does not come due every four years"),
    ],
)
def test_what_is_wrong_is_named_with_its_field(five: str, sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        to_six_fields(five)
    assert sentence in str(caught.value)
    assert "'0 3 * * *'" in str(caught.value) or "four years" in sentence


def test_an_hour_that_the_clock_skips_is_left_out() -> None:
    times = due_times("0 30 2 * * *", datetime(2027, 3, 27, 12, tzinfo=BERLIN))
    assert [f"{time:%d %H:%M}" for time in islice(times, 2)] == ["29 02:30", "30 02:30"]


def test_an_hour_that_the_clock_repeats_counts_twice() -> None:
    times = due_times("0 30 2 * * *", datetime(2027, 10, 30, 12, tzinfo=BERLIN))
    assert [f"{time:%d %H:%M%z}" for time in islice(times, 3)] == ["31 02:30+0200", "31 02:30+0100", "01 02:30+0100"]


RANGES = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}
NAMES = {
    "month": ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    "weekday": ["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
}


@st.composite
def parts(draw: st.DrawFn, name: str) -> str:
    """One part of a field's list: *, a number or name, a range; with or without a step."""
    low, high = RANGES[name]
    first, last = sorted(draw(st.tuples(st.integers(low, high), st.integers(low, high))))
    text = draw(st.sampled_from(["*", str(first), f"{first}-{last}"]))
    if text == str(first) and name in NAMES and draw(st.booleans()):
        return NAMES[name][first - low if first - low < len(NAMES[name]) else 0]
    return f"{text}/{draw(st.integers(1, 20))}" if text != str(first) and draw(st.booleans()) else text


@st.composite
def expressions(draw: st.DrawFn) -> str:
    return " ".join(",".join(draw(st.lists(parts(name), min_size=1, max_size=3))) for name in RANGES)


@settings(max_examples=150, deadline=None)
@given(expressions())
def test_kfp_reads_the_six_fields_as_cron_reads_the_five(five: str) -> None:
    try:
        six = to_six_fields(five)
    except UserError:
        assume(False)
        raise
    expected = list(islice(CronSim(five, START), 4))
    assert list(islice(_as_kfp(six, START), 4)) == expected
    assert list(islice(due_times(six, START), 4)) == expected


def _as_kfp(six: str, after: datetime) -> Iterator[datetime]:
    """What robfig/cron 1.2 makes of six fields: its parser and its rule for days, written down by themselves."""
    bounds = [(0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6)]
    _, minutes, hours, days, months, weekdays = (
        set().union(*(_robfig_range(part, *bound) for part in field.split(",")))
        for field, bound in zip(six.split(), bounds, strict=True)
    )
    either = not any("*" in field for field in (six.split()[3], six.split()[5]))
    day = after.replace(hour=0, minute=0)
    while True:
        fits = (day.day in days, day.isoweekday() % 7 in weekdays)
        if day.month in months and (any(fits) if either else all(fits)):
            for hour in sorted(hours):
                for minute in sorted(minutes):
                    moment = day.replace(hour=hour, minute=minute)
                    if moment > after:
                        yield moment
        day += timedelta(days=1)


def _robfig_range(part: str, low: int, high: int) -> set[int]:
    span, _, step = part.partition("/")
    first, _, last = span.partition("-")
    if first == "*":
        begin, end = low, high
    else:
        begin = int(first)
        end = int(last) if last else high if step else begin
    assert low <= begin <= end <= high, f"KFP refuses {part}"
    return set(range(begin, end + 1, int(step or 1)))
