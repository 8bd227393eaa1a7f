"""When a schedule is due: by cron, or at an interval."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

from stillhouse.components.config.duration import seconds
from stillhouse.errors import UserError
from stillhouse.pipelines.cluster.cron import due_times, to_six_fields

SHORTEST = 60
"""Seconds between two runs at least: as with cron."""


@dataclass(frozen=True)
class When:
    """When runs are due."""

    said: str
    """As it was given: a cron expression of five fields, or `every 6h`."""
    six_fields: str = ""
    """KFP's cron; empty when it is an interval."""
    interval: int = 0
    """Seconds; intervals are counted from 1970 on, so that replacing a schedule shifts none."""

    def due(self, after: datetime, last: datetime | None = None) -> Iterator[datetime]:
        """The times after `after`, in its zone.

        Args:
            last: When the last run was due; KFP counts an interval from there, and a run that makes up for missed ones
                is due when it starts.
        """
        if self.six_fields:
            return due_times(self.six_fields, after)
        step = timedelta(seconds=self.interval)
        begin = last or self.begin(after)
        first = (after - begin) // step + 1
        return ((begin + number * step).astimezone(after.tzinfo) for number in count(first))

    def begin(self, now: datetime) -> datetime:
        """When the interval began in which `now` lies."""
        return datetime.fromtimestamp(now.timestamp() // self.interval * self.interval, UTC)


def at_cron(text: str) -> When:
    """The times of a cron expression of five fields.

    Raises:
        UserError: names the field that is wrong.
    """
    return When(text, six_fields=to_six_fields(text))


def at_interval(text: str) -> When:
    """Each full interval, such as 6h.

    Raises:
        UserError: it is not a duration, or less than a minute.
    """
    try:
        interval = seconds(text)
    except ValueError as error:
        raise UserError(f"--every '{text}': {error}.") from None
    if interval < SHORTEST:
        raise UserError(f"--every '{text}' is too often; give a minute (1m) or more.")
    return When(f"every {text}", interval=interval)
