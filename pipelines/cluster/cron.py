"""Cron as people write it, five fields, and as KFP reads it: six, with seconds first, by Go's robfig/cron 1.2.

KFP takes five fields too, and misreads them: its `0 3 * * *` is three minutes past every hour.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from cronsim import CronSim, CronSimError

from stillhouse.errors import UserError

NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
EXAMPLE = "such as '0 3 * * *' for every day at three"
YEAR, YEARS = timedelta(days=365.25), 28
"""After this many years the days of the week are those of the calendar again."""


def to_six_fields(text: str) -> str:
    """The five fields of `text`, or the nickname, as KFP has to be told.

    Two things differ beside the seconds. KFP knows Sunday as 0 only. And cron runs on days that fit the day of the
    month or the day of the week, but both if one of these fields begins with a `*`; KFP both if a `*` stands anywhere
    in them. So a field that does not begin with a `*` becomes a list of numbers.

    Raises:
        UserError: names the field that is wrong.
    """
    fields = NICKNAMES.get(text.strip().lower(), text).replace("?", "*").split()
    if len(fields) != 5:
        raise UserError(
            f"--cron '{text}' has {len(fields)} fields; give five (minute, hour, day of month, month, day of week), "
            f"{EXAMPLE}."
        )
    try:
        read = CronSim(" ".join(fields), datetime.now(UTC))
    except CronSimError as error:
        raise UserError(f"--cron '{text}': {_fault(str(error))}; correct it, {EXAMPLE}.") from None
    weekdays = {day for day in read.weekdays if isinstance(day, int)}
    if weekdays != read.weekdays or min(read.days) < 0:
        raise UserError(
            f"--cron '{text}': KFP does not know L, W and # (last, weekday, nth); name the days, {EXAMPLE}."
        )
    values = (read.minutes, read.hours, read.days, read.months, {day % 7 for day in weekdays})
    six = " ".join(["0", *map(_field, fields, values)])
    if not _is_frequent(six):
        raise UserError(f"--cron '{text}' does not come due every four years; KFP looks no further ahead than five.")
    return six


def due_times(six_fields: str, after: datetime) -> Iterator[datetime]:
    """When KFP's cron comes due after `after`, in its time zone.

    As in KFP, an hour that the clock skips is left out, and one that it repeats counts twice. Where the clock skips
    midnight, as in Chile, KFP leaves out that whole day, which is not told here.
    """
    return CronSim(six_fields, after)


def hours_of(six_fields: str) -> set[int]:
    """The hours of the day in which it may come due."""
    return CronSim(six_fields, datetime.now(UTC)).hours


def _is_frequent(six_fields: str) -> bool:
    """Whether it comes due within four years from each year on.

    What does not within five counts as overdue for KFP, which would start runs without end.
    """
    starts = [datetime.now(UTC) + year * YEAR for year in range(YEARS)]
    nexts = [next(due_times(six_fields, start), None) for start in starts]
    return all(due and due - start <= 4 * YEAR for start, due in zip(starts, nexts, strict=True))


def _field(text: str, values: set[int]) -> str:
    """One field for KFP; `values` is what `text` means."""
    first, _, rest = text.partition(",")
    if not first.startswith("*"):
        return _numbers(values)
    return f"{first},{_numbers(values)}" if rest else first


def _numbers(values: set[int]) -> str:
    return ",".join(str(value) for value in sorted(values))


def _fault(error: str) -> str:
    return f"the {error.removeprefix('Bad ').replace('-', ' ')} is wrong"
