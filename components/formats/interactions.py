"""What users took, row by row, of any table or of RecBole's files, gathered into a history for each user.

RecBole's atomic files (`.inter`, Zhao et al., 2021, arXiv:2011.01731) are text: a head of names with types, as
`user_id:token`, then a line a row; fields lie between tabs, and nothing is quoted.
"""

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from stillhouse.components.formats.batch import Batch, DataFile, Reading, check_columns, checked
from stillhouse.components.storage.memory import Budget
from stillhouse.errors import UserError

_LINES = 10_000
"""Lines of an atomic file that are read together."""
_TYPES = ("token", "token_seq", "float", "float_seq")


def inter_columns(file: DataFile, reading: Reading) -> list[str]:
    """The names of an atomic file's columns, without their types.

    Raises:
        UserError: the file has no such head.
    """
    return _head(file.path, file.again().readline())


def _head(path: Path, line: bytes) -> list[str]:
    fields = line.decode("utf-8-sig").rstrip("\r\n").split("\t")
    for each in fields:
        name, _, kind = each.rpartition(":")
        if not name or kind not in _TYPES:
            raise UserError(
                f"{path}, line 1: '{each[:80]}' is not a column of an atomic file; write each as name:type, the type "
                f"one of {', '.join(_TYPES)}, with a tab between two."
            )
    return [each.rpartition(":")[0] for each in fields]


def read_inter(file: DataFile, reading: Reading) -> Iterator[Batch]:
    """Rows of an atomic file, numbered by their line, of which the head is line 1; every value is a string.

    Raises:
        UserError: the head is not one, a column is missing, or a line has more or fewer fields than the head.
    """
    names = _head(file.path, file.data.readline())
    check_columns(file.path, reading.names, names)
    wanted = names if reading.names is None else list(reading.names)
    places = [names.index(name) for name in wanted]
    numbers: list[int] = []
    columns: list[list[str | None]] = [[] for _ in places]
    for number, line in enumerate(file.data, start=2):
        if not (text := line.decode().rstrip("\r\n")):
            continue
        fields = text.split("\t")
        if len(fields) != len(names):
            raise UserError(
                f"{file.path}, line {number}: {len(fields)} fields where the head names {len(names)}; put one tab "
                "between two fields and none inside."
            )
        numbers.append(number)
        for column, place in zip(columns, places, strict=True):
            column.append(fields[place] or None)
        if len(numbers) == _LINES:
            yield from _batch(file, reading, wanted, columns, numbers)
            numbers, columns = [], [[] for _ in places]
    if numbers:
        yield from _batch(file, reading, wanted, columns, numbers)


def _batch(
    file: DataFile, reading: Reading, names: list[str], columns: list[list[str | None]], numbers: list[int]
) -> Iterator[Batch]:
    arrays = [pa.array(column, pa.string()) for column in columns]
    yield from checked(file, [pa.RecordBatch.from_arrays(arrays, names)], None, numbers, reading.budget)


class Roles(NamedTuple):
    """Which columns say what."""

    user: str
    item: str
    rating: str | None = None
    time: str | None = None


class History(NamedTuple):
    """What one user took, by time where there is one, else in the order of the rows; equal times in that order too."""

    user: str
    items: list[str]
    ratings: list[float] | None
    times: list[float] | None
    """Seconds since 1970 where the column holds dates, else its numbers."""
    place: str
    """File and row of the user's first row that was read."""


@dataclass
class Gathering:
    """All rows of a source on their way to histories: 8 to 28 bytes a row, and each name once."""

    roles: Roles
    budget: Budget
    """Is told of what is held here."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Rows that lack a user (`no_user`), an item (`no_item`) or, where the others have one, a time (`no_time`)."""
    _users: dict[str, int] = field(default_factory=dict)
    _items: dict[str, int] = field(default_factory=dict)
    _places: list[tuple[Path, int]] = field(default_factory=list)
    _user_of: "array[int]" = field(default_factory=lambda: array("i"))
    _item_of: "array[int]" = field(default_factory=lambda: array("i"))
    _rating_of: "array[float]" = field(default_factory=lambda: array("d"))
    _time_of: "array[float]" = field(default_factory=lambda: array("d"))
    _dates: bool | None = None

    def add(self, path: Path, batch: Batch) -> None:
        """Take in some rows of a file.

        Raises:
            UserError: a rating or time is not one.
            MemoryError: the budget is spent.
        """
        roles, number_of = self.roles, batch.numbers
        users, items = (_names(batch.column(name)) for name in (roles.user, roles.item))
        ratings = None if roles.rating is None else _numbers(path, batch, roles.rating)
        times = None if roles.time is None else self._seconds(path, batch, roles.time)
        for row, (user, item) in enumerate(zip(users, items, strict=True)):
            if reason := self._lacking(user, item, None if times is None else times[row]):
                self.dropped[reason] += 1
                continue
            if user not in self._users:
                self._places.append((path, number_of[row]))
            self._user_of.append(self._code(self._users, user))
            self._item_of.append(self._code(self._items, item))
            if ratings is not None:
                self._rating_of.append(ratings[row])
            if times is not None:
                self._time_of.append(times[row])
        self.budget.take(len(users) * (8 + 8 * (ratings is not None) + 8 * (times is not None)))

    @staticmethod
    def _lacking(user: str | None, item: str | None, time: float | None) -> str | None:
        if not user:
            return "no_user"
        if not item:
            return "no_item"
        return "no_time" if time is not None and np.isnan(time) else None

    def _code(self, known: dict[str, int], name: str | None) -> int:
        assert name is not None
        if (code := known.get(name)) is None:
            self.budget.take(150 + len(name))  # a string, its number, its place in the dictionary
            code = known[name] = len(known)
        return code

    def _seconds(self, path: Path, batch: Batch, name: str) -> np.ndarray:
        column = batch.column(name)
        found = _dates(column)
        if found is None:
            found, dates = _numbers(path, batch, name, "a number or a date as 2026-01-31T12:00:00"), False
        else:
            dates = True
        if not np.isnan(found).all():
            if self._dates not in (None, dates):
                raise UserError(
                    f"{path}, row {batch.numbers[0]} and following: column '{name}' has numbers in some rows and "
                    "dates in others; write the times of all rows in one way."
                )
            self._dates = dates
        return found

    def histories(self) -> Iterator[History]:
        """The histories, in the order in which users first appear."""
        users = np.frombuffer(self._user_of, np.int32) if self._user_of else np.zeros(0, np.int32)
        items, ratings, times = (np.array(each) for each in (self._item_of, self._rating_of, self._time_of))
        order = np.lexsort((times, users)) if len(times) else np.argsort(users, kind="stable")
        bounds = np.concatenate([[0], np.cumsum(np.bincount(users, minlength=len(self._users)))])
        names = list(self._items)
        for code, user in enumerate(self._users):
            rows = order[bounds[code] : bounds[code + 1]]
            path, number = self._places[code]
            yield History(
                user,
                [names[item] for item in items[rows]],
                ratings[rows].tolist() if len(ratings) else None,
                times[rows].tolist() if len(times) else None,
                f"{path}, row {number}",
            )


def _names(column: pa.Array) -> list[str | None]:
    """Names of users or items; the number 7 is named 7 whatever its type; spaces around a name do not count."""
    if pa.types.is_floating(column.type):
        return [None if v is None or v != v else str(int(v)) if v.is_integer() else repr(v) for v in column.to_pylist()]
    return [None if v is None else str(v).strip() for v in column.to_pylist()]


def _numbers(path: Path, batch: Batch, name: str, what: str = "a number") -> np.ndarray:
    """float64 [rows]; nan where there is no value."""
    column = batch.column(name)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    values = column.to_pylist()
    found = np.full(len(values), np.nan)
    for row, value in enumerate(values):
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        try:
            found[row] = float(value)
        except (TypeError, ValueError):
            raise UserError(
                f"{path}, row {batch.numbers[row]}: '{str(value)[:80]}' in column '{name}' is not {what}; "
                "correct it or leave it empty."
            ) from None
    return found


def _dates(column: pa.Array) -> np.ndarray | None:
    """float64 [rows], seconds since 1970, where the column holds dates; None where it does not."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _dates(column.cast(kind.value_type))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        column = pa.array([(value or "").strip() or None for value in column.to_pylist()], pa.string())
        for wanted in (pa.float64(), pa.timestamp("us"), pa.timestamp("us", "UTC")):  # 2019 is a number
            try:
                return _dates(column.cast(wanted))
            except pa.ArrowInvalid:
                continue
        return None
    if not (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        return None
    micro = column.cast(pa.timestamp("us", getattr(kind, "tz", None)), safe=False).cast(pa.int64())
    return np.array([np.nan if value is None else value / 1e6 for value in micro.to_pylist()], np.float64)
