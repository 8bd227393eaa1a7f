"""The data of a run: which files they are, and which of them a window holds."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from stillhouse.components.artifacts.promotion_record import Entry
from stillhouse.components.storage.sources import SourceFile, digest_files, list_source, names_below
from stillhouse.components.storage.windows import Partitions, Window, check_times, with_time
from stillhouse.errors import UserError

logger = logging.getLogger(__name__)

UNFILLED = "{{$."
"""What begins like this is KFP's own placeholder: before 2.17 it filled in no times."""


@dataclass(frozen=True)
class Data:
    """What a source holds now."""

    files: list[SourceFile]
    window: Window | None
    """Of a source that is a window of partitions."""

    @property
    def digest(self) -> str:
        """Over names, sizes and versions of the files."""
        return digest_files(self.files)


@dataclass(frozen=True)
class Known:
    """What lies before the data of a run; all None before the first promotion."""

    reference: str | None = None
    """Address of the dataset.json that drift is measured against."""
    model: str | None = None
    """Address of the model whose rows are not new."""
    since: str | None = None
    """Time in ISO 8601 from which a window holds data."""

    @classmethod
    def by(cls, champion: Entry) -> Self:
        """The data of `champion`."""
        return cls(champion.statistics_uri or None, champion.uri, champion.data_until or champion.promoted_at)

    @classmethod
    def before(cls, champion: Entry) -> Self:
        """What lay before the data of `champion` itself when it was made."""
        return cls(champion.reference, champion.reference_model, champion.data_since)


class Source:
    """A source with its times: when the run was due, and where a window begins.

    Args:
        address: As the recipe gives it.
        scheduled_time: When the run was due, as KFP says it; empty, or not filled in, for now.
        replayed: So many partitions before a window are looked at again.

    Raises:
        UserError: a placeholder is none, or is written wrongly.
    """

    def __init__(self, address: str, scheduled_time: str, replayed: int = 0) -> None:
        check_times(address)
        self._replayed = replayed
        known = scheduled_time and not scheduled_time.startswith(UNFILLED)
        self.due = (datetime.fromisoformat(scheduled_time) if known else datetime.now(UTC)).astimezone(UTC)
        self.address = with_time(address, self.due)
        self._partitions = Partitions.of(self.address)
        self._names = names_below(self._partitions.root) if self._partitions else []
        self._seen: dict[Window | None, Data] = {}

    @property
    def data_until(self) -> str | None:
        """When the run was due, if the source is a window; else None, for then nothing depends on it."""
        return self.due.isoformat(timespec="seconds") if self._partitions else None

    def look(self, known: Known) -> Data:
        """The files of the source; of a window those that the run does not know, with those that it looks at again, and
        none when there are none."""
        window = None
        if self._partitions:
            window = self._partitions.window(self._names, _time(known.since), self.due, self._replayed)
            if window is None:
                return Data([], None)
        if window not in self._seen:
            self._seen[window] = Data(list_source(self.address, window), window)
        return self._seen[window]

    def check(self, data: Data, known: Known) -> None:
        """Say what of a window is there.

        Raises:
            UserError: nothing of it is.
        """
        if self._partitions is None:
            return
        begin = _time(known.since)
        period = (f"from {begin:%Y-%m-%d %H:%M} " if begin else "") + f"up to {self.due:%Y-%m-%d %H:%M} UTC"
        if data.window is None:
            raise UserError(
                f"source '{self.address}': of the partitions {period} none is there; check the path, or when "
                "the data arrive."
            )
        first = begin or datetime.fromisoformat(data.window.first)
        there, expected = self._partitions.count(self._names, data.window), self._partitions.expected(first, self.due)
        logger.info("%d of the %d partitions %s are there.", there, expected, period)


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
