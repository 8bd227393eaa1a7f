"""What a schedule does on the days when the clock is put forward or back."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import NamedTuple
from zoneinfo import ZoneInfo

from stillhouse.pipelines.cluster.cron import due_times, hours_of

YEARS = 10
"""How far ahead changes of the clock are looked at: a schedule of one day a year meets one now and then."""
SAID = {True: "does not come (that run is left out)", False: "comes twice (and so does the run)"}
"""Of a time that is skipped, and of one that comes again."""


class Change(NamedTuple):
    """One change of the clock, as the clock on the wall shows it."""

    begin: datetime
    """Where the clock jumps to the other end; or the first moment that comes twice."""
    end: datetime
    skips: bool
    """Whether the time between does not come; else it comes twice."""


def clock_warning(six_fields: str, zone: ZoneInfo, now: datetime) -> str:
    """One sentence where runs are left out or come twice because of the clock; empty where none is.

    A schedule of every hour goes on every hour, whatever the clock shows.
    """
    if len(hours_of(six_fields)) == 24:
        return ""
    hit: dict[bool, datetime] = {}
    for change in _changes(zone, now):
        if change.skips not in hit and (due := next(_between(six_fields, change), None)):
            hit[change.skips] = due
    said = [
        f"{due:%H:%M} {what} on {due:%a %Y-%m-%d}"
        for skips, what in (
            (True, "does not come (that run is left out)"),
            (False, "comes twice (and so does the run)"),
        )
        if (due := hit.get(skips))
    ]
    if not said:
        return ""
    return f"The clock of {zone.key} changes: {' and '.join(said)}; an hour that never changes avoids it, or --every."


def _changes(zone: ZoneInfo, now: datetime) -> Iterator[Change]:
    """The changes from `now` on."""
    moment, last = now.astimezone(UTC), now.astimezone(UTC) + timedelta(days=365.25 * YEARS)
    while moment < last:
        after = moment + timedelta(days=1)
        if _offset(zone, after) != _offset(zone, moment):
            yield _change(zone, moment, after)
        moment = after


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> Change:
    """The change between the two, to the second."""
    old, new = _offset(zone, before), _offset(zone, after)
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        before, after = (middle, after) if _offset(zone, middle) == old else (before, middle)
    at = after.replace(microsecond=0, tzinfo=None)
    return Change(at + min(old, new), at + max(old, new), skips=new > old)


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None
    return offset


def _between(six_fields: str, change: Change) -> Iterator[datetime]:
    """When it is due by a clock that nobody changes."""
    due = due_times(six_fields, change.begin.replace(tzinfo=UTC) - timedelta(seconds=1))
    return takewhile(lambda time: time < change.end.replace(tzinfo=UTC), due)
