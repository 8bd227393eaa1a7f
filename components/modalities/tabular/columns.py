"""What each column of a table is, found out from the training rows, and their statistics: part of dataset.json."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from stillhouse.components.config.settings import Settings
from stillhouse.components.modalities.tabular.cells import (
    DAY,
    Cells,
    Reading,
    is_nested,
    moments,
    names,
    numbers,
    plain,
    truths,
)
from stillhouse.components.targets.numbers import looks_like, mend, parse_number
from stillhouse.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

    from stillhouse.components.modalities.tabular.cells import Column

Kind = Literal["number", "category", "date", "truth"]
Part = Literal["hour", "weekday", "season"]

QUANTILES = 65
"""Of a number's values: 64 parts of as many rows each."""
NEARLY_ALL = 0.95
"""From this share of numbers or dates on, a column of text is one of them; the others count as missing."""
FEW_ROWS = 50
"""With fewer rows, as many values as rows are not a sign of an id."""
ONE_EACH = 0.9
"""From this many different values a row on, they are ids."""
PERIODS: dict[Part, float] = {"hour": DAY, "weekday": 7 * DAY, "season": 365.2425 * DAY}
"""Seconds of a round of each part of a date."""
READ: dict[str, Callable[["Column", Reading], Cells]] = {
    "number": numbers,
    "date": moments,
    "truth": truths,
    "category": names,
}
KINDS = {"number": "numbers", "date": "dates as 2026-01-31", "truth": "true or false"}
"""What is said of values that are not of the kind."""
_ID = re.compile(r"(?i:(?:.*[_\s.-])?(?:id|uuid|guid|index|rownames)|unnamed: \d+|)|.*[a-z](?:Id|ID)")
"""Names of columns that tell rows apart."""
_OTHER_DATE = re.compile(r"\d{1,2}([./-])\d{1,2}\1(\d{4}|\d\d)\b.*|\d{4}([./])\d{1,2}\3\d{1,2}\b.*")


class TabularInput(Settings):
    """How the columns of a table are taken."""

    kinds: dict[str, Kind | Literal["none"]] = Field(default_factory=dict)
    """What a column is, where it is not to be found out; none: it is left out."""
    max_categories: int = Field(default=256, ge=2, le=65_536)
    """Of a column; the most frequent have a place of their own, the others share that of the unknown ones."""


class NumberColumn(Settings):
    """Numbers."""

    kind: Literal["number"] = "number"
    name: str
    mean: float
    spread: float
    """Standard deviation; 1 where it is 0."""
    quantiles: list[float]
    """From the least value to the greatest, in steps of equal shares of the rows."""
    missing: int
    """Training rows without a value."""


class DateColumn(Settings):
    """Dates, moments and times of day, as seconds since 1970 in UTC."""

    kind: Literal["date"] = "date"
    name: str
    mean: float
    spread: float
    quantiles: list[float]
    missing: int
    parts: list[Part]
    """What comes round again in the training rows."""


class CategoryColumn(Settings):
    """Names; truth values are the names `false` and `true`."""

    kind: Literal["category", "truth"] = "category"
    name: str
    names: list[str]
    """The most frequent first."""
    missing: int
    unknown: int = 0
    """Training rows whose value has no place of its own, for it is rare."""


Fitted = Annotated[NumberColumn | DateColumn | CategoryColumn, Field(discriminator="kind")]


class Columns(Settings):
    """All columns that a model sees, with the statistics of the training rows."""

    columns: list[Fitted]
    left_out: dict[str, str] = Field(default_factory=dict)
    """Columns that it does not see: why, by name."""
    notes: list[str] = Field(default_factory=list)
    """What else a person should know, a sentence each."""
    reading: Reading = Reading()

    @property
    def numeric(self) -> list[NumberColumn | DateColumn]:
        """Numbers and dates, in their order."""
        return [column for column in self.columns if not isinstance(column, CategoryColumn)]

    @property
    def categorical(self) -> list[CategoryColumn]:
        """Categories and truth values, in their order."""
        return [column for column in self.columns if isinstance(column, CategoryColumn)]


class _LeftOut(Exception):
    """Why a column is not taken."""


def fit_columns(
    table: "Mapping[str, Column]", settings: TabularInput | None = None, reading: Reading | None = None
) -> Columns:
    """Find out what the columns of the training rows are, and their statistics.

    Arrow's numbers, dates and truth values are what their type says. Text is numbers, dates or truth values where
    nearly all of it reads so, else categories. Left out is what can teach nothing: a column without values or with one
    only, and what tells rows apart (ids, running numbers, free text).

    Args:
        table: column by name, of training rows only; neither targets nor groups among them.
        settings: what the recipe says of it.
        reading: how text is read.

    Raises:
        UserError: no column is left, or the recipe asks of one what it is not.
    """
    settings, reading = settings or TabularInput(), reading or Reading()
    for name in settings.kinds:
        if name not in table:
            raise UserError(
                f"input.kinds names the column '{name}', which is not in the data; it has {', '.join(table)}."
            )
    columns: list[NumberColumn | DateColumn | CategoryColumn] = []
    left_out: dict[str, str] = {}
    notes: list[str] = []
    for name, column in table.items():
        asked = settings.kinds.get(name)
        try:
            columns.append(_fit(name, column, asked, settings, reading, notes))
        except _LeftOut as reason:
            if asked not in (None, "none"):
                raise UserError(
                    f"input.kinds takes the column '{name}' as a {asked}, but it {reason}; take it out of there, or "
                    "fix the data."
                ) from None
            left_out[name] = str(reason)
    if not columns:
        why = "; ".join(f"'{name}' {reason}" for name, reason in left_out.items()) or "there is none"
        raise UserError(f"no column is left to learn from: {why}; name others in the recipe's columns or input.kinds.")
    return Columns(columns=columns, left_out=left_out, notes=notes, reading=reading)


def _fit(
    name: str, column: "Column", asked: str | None, settings: TabularInput, reading: Reading, notes: list[str]
) -> NumberColumn | DateColumn | CategoryColumn:
    from stillhouse.components.formats.values import NotText

    if asked == "none":
        raise _LeftOut("is left out by input.kinds")
    if is_nested(column):
        raise _LeftOut("holds more than one value a row")
    values = plain(column)
    try:
        kind, cells = (asked, READ[asked](values, reading)) if asked else find_kind(values, column, reading)
    except NotText as error:
        raise _LeftOut(str(error)) from None
    if kind == "category":
        return _categories(name, cells.values, settings.max_categories, asked, notes)
    found = _noted(name, cells, values, KINDS[kind], notes)
    if kind == "number":
        return _numbers(name, found, asked)
    return _dates(name, found) if kind == "date" else _truths(name, found)


def columns_of(rows: "Column") -> "dict[str, Column]":
    """The columns by name of rows that are Arrow's structs."""
    struct = plain(rows)
    return dict(zip([field.name for field in struct.type], struct.flatten(), strict=True))


def find_kind(values: "pa.Array", column: "Column", reading: Reading) -> tuple[str, Cells]:
    """What a column holds, and its values read so.

    Args:
        values: `column`, whichever way Arrow keeps it.

    Raises:
        NotText: it holds objects or bytes.
    """
    import pyarrow as pa

    types, kind = pa.types, values.type
    if types.is_dictionary(column.type):  # somebody has said that these are categories
        return "category", names(values, reading)
    if types.is_boolean(kind):
        return "truth", truths(values, reading)
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_duration(kind):
        return "number", numbers(values, reading)
    if types.is_temporal(kind):
        return "date", moments(values, reading)
    for name in ("number", "date", "truth"):
        cells = READ[name](values, reading)
        if _share_read(cells) >= NEARLY_ALL and not (name == "number" and _has_codes(values)):
            return name, cells
    return "category", names(values, reading)


def _has_codes(values: "pa.Array") -> bool:
    """Whether digits of a text would lose a zero if they were numbers, as those of a postcode."""
    import pyarrow.compute

    pc: Any = pyarrow.compute
    return bool(pc.any(pc.match_substring_regex(values, r"^\s*0\d+\s*$")).as_py())


def _share_read(cells: Cells) -> float:
    """Of the values that are there, the share that is of the kind; 0 where none is there."""
    values = cells.values
    is_read = values != None if values.dtype == object else ~np.isnan(values)  # noqa: E711
    return float(is_read.sum() / max(1, (is_read | cells.unread).sum()))


def _noted(name: str, cells: Cells, values: "pa.Array", what: str, notes: list[str]) -> np.ndarray:
    """The values; what is not of the kind is told."""
    if cells.unread.all() and len(cells.unread):
        raise _LeftOut(f"holds no {what} (its first value is {values[0]})")
    if unread := int(cells.unread.sum()):
        first = int(np.argmax(cells.unread))
        notes.append(
            f"Column '{name}': {unread:,} of {len(values):,} values are not {what} and count as missing; the first is "
            f"{values[first].as_py()!r}."
        )
    return cells.values


def _numbers(name: str, values: np.ndarray, asked: str | None) -> NumberColumn:
    present = values[~np.isnan(values)]
    _refuse_constant(present, len(values))
    if asked is None and (why := _why_id(name, present, len(values))):
        raise _LeftOut(why)
    mean, spread, quantiles = _statistics(present)
    missing = len(values) - len(present)
    return NumberColumn(name=name, mean=mean, spread=spread, quantiles=quantiles, missing=missing)


def _dates(name: str, values: np.ndarray) -> DateColumn:
    present = values[~np.isnan(values)]
    _refuse_constant(present, len(values))
    span = float(np.ptp(present))
    parts = [
        part
        for part, period in PERIODS.items()
        if span >= period / 2 and np.ptp(present % period if part != "weekday" else present // DAY % 7) > 0
    ]
    mean, spread, quantiles = _statistics(present)
    missing = len(values) - len(present)
    return DateColumn(name=name, mean=mean, spread=spread, quantiles=quantiles, missing=missing, parts=parts)


def _truths(name: str, values: np.ndarray) -> CategoryColumn:
    counts = Counter(value for value in values if value is not None)
    missing = len(values) - counts.total()
    if len(counts) < 2 and not (counts and missing):
        raise _LeftOut("has the same value in all training rows" if counts else "has no value in the training rows")
    return CategoryColumn(kind="truth", name=name, names=["false", "true"], missing=missing)


def _categories(name: str, values: np.ndarray, most: int, asked: str | None, notes: list[str]) -> CategoryColumn:
    counts = Counter(value for value in values if value is not None)
    present, rows = counts.total(), len(values)
    if not counts:
        raise _LeftOut("has no value in the training rows")
    if len(counts) == 1 and present == rows:
        raise _LeftOut("has the same value in all training rows")
    if asked is None and present >= FEW_ROWS and len(counts) >= ONE_EACH * present:
        what = f"has {len(counts):,} different values in {present:,} rows, as ids and free text have"
        raise _LeftOut(f"{what}; {hint}" if (hint := _hint(counts)) else what)
    if asked is None and (hint := _hint(counts)):
        notes.append(f"Column '{name}' is taken as categories; {hint}.")
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    kept = [value for value, count in ranked if count > 1][:most]
    if not kept:
        raise _LeftOut("has no value that occurs twice in the training rows")
    unknown = present - sum(counts[value] for value in kept)
    if len(kept) == most < len(counts):
        notes.append(
            f"Column '{name}': of {len(counts):,} categories the {most:,} most frequent have a place of their own; the "
            f"others, in {unknown:,} of {rows:,} rows, share one (input.max_categories)."
        )
    return CategoryColumn(name=name, names=kept, missing=rows - present, unknown=unknown)


def _hint(values: Iterable[str]) -> str:
    """What to do where texts look like numbers or dates to a person and are neither; empty if they do not."""
    found = list(values)
    if sum(_OTHER_DATE.fullmatch(value) is not None for value in found) >= NEARLY_ALL * len(found):
        return "its values look like dates: write them as 2026-01-31"
    amounts = [value for value in found if parse_number(value) is None and looks_like(value) is not None]
    return f"its values look like numbers: {mend(amounts[0])}" if len(amounts) >= NEARLY_ALL * len(found) else ""


def _statistics(present: np.ndarray) -> tuple[float, float, list[float]]:
    """Mean, spread and quantiles."""
    quantiles = np.quantile(present, np.linspace(0, 1, QUANTILES)).tolist()
    if np.ptp(present) == 0:  # of one value numpy's spread is not always 0
        return float(present[0]), 1.0, quantiles
    return float(present.mean()), float(present.std()), quantiles


def _refuse_constant(present: np.ndarray, rows: int) -> None:
    if not len(present):
        raise _LeftOut("has no value in the training rows")
    if len(present) == rows and np.ptp(present) == 0:
        raise _LeftOut("has the same value in all training rows")


def _why_id(name: str, present: np.ndarray, rows: int) -> str:
    """Why whole numbers tell rows apart and nothing else; empty when they may be amounts."""
    if len(present) < max(FEW_ROWS, rows) or (present != np.trunc(present)).any():
        return ""
    different = len(np.unique(present))
    if different == rows and np.ptp(present) <= 2 * rows:
        return "numbers the rows"
    if different >= ONE_EACH * rows and _ID.fullmatch(name.strip()):
        return f"is an id by its name, with {different:,} different values in {rows:,} rows"
    return ""
