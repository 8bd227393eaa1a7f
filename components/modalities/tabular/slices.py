"""Slices of a table's rows: the values and ranges of each column."""

import datetime
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from stillhouse.components.modalities.tabular.columns import Columns, DateColumn
from stillhouse.components.modalities.tabular.encode import FIRST, MISSING, read_values
from stillhouse.components.targets.slicing import Slices, by_member, in_ranges, plainly

if TYPE_CHECKING:
    from stillhouse.components.modalities.tabular.cells import Column

_EPOCH = datetime.datetime(1970, 1, 1)


def table_slices(columns: Columns, table: "Mapping[str, Column]") -> Slices:
    """Of each column that a model sees, as it sees it: numbers and dates in ranges, categories by their value."""
    values = read_values(columns, table)
    for place, column in enumerate(columns.numeric):
        told = _moment if isinstance(column, DateColumn) else plainly
        yield from in_ranges(column.name, values.numbers[:, place], told)
    for place, category in enumerate(columns.categorical):
        names = {FIRST + index: f"'{name}'" for index, name in enumerate(category.names)} | {MISSING: "none"}
        found = ([names.get(value, "another")] for value in values.categories[:, place].tolist())
        yield from by_member(found, partial("{}: {}".format, category.name))


def _moment(seconds: float) -> str:
    try:
        moment = _EPOCH + datetime.timedelta(seconds=seconds)
    except OverflowError:  # no calendar goes so far
        return plainly(seconds)
    return f"{moment:%Y-%m-%d}" if moment.time() == datetime.time() else f"{moment:%Y-%m-%d %H:%M}"
