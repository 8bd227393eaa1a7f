"""What a window of partitions takes of those before it: rows that are learnt again, and rows that are test for ever."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stillhouse.components.formats.splits import SPLITS, Split
from stillhouse.components.prepare.rows import Row, digest, place
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.storage.urls import local_path, scheme_of
from stillhouse.components.storage.windows import Partitions, Window


class Periods:
    """The partitions of a source.

    Args:
        partitions: how their names are written.
        folder: where they lie on this machine.
        window: which of them are new.
    """

    def __init__(self, partitions: Partitions, folder: Path, window: Window) -> None:
        self._partitions, self._folder, self._window = partitions, folder, window
        self._known: dict[Path, str] = {}

    def of(self, file: Path) -> str:
        """The partition of a file that lies before the window, in ISO 8601; "" of one within it."""
        if file not in self._known:
            moment = self._partitions.moment(file.relative_to(self._folder).as_posix())
            self._known[file] = "" if moment is None or self._window.is_new(moment) else moment.isoformat()
        return self._known[file]


def periods_of(source: str, fetched: Path, window: Window) -> Periods | None:
    """The partitions of a source of which some are looked at again; None where none are.

    Args:
        source: its address.
        fetched: the folder that its files lie in, where that is not the source's own.
        window: what is read of it.
    """
    partitions = Partitions.of(source)
    if partitions is None or window.replayed is None:
        return None
    is_local = scheme_of(partitions.root, ("file", "s3")) == "file"
    return Periods(partitions, local_path(partitions.root) if is_local else fetched, window)


def is_kept(key: str, settings: PrepareSettings) -> bool:
    """Whether a row is test in this run and in all later ones.

    Args:
        key: digest of its group, or of its example.
    """
    return place(key) < min(settings.replay.kept, settings.splits.test)


def is_taken(hash_: str, key: str, given: Split | None, settings: PrepareSettings, *, by_time: bool = False) -> bool:
    """Whether a row from before the window takes part: the kept ones of the test, and a share of all others.

    Args:
        hash_: digest of its example.
        key: as above.
        given: its split, where the source has it.
        by_time: whether rows are parted by time, and not by hash.
    """
    kept, replay = is_kept(key, settings), settings.replay
    by_hash = kept if by_time else place(key) < settings.splits.test
    is_test = given == "test" or (given is None and by_hash)
    return kept if is_test else place(digest(f"{replay.seed} {hash_}")) < replay.share


def described(periods: Sequence[str], rows: Sequence[Row]) -> list[dict[str, Any]]:
    """What dataset.json says of each partition before the window: its rows, and how many of them each split has.

    Args:
        periods: of all rows.
        rows: those in the splits.
    """
    of_all, found = Counter(periods), Counter((row.period, row.split) for row in rows)
    return [
        {"period": period, "rows": of_all[period], **{split: found[period, split] for split in SPLITS}}
        for period in sorted(of_all)
        if period
    ]
