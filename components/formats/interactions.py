"""What users took, row by row, of any table or of RecBole's files, gathered into a history for each user.

RecBole's atomic files (`.inter`, Zhao et al., 2021, arXiv:2011.01731) are text: a head of names with types, as
`user_id:token`, then a line a row; fields lie between tabs, and nothing is quoted.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from stillhouse.components.formats.batch import Batch, DataFile, Reading, check_columns, checked
from stillhouse.components.formats.columns import column_texts, raw_column
from stillhouse.components.formats.table import Table
from stillhouse.components.formats.times import EXAMPLE, NotTimes, parse_times
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


def interactions(
    path: Path, batch: Batch, columns: Mapping[str, Any]
) -> "tuple[dict[str, pa.Array | list[Any]], list[str | None]]":
    """The fields of some rows, and the items: names of users and items are strings, ratings float64, times timestamps
    in UTC or float64, null where a row has none.

    Args:
        columns: of user, item, rating and time; None for one that there is not.

    Raises:
        UserError: a rating or a time is not one.
    """
    fields: dict[str, Any] = {"user": pa.array(_names(raw_column(path, batch, columns["user"])), pa.string())}
    if columns.get("rating"):
        fields["rating"] = _array(_numbers(path, batch, columns["rating"]))
    if columns.get("time"):
        fields["time"] = _times(path, batch, columns["time"])
    return fields, _names(raw_column(path, batch, columns["item"]))


def histories(table: Table, min_rating: float | None = None, hold_out: float | None = None) -> Table:
    """The rows of each user as one: `user`, and `items`, each once where it was first taken, by time where there is one
    and else in the order of the rows, equal times in that order, too. Users stand in the order of their first rows.

    Rows that lack a user (`no_user`), an item (`no_item`) or, where others have one, a time (`no_time`) are counted
    among those dropped.

    Args:
        table: what `interactions` gave, the items as targets.
        min_rating: lower rated items, and those without a rating, are left out; None: all count.
        hold_out: share of a history, its newest part, that becomes the target, a tuple of names; one item at least, and
            one stays. Of a history of one item nothing stays. None: all is history.
    """
    order, users, dropped = _order(table)
    if min_rating is not None and "rating" in table.inputs.column_names:
        ratings = _floats(table.inputs["rating"])
        order = order[ratings[order] >= min_rating]
    taken: dict[str, dict[str, int]] = {user: {} for user in dict.fromkeys(users)}
    first: dict[str, int] = {}
    for row in np.sort(order).tolist():
        first.setdefault(users[row], row)
    for row in order.tolist():
        taken[users[row]].setdefault(table.targets[row], row)
    found = {user: list(taken[user]) for user in sorted(first, key=lambda user: first[user])}
    asked = {user: 0 if hold_out is None else _held_out(len(items), hold_out) for user, items in found.items()}
    names = pa.list_(pa.string())
    shown = pa.array([items[: len(items) - asked[user]] for user, items in found.items()], names)
    targets = [tuple(items[len(items) - asked[user] :]) or None for user, items in found.items()]
    part = table.rows(list(first.values())) if table.origins else Table.of(table.inputs, targets)
    inputs = pa.table({"user": pa.array(found, pa.string()), "items": shown})
    part = replace(part, inputs=inputs, targets=targets, dropped=dict(dropped))
    if table.times:
        oldest = [list(taken[user].values())[-max(1, asked[user])] for user in found]
        part = replace(part, times=[table.times[row] for row in oldest])
    return replace(part, periods=_periods(table.periods, users, order.tolist(), found)) if table.periods else part


def _periods(periods: Sequence[str], users: Sequence[str], rows: Sequence[int], wanted: Iterable[str]) -> list[str]:
    """Of each user the partition of the newest row; "" where that is within the window."""
    found: dict[str, str] = {}
    for row in rows:
        user, period = users[row], periods[row]
        found[user] = max(period, found.get(user, period)) if period and found.get(user, period) else ""
    return [found[user] for user in wanted]


def _held_out(items: int, share: float) -> int:
    """How many of so many items are asked for; of a single one it is that one, so that nothing is left of it."""
    return max(1, min(int(items * share), items - 1))


def _order(table: Table) -> tuple[np.ndarray, list[str], Counter[str]]:
    """Rows by time, int64 [rows that lack nothing]; the user of each row; and what others lack."""
    users, size = table.inputs["user"].to_pylist(), len(table)
    times, untimed = np.zeros(size), np.zeros(size, bool)
    if "time" in table.inputs.column_names:
        times = _floats(table.inputs["time"])
        untimed = np.isnan(times) & ~np.isnan(times).all()
    lacks = [
        "no_user" if not user else "no_item" if not item else "no_time" if no_time else ""
        for user, item, no_time in zip(users, table.targets, untimed.tolist(), strict=True)
    ]
    order = np.argsort(times, kind="stable")
    return order[[not lacks[row] for row in order.tolist()]], users, Counter(filter(None, lacks))


def _array(values: np.ndarray) -> pa.Array:
    """float64, nan as null."""
    return pa.array(values, pa.float64(), from_pandas=True)


def _floats(column: pa.ChunkedArray) -> np.ndarray:
    """float64 [rows], null as nan; of timestamps the microseconds since 1970."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    return np.array([np.nan if value is None else value for value in column.to_pylist()], np.float64)


def _times(path: Path, batch: Batch, name: str) -> pa.Array:
    """Timestamps, or numbers where the column holds such; of another type than either where all are missing."""
    texts = column_texts(path, batch, name).to_pylist()
    try:
        times = parse_times(texts)
    except NotTimes as error:
        raise _wrong(path, batch, name, error.row, texts[error.row], f"a number or a date as {EXAMPLE}") from None
    return pa.nulls(len(texts)) if np.isnan(times.values).all() else times.array()


def _names(column: pa.Array) -> list[str | None]:
    """Names of users or items; the number 7 is named 7 whatever its type; spaces around a name do not count."""
    if pa.types.is_floating(column.type):
        return [None if v is None or v != v else str(int(v)) if v.is_integer() else repr(v) for v in column.to_pylist()]
    return [None if v is None else str(v).strip() for v in column.to_pylist()]


def _numbers(path: Path, batch: Batch, name: str) -> np.ndarray:
    """float64 [rows]; nan where there is no value."""
    column = raw_column(path, batch, name)
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
            raise _wrong(path, batch, name, row, value, "a number") from None
    return found


def _wrong(path: Path, batch: Batch, name: str, row: int, value: object, what: str) -> UserError:
    return UserError(
        f"{path}, row {batch.numbers[row]}: '{str(value)[:80]}' in column '{name}' is not {what}; "
        "correct it or leave it empty."
    )
