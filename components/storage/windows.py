"""Times in the address of a source: one time, or a window of partitions.

`s3://mails/{scheduled_time:%Y-%m-%d}` names one place, whose name holds the time a run was due.
`s3://mails/{since_last_promoted:%Y-%m-%d}` names many: each folder or file whose name is a date of the window, from
where the data of the model in production end up to the time the run was due, both included; before the first promotion
all dates until then. The finest part of the format is the length of a partition, and dates may be spread over a path,
as in `year={since_last_promoted:%Y}/month={since_last_promoted:%m}`. All times are UTC.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from stillhouse.errors import UserError

SCHEDULED, SINCE = "scheduled_time", "since_last_promoted"
ISO_DATE = "%Y-%m-%d"
PLACEHOLDER = re.compile(r"\{(?P<name>[^{}:]*)(:(?P<format>[^{}]*))?\}")
DIGITS = {"Y": 4, "m": 2, "d": 2, "j": 3, "H": 2}
"""Parts of a date that a partition's name may hold, and how many digits they have."""
CALENDARS = ({"Y"}, {"Y", "m"}, {"Y", "m", "d"}, {"Y", "j"}, {"Y", "m", "d", "H"}, {"Y", "j", "H"})
"""Which of them together tell a year, a month, a day or an hour."""
DIRECTIVE = re.compile(r"%(.)")
TIMES = set("YymdjHMSbBaAGVuUW")
"""What of strftime a single time may hold."""


@dataclass(frozen=True)
class Window:
    """From the first to the last partition, as UTC times in ISO 8601; equal for equal data, whenever a run was due."""

    first: str
    last: str
    replayed: str | None = None
    """The first of the partitions before it that a run looks at again; None where it looks at none."""

    def holds(self, moment: datetime) -> bool:
        """Whether a partition that begins at `moment` is read: it is within the window, or is looked at again."""
        first = self.replayed or self.first
        return datetime.fromisoformat(first) <= moment <= datetime.fromisoformat(self.last)

    def is_new(self, moment: datetime) -> bool:
        """Whether such a partition is within the window itself."""
        return moment >= datetime.fromisoformat(self.first)


def check_times(source: str) -> None:
    """Look at the placeholders of `source`.

    Raises:
        UserError: one is unknown, or its format is; or a window has no complete date, or is on a hub.
    """
    for found in PLACEHOLDER.finditer(source):
        name, form = found["name"], found["format"]
        if name not in (SCHEDULED, SINCE):
            raise UserError(
                f"source '{source}': there is no {{{name}}}; use {{{SCHEDULED}:{ISO_DATE}}} or {{{SINCE}:{ISO_DATE}}}."
            )
        allowed = TIMES if name == SCHEDULED else set(DIGITS)
        letters = DIRECTIVE.findall(form or ISO_DATE)
        if not letters or not set(letters) <= allowed:
            known = ", ".join(f"%{letter}" for letter in (sorted(TIMES) if name == SCHEDULED else DIGITS))
            raise UserError(
                f"source '{source}': {{{name}}} cannot be written as '{form}'; use {ISO_DATE} or of {known}."
            )
    Partitions.of(with_time(source, datetime(2000, 1, 1, tzinfo=UTC)))


def fixed_part(source: str) -> str:
    """The folder above the first placeholder; without one all of `source`."""
    begins = PLACEHOLDER.search(source)
    if not begins:
        return source
    folder, slash, _ = source[: begins.start()].rpartition("/")
    return folder or slash or "."


def with_time(source: str, due: datetime) -> str:
    """`source` with each {scheduled_time} filled in."""

    def fill(found: re.Match[str]) -> str:
        return due.strftime(found["format"] or ISO_DATE) if found["name"] == SCHEDULED else found[0]

    return PLACEHOLDER.sub(fill, source)


@dataclass(frozen=True)
class Partitions:
    """A source whose path holds {since_last_promoted}."""

    root: str
    """The folder or prefix above the date."""
    names: re.Pattern[str]
    """Names below it, with the parts of the date as groups."""
    format: str
    """How the parts of a date are written in a row: '%Y %m %d'."""

    @classmethod
    def of(cls, source: str) -> Self | None:
        """Those of a source whose {scheduled_time} is filled in; None when it is one place only.

        Raises:
            UserError: no complete date, no folder above it, or on a hub.
        """
        if f"{{{SINCE}" not in source:
            return None
        root = fixed_part(source)
        if source.startswith("hf://") or root.endswith(("/", ":")):
            raise UserError(f"source '{source}': {{{SINCE}}} must stand in a folder's path or in that of a bucket.")
        names, letters = _compiled(source.removeprefix(root).strip("/"))
        if set(letters) not in CALENDARS:
            raise UserError(
                f"source '{source}': {{{SINCE}}} is not a complete date; write all of it, such as "
                f"{{{SINCE}:{ISO_DATE}}}."
            )
        return cls(root, names, " ".join(f"%{letter}" for letter in letters))

    def begins(self, moment: datetime) -> datetime:
        """When the partition of `moment` begins."""
        return datetime.strptime(moment.strftime(self.format), self.format).replace(tzinfo=UTC)

    def moment(self, name: str) -> datetime | None:
        """When the partition begins that the file `name` (relative to the root) is in; None for other files."""
        found = self.names.match(name)
        if not found:
            return None
        parts = found.groupdict()
        try:
            written = " ".join(parts[letter] for letter in DIRECTIVE.findall(self.format))
            return datetime.strptime(written, self.format).replace(tzinfo=UTC)
        except ValueError:  # digits that are no date
            return None

    def window(self, names: Iterable[str], since: datetime | None, until: datetime, replayed: int = 0) -> Window | None:
        """The partitions among `names` from that of `since` to that of `until`; None when there are none.

        Args:
            replayed: so many of those before it are looked at again, the newest ones.
        """
        first = self.begins(since) if since else datetime.min.replace(tzinfo=UTC)
        known = sorted({moment for name in names if (moment := self.moment(name)) and moment <= self.begins(until)})
        found = [moment for moment in known if moment >= first]
        if not found:
            return None
        before = [moment.isoformat() for moment in known if moment < first][-replayed:] if replayed else []
        return Window(found[0].isoformat(), found[-1].isoformat(), before[0] if before else None)

    def count(self, names: Iterable[str], window: Window) -> int:
        """How many partitions of the window are among `names`."""
        found = {moment for name in names if (moment := self.moment(name)) and window.holds(moment)}
        return sum(map(window.is_new, found))

    def expected(self, first: datetime, last: datetime) -> int:
        """How many partitions there would be from that of `first` to that of `last`, if none were missing."""
        hours = int((last - first) / timedelta(hours=1))
        moments = [first + timedelta(hours=hour) for hour in range(hours + 1)]
        return len({self.begins(moment) for moment in [*moments, last]})


def _compiled(path: str) -> tuple[re.Pattern[str], list[str]]:
    """Names that are `path`, or lie below it, with the parts of the date as groups; and the letters of these."""
    letters: list[str] = []
    # As one format: what stands outside of placeholders is none.
    spread = PLACEHOLDER.sub(lambda found: "\0" + (found["format"] or ISO_DATE) + "\0", path).split("\0")
    pattern = ""
    for index, text in enumerate(spread):
        for token in re.findall(r"%.|[^%]+", text) if index % 2 else [text]:
            letter = token[1:] if index % 2 and token.startswith("%") else ""
            if not letter:
                pattern += re.escape(token)
            elif letter in letters:
                pattern += f"(?P={letter})"
            else:
                letters.append(letter)
                pattern += rf"(?P<{letter}>\d{{{DIGITS[letter]}}})"
    return re.compile(f"{pattern}(/|$)"), letters
