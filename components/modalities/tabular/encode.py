"""Rows of a table as arrays for a network, and for trees."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stillhouse.components.modalities.tabular.cells import DAY, moments, names, numbers, spellings, truths
from stillhouse.components.modalities.tabular.columns import PERIODS, CategoryColumn, Columns, DateColumn, NumberColumn
from stillhouse.errors import UserError

if TYPE_CHECKING:
    from stillhouse.components.modalities.tabular.cells import Column

UNKNOWN, MISSING, FIRST = 0, 1, 2
"""Places of a category: one that is not known, none, and the first of the known ones."""


class Values(NamedTuple):
    """The columns of some rows, in the order of `Columns.numeric` and `Columns.categorical`."""

    numbers: np.ndarray
    """float64 [rows, numeric columns] in the data's own units, nan where there is none."""
    categories: np.ndarray
    """int64 [rows, categorical columns]: UNKNOWN, MISSING, or FIRST and up."""


class Encoded(NamedTuple):
    """The same as a network takes them."""

    numbers: np.ndarray
    """float32 [rows, features]; `features` names them."""
    categories: np.ndarray
    """int64 [rows, categorical columns], as above."""


class Feature(NamedTuple):
    """One of the floats that a network is given."""

    column: str
    """Where it comes from."""
    part: str
    """value, sin or cos of an hour, weekday or season, or missing."""


def read_values(columns: Columns, table: "Mapping[str, Column]") -> Values:
    """The values of rows that may never have been seen.

    A category that the training rows do not have, or too seldom, is UNKNOWN; so is a missing value where no training
    row lacked one. A value of another kind than its column (text among numbers, infinity) is missing.

    Args:
        table: columns by name; more than are needed may be there.

    Raises:
        UserError: a column is not there.
        NotText: a column of names holds lists or objects.
    """
    for column in columns.columns:
        if column.name not in table:
            raise UserError(
                f"column '{column.name}' is missing, and the model was trained with it; the data has "
                f"{', '.join(table) or 'none'}: add it, empty where there is no value."
            )
    rows = len(next(iter(table.values()))) if table else 0
    floats = [_numbers(columns, column, table[column.name]) for column in columns.numeric]
    places = [_places(columns, column, table[column.name]) for column in columns.categorical]
    return Values(
        np.stack(floats, axis=1) if floats else np.zeros((rows, 0)),
        np.stack(places, axis=1) if places else np.zeros((rows, 0), np.int64),
    )


def encode(columns: Columns, table: "Mapping[str, Column]") -> Encoded:
    """Rows as a network takes them; raises as `read_values`, which see for what was never seen."""
    values = read_values(columns, table)
    return Encoded(standardised(columns, values.numbers), values.categories)


def features(columns: Columns) -> list[Feature]:
    """What the floats of `Encoded.numbers` are, in their order."""
    found: list[Feature] = []
    for column in columns.numeric:
        found.append(Feature(column.name, "value"))
        if isinstance(column, DateColumn):
            found += [Feature(column.name, f"{way} of {part}") for part in column.parts for way in ("sin", "cos")]
        if column.missing:
            found.append(Feature(column.name, "missing"))
    return found


def cardinalities(columns: Columns) -> list[int]:
    """Places of each categorical column."""
    return [FIRST + len(column.names) for column in columns.categorical]


def standardised(columns: Columns, values: np.ndarray) -> np.ndarray:
    """float32 [rows, features] of float64 [rows, numeric columns].

    A value is cut to the range of the training rows and standardised. One that is missing is 0, the mean, and its
    parts of a round lie in the centre of the circle; where training rows lacked some, a feature of its own is 1.
    """
    found: list[np.ndarray] = []
    for place, column in enumerate(columns.numeric):
        raw = values[:, place]
        missing = np.isnan(raw)
        found.append(np.where(missing, 0.0, scaled(column, raw)))
        for part in column.parts if isinstance(column, DateColumn) else ():
            angle = 2 * np.pi * raw / PERIODS[part]
            found += [np.where(missing, 0.0, np.sin(angle)), np.where(missing, 0.0, np.cos(angle))]
        if column.missing:
            found.append(missing.astype(np.float64))
    return np.stack(found, axis=1).astype(np.float32) if found else np.zeros((len(values), 0), np.float32)


def scaled(column: NumberColumn | DateColumn, values: np.ndarray) -> np.ndarray:
    """float64 [rows] of values in the data's own units; nan stays."""
    return (np.clip(values, column.quantiles[0], column.quantiles[-1]) - column.mean) / column.spread


def for_trees(columns: Columns, values: Values) -> np.ndarray:
    """float64 [rows, columns and parts of dates]: what trees split at. Categories come first, as in `values`; then
    numbers in the data's own units, nan where there is none."""
    found = [values.categories.astype(np.float64)]
    for place, column in enumerate(columns.numeric):
        raw = values.numbers[:, place]
        found.append(raw[:, None])
        if isinstance(column, DateColumn):
            parts = [raw // DAY % 7 if part == "weekday" else raw % PERIODS[part] for part in column.parts]
            found += [part[:, None] for part in parts]
    return np.concatenate(found, axis=1)


def _numbers(columns: Columns, column: NumberColumn | DateColumn, raw: "Column") -> np.ndarray:
    read = moments if isinstance(column, DateColumn) else numbers
    return read(raw, columns.reading).values.astype(np.float64)


def _places(columns: Columns, column: CategoryColumn, raw: "Column") -> np.ndarray:
    read = truths if column.kind == "truth" else names
    known = {name: place for place, name in enumerate(column.names, FIRST)}
    missing = MISSING if column.missing else UNKNOWN
    places: dict[str | None, int] = {None: missing}
    found = read(raw, columns.reading).values
    for name in set(found) - {None}:
        places[name] = next((known[each] for each in spellings(name) if each in known), UNKNOWN)
    return np.fromiter((places[name] for name in found), np.int64, len(found))
