"""What a model is to learn: the label column as classes, sets of labels or numbers."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from stillhouse.components.formats.missing import USUAL, Missing
from stillhouse.components.settings import shown
from stillhouse.errors import UserError

Kind = Literal["classes", "multi_label", "number"]
Target = int | float | tuple[int, ...]
"""Index of a class, a number, or the ascending indices of a set of labels."""

_SEPARATOR = "|"
MAX_NAME = 1000
"""Characters of a class's name."""


@dataclass(frozen=True)
class Targets:
    """The targets of all rows."""

    kind: Kind
    labels: list[str]
    """Names, sorted (by value where all are whole numbers); empty for numbers."""
    values: list[Target | None]
    """One per row; None where the row has no label."""


def read_targets(
    raw: Sequence[Any],
    kind: Literal["auto", "classes", "multi_label", "number"],
    where: Callable[[int], str],
    missing: Missing = USUAL,
) -> Targets:
    """Turn the values of the label column into targets.

    What is `missing` is a row without a label. Sets of labels are lists, or strings with '|' between the names.
    `where` tells the place of a row for errors.

    Raises:
        UserError: a value does not fit the kind.
    """
    numbers = [None if missing.is_key_missing(value) else value for value in raw]
    found: Kind = _guess(numbers) if kind == "auto" else kind
    if found == "number":
        return Targets(found, [], _numbers(numbers, where))
    values = [None if missing.is_name_missing(value) else value for value in raw]
    convert = partial(_name_set, missing=missing) if found == "multi_label" else _name
    named = [None if value is None else convert(value, lambda i=i: where(i)) for i, value in enumerate(values)]
    labels = _sorted({name for names in named for name in names or ()})
    index = {name: i for i, name in enumerate(labels)}
    sets = [None if names is None else tuple(sorted(index[name] for name in names)) for names in named]
    if found == "multi_label":
        return Targets(found, labels, list(sets))
    return Targets(found, labels, [None if names is None else names[0] for names in sets])


def _guess(values: Sequence[Any]) -> Kind:
    present = [value for value in values if value is not None]
    if any(isinstance(value, list) for value in present):
        return "multi_label"
    numbers = [_number(value) for value in present]
    if None not in numbers and any(not number.is_integer() for number in numbers if number is not None):
        return "number"
    return "classes"


def _numbers(values: Sequence[Any], where: Callable[[int], str]) -> list[Target | None]:
    numbers: list[Target | None] = []
    for i, value in enumerate(values):
        number = None if value is None else _number(value)
        if value is not None and number is None:
            raise UserError(f"{where(i)}: {shown(value)} is no finite number; mend it, or set target to classes.")
        numbers.append(number)
    return numbers


def _number(value: Any) -> float | None:
    """The value as a finite number, None when it is none."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _name(value: Any, where: Callable[[], str]) -> tuple[str]:
    if isinstance(value, list):
        raise UserError(f"{where()}: {shown(value)} is a list, and one class is needed; set target to multi_label.")
    # A column of whole numbers with gaps comes as 1.0 from some writers and as 1 from others.
    name = re.sub(r"^(-?\d+)\.0+$", r"\1", str(value).strip())
    if len(name) > MAX_NAME:
        raise UserError(f"{where()}: {len(name):,} characters are no name of a class; is this the label column?")
    return (name,)


def _name_set(value: Any, where: Callable[[], str], missing: Missing) -> tuple[str, ...]:
    items = value if isinstance(value, list) else str(value).split(_SEPARATOR)
    if any(missing.is_name_missing(item) for item in items):
        raise UserError(f"{where()}: {shown(value)} has an empty name in it; take it out.")
    return tuple({_name(item, where)[0] for item in items})


def _sorted(names: set[str]) -> list[str]:
    if all(re.fullmatch(r"-?\d{1,18}", name) for name in names):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)
