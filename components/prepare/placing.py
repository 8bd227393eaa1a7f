"""Where the rows of a source belong: which of them take part, and in which split."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stillhouse.components.formats.splits import Split
from stillhouse.components.formats.table import Table
from stillhouse.components.formats.times import Times
from stillhouse.components.prepare.replay import is_kept, is_taken
from stillhouse.components.prepare.rows import Row, digest
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.prepare.splits import assign
from stillhouse.components.prepare.time_splits import Borders, TimedRows, TooFewTimes, assign_by_time, times_of
from stillhouse.components.storage.windows import SINCE
from stillhouse.components.tasks.interface.task import Task
from stillhouse.errors import UserError


@dataclass(frozen=True)
class Timing:
    """When the rows of a dataset are from."""

    column: str
    times: Times
    """Of all rows of the source."""
    borders: Borders | None
    """None where rows are parted by hash: the kind of problem asks for what is newest within each example."""
    untimed: Sequence[int]
    """Rows with a label that no border can place."""


class Placing:
    """Places rows by hash, or by time where the columns name one.

    Args:
        table: examples.
        identities: digests of the canonical forms, by the number of the row; of those that have one.
        usable: the rows among these that may take part, in their order.
    """

    def __init__(
        self,
        task: Task,
        table: Table,
        identities: Mapping[int, str],
        usable: Sequence[int],
        settings: PrepareSettings,
    ) -> None:
        self._settings, self._table = settings, table
        self._keys = {i: digest(group) if (group := table.groups[i]) else identities[i] for i in usable}
        self.times = times_of(table, settings.columns.time)
        self._by_time = self.times is not None and task.splits_by_time()
        self.periods = table.periods or [""] * len(table)
        self.rows = [i for i in usable if not self.periods[i] or self._is_taken(i, identities[i])]
        """Of those usable the rows that do: all but most from before the window."""
        self._hashes = [identities[i] for i in self.rows]

    def place(self, examples: Sequence[Any], targets: Sequence[Any]) -> tuple[list[Row], Timing | None]:
        """The rows in their splits, but for those that have no place.

        Args:
            examples: of all rows of the source.
            targets: of `rows`.

        Raises:
            UserError: there are too few different times for splits by time.
        """
        table, settings = self._table, self._settings
        groups, given = [table.groups[i] for i in self.rows], [table.splits[i] for i in self.rows]
        borders: Borders | None = None
        splits: Sequence[Split | None]
        if self._by_time:
            splits, borders = self._timed(targets, given)
        else:
            splits = assign(self._hashes, targets, groups, given, settings.splits)
        times = self._known_times()
        rows = [
            Row(hash_, examples[i], target, table.slices[i], split, times[i], self.periods[i])
            for i, hash_, target, split in zip(self.rows, self._hashes, targets, splits, strict=True)
            if split is not None
        ]
        if self.times is None:
            return rows, None
        untimed = [i for i, split in zip(self.rows, splits, strict=True) if split is None]
        return rows, Timing(str(settings.columns.time), self.times, borders, untimed)

    def _known_times(self) -> list[float | None]:
        """Of all rows."""
        if self.times is None:
            return [None] * len(self._table)
        return [None if math.isnan(time) else time for time in self.times.values.tolist()]

    def _is_taken(self, row: int, hash_: str) -> bool:
        given = self._table.splits[row]
        return is_taken(hash_, self._keys[row], given, self._settings, by_time=self._by_time)

    def _timed(self, targets: Sequence[Any], given: Sequence[Split | None]) -> tuple[list[Split | None], Borders]:
        assert self.times is not None
        settings, keys = self._settings, [self._keys[i] for i in self.rows]
        is_window = f"{{{SINCE}" in settings.source
        timed = TimedRows(
            keys,
            self.times.values[np.array(self.rows, np.int64)],
            given,
            [is_window and is_kept(key, settings) for key in keys],
            [not self.periods[i] for i in self.rows],
        )
        try:
            return assign_by_time(timed, targets, settings.splits)
        except TooFewTimes as error:
            raise UserError(
                f"{settings.source}, column '{settings.columns.time}': the rows with a label have {error.times} "
                f"different {'time' if error.times == 1 else 'times'}, and splits by time need {error.needed} at "
                "least: rows of one time stay together. Name a column of finer times, or leave data.columns.time out."
            ) from None
