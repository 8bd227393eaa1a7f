"""What a model is to learn: the label column as classes, sets of labels or numbers."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from stillhouse.components.config.settings import shown
from stillhouse.components.formats.missing import USUAL, Missing
from stillhouse.components.targets import label_sets
from stillhouse.components.targets.numbers import looks_like, mend, parse_number
from stillhouse.errors import UserError

Kind = Literal["classes", "multi_label", "number"]
Target = int | float | tuple[int, ...]
"""Index of a class, a number, or the ascending indices of a set of labels."""
Where = Callable[[int], str]
"""Tells file, row and column of a row, for errors."""

MAX_NAME = 1000
"""Characters of a class's name."""
MANY_NUMBERS = 20
"""More different whole numbers than that may be amounts as well as classes."""
ROWS_PER_NUMBER = 20
"""With fewer rows of each it is asked which."""
ID_ROWS = 50
"""From this many rows on, as many different labels as rows are ids."""
NEARLY_ALL = 0.95
"""From this share of numbers on a label column is one of numbers."""
ONE_EACH = 0.9
"""From this many different labels a row on, they are ids."""


class LabelReading(NamedTuple):
    """How the label column is to be read."""

    kind: Literal["auto", "classes", "multi_label", "number"] = "auto"
    separator: str | None = None
    """Between the labels of a text; None looks for one."""
    names: Sequence[str] | None = None
    """Of the places of a vector, or of the classes 0, 1, 2 and so on."""
    missing: Missing = USUAL
    decimal: str = "."
    thousands: str = ""
    expected: str | None = None
    """What the model in production learnt: it decides where the values of a few rows leave it open."""


@dataclass(frozen=True)
class Targets:
    """The targets of all rows."""

    kind: str
    """A `Kind`; other kinds of problem have names of their own."""
    labels: list[str]
    """Names, sorted (by value where all are whole numbers) or in the order that was given; empty for numbers."""
    values: list[Any]
    """A `Target` per row, or what other kinds of problem have; None where the row has no label."""
    notes: list[str] = field(default_factory=list)
    """What was decided in reading them, for the data card."""


def read_targets(raw: Sequence[Any], where: Where, reading: LabelReading | None = None) -> Targets:
    """Turn the values of the label column into targets.

    A row whose value is missing has no label. Numbers are numbers where one has a fraction; whole numbers are classes,
    and where they may be amounts it is asked. Sets of labels are lists, lists written as text, names between separators
    (see `label_sets.find_separator`) or vectors of 0 and 1; vectors with one 1 in each are classes.

    Raises:
        UserError: a value does not fit the kind, or nobody can tell what the column is.
    """
    reading = reading or LabelReading()
    values = [None if reading.missing.is_key_missing(value) else value for value in raw]
    if reading.kind == "number" or (reading.kind == "auto" and _are_numbers(values, where, reading)):
        return Targets("number", [], _numbers(values, where, reading))
    values = [None if reading.missing.is_name_missing(value) else value for value in raw]
    lists, note = _lists(values, reading)
    if lists is None:
        return _classes(values, where, reading)
    length = label_sets.vector_length([items for items in lists if items is not None])
    if length is not None:
        return _vectors(values, lists, length, where, reading)
    _refuse_shares(values, lists, where)
    return _named_sets(values, lists, note, where, reading)


# Numbers


def _are_numbers(values: Sequence[Any], where: Where, reading: LabelReading) -> bool:
    """Whether the column holds numbers and not names.

    Raises:
        UserError: whole numbers that may be either.
    """
    present = [i for i, value in enumerate(values) if value is not None]
    numbers = [parse_number(values[i], reading.decimal, reading.thousands) for i in present]
    likely = [looks_like(values[i]) for i, number in zip(present, numbers, strict=True) if number is None]
    exact, alike = ([number for number in group if number is not None] for group in (numbers, likely))
    found = exact + alike
    if not found or len(found) < NEARLY_ALL * len(present) or reading.names or reading.separator:
        return False
    if reading.expected == "number":
        return True
    fractions = sum(not number.is_integer() for number in alike)
    if any(not number.is_integer() for number in exact) or fractions > (1 - NEARLY_ALL) * len(found):
        return True
    different = len(set(found))
    asked = different > MANY_NUMBERS and len(found) < ROWS_PER_NUMBER * different
    if asked and reading.expected is None:
        raise UserError(
            f"{where(present[0])}: {shown(values[present[0]])} is one of {different:,} different whole numbers in "
            f"{len(found):,} labels; set prepare.target to number if they are amounts, to classes if each names a "
            "class, or choose another label column if they are ids."
        )
    return False


def _numbers(values: Sequence[Any], where: Where, reading: LabelReading) -> list[Target | None]:
    numbers: list[Target | None] = []
    for i, value in enumerate(values):
        number = None if value is None else parse_number(value, reading.decimal, reading.thousands)
        if value is not None and number is None:
            what = "not a finite number" if isinstance(value, float) else "not a number as it is written"
            raise UserError(
                f"{where(i)}: {shown(value)} is {what}, and the labels are numbers; {mend(value)}, or set "
                "prepare.target to classes if each value names a class."
            )
        numbers.append(number)
    return numbers


# Classes


def _classes(values: Sequence[Any], where: Where, reading: LabelReading) -> Targets:
    names = [None if value is None else _name(value, lambda i=i: where(i)) for i, value in enumerate(values)]
    counts = Counter(name for name in names if name is not None)
    one_each = counts.total() >= ID_ROWS and len(counts) >= ONE_EACH * counts.total()
    if one_each and reading.expected is None:
        first = next(i for i, name in enumerate(names) if name is not None)
        raise UserError(
            f"{where(first)}: the {counts.total():,} rows have {len(counts):,} different labels ({shown(names[first])} "
            "is the first), nearly one a row; that is an id column or free text: choose another label column."
        )
    labels = _sorted(set(counts))
    if reading.kind == "auto":
        _refuse_two_truths(names, where)
    notes = []
    if reading.names is not None:
        names = [None if name is None else _by_number(name, i, where, reading.names) for i, name in enumerate(names)]
        labels = list(reading.names)
    elif len(labels) > MANY_NUMBERS and all(_WHOLE.fullmatch(name) for name in labels):
        notes.append(f"{len(labels)} whole numbers are read as classes; prepare.target: number reads them as amounts.")
    index = {name: i for i, name in enumerate(labels)}
    return Targets("classes", labels, [None if name is None else index[name] for name in names], notes)


_WHOLE = re.compile(r"-?\d{1,18}")


TRUTHS = ({"true", "false"}, {"1", "0"}, {"yes", "no"}, {"t", "f"}, {"y", "n"})
"""How the two truth values are written."""


def _refuse_two_truths(names: Sequence[str | None], where: Where) -> None:
    """Where each of two files writes truth values in its own way, a class would be two."""
    found = {name.lower() for name in names if name is not None}
    used = [pair for pair in TRUTHS if pair <= found]
    if len(used) < 2 or not found <= set().union(*used):
        return
    second = next(name for name in names if name is not None and name.lower() in used[1])
    raise UserError(
        f"{where(names.index(second))}: {shown(second)} is a truth value, which other rows write "
        f"{' and '.join(sorted(used[0], reverse=True))}; write all alike, or set prepare.target to classes if each "
        "names a class."
    )


def _by_number(name: str, row: int, where: Where, names: Sequence[str]) -> str:
    if name in names:
        return name
    if name.isdecimal() and len(name) < 10 and int(name) < len(names):
        return names[int(name)]
    raise UserError(
        f"{where(row)}: {shown(name)} is neither one of the {len(names)} label_names nor a number from 0 to "
        f"{len(names) - 1}; correct it, or add its name to prepare.label_names."
    )


def _name(value: Any, where: Callable[[], str]) -> str:
    if isinstance(value, list):
        raise UserError(f"{where()}: {shown(value)} is a list, and one class is needed; set target to multi_label.")
    # A column of whole numbers with gaps comes as 1.0 from some writers and as 1 from others.
    name = re.sub(r"^(-?\d+)\.0+$", r"\1", str(value).strip())
    if len(name) > MAX_NAME:
        raise UserError(f"{where()}: {len(name):,} characters are not the name of a class; is this the label column?")
    return name


def _sorted(names: set[str]) -> list[str]:
    if all(_WHOLE.fullmatch(name) for name in names):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)


# Sets of labels

Lists = list[list[Any] | None]


def _lists(values: Sequence[Any], reading: LabelReading) -> tuple[Lists | None, str]:
    """The labels of each row, and how they were told apart; None where each value is one name."""
    texts = Counter(value for value in values if isinstance(value, str))
    has_lists = any(isinstance(value, list) for value in values)
    expected = reading.kind == "auto" and reading.expected == "multi_label"
    wanted = has_lists or expected or reading.kind == "multi_label" or reading.separator is not None
    if reading.kind == "classes" and not _written_vectors(texts):
        return (list(values), "") if has_lists and _all_bits(values) else (None, "")
    sure = sum(rows for text, rows in texts.items() if label_sets.list_in_text(text, sure=True) is not None)
    separator, note = reading.separator, ""
    if separator is None and sure >= label_sets.FEW * max(texts.total(), 1) and sure:
        wanted, note = True, "Labels that are lists written as text are read as several labels a row."
    elif separator is None:
        separator = label_sets.find_separator(texts)
        if separator is not None:
            wanted = True
            note = (
                f"Labels with '{separator}' between names are read as several labels a row; prepare.target: classes "
                "takes each text as one name."
            )
    if not wanted:
        return None, ""
    of_text = {text: _text_items(text, separator, bool(sure)) for text in texts}
    of: Lists = []
    for value in values:
        if value is None:
            of.append(None)
        elif isinstance(value, list):
            of.append(value)
        else:
            of.append(of_text[value] if isinstance(value, str) else [value])
    return of, "" if reading.separator else note


def _text_items(text: str, separator: str | None, lists: bool) -> list[str]:
    items = label_sets.list_in_text(text) if lists else None
    return items if items is not None else label_sets.split(text, separator or label_sets.PROMISED)


def _written_vectors(texts: Counter[str]) -> bool:
    return bool(texts) and all(label_sets.bits(label_sets.list_in_text(text) or []) is not None for text in texts)


def _all_bits(values: Sequence[Any]) -> bool:
    return all(isinstance(value, list) and label_sets.bits(value) is not None for value in values if value is not None)


def _named_sets(values: Sequence[Any], lists: Lists, note: str, where: Where, reading: LabelReading) -> Targets:
    sets: list[set[str] | None] = []
    for i, items in enumerate(lists):
        if items is not None and any(reading.missing.is_name_missing(item) for item in items):
            raise UserError(f"{where(i)}: {shown(values[i])} has an empty name in it; take it out.")
        sets.append(None if items is None else {_name(item, lambda i=i: where(i)) for item in items})
    labels = _sorted({name for names in sets for name in names or ()})
    if reading.names is not None:
        sets = [
            None if names is None else {_by_number(name, i, where, reading.names) for name in names}
            for i, names in enumerate(sets)
        ]
        labels = list(reading.names)
    index = {name: i for i, name in enumerate(labels)}
    found: list[Target | None] = [None if s is None else tuple(sorted(index[name] for name in s)) for s in sets]
    return Targets("multi_label", labels, found, [note] if note else [])


def _vectors(values: Sequence[Any], lists: Lists, length: int, where: Where, reading: LabelReading) -> Targets:
    """Vectors of 0 and 1: sets of labels; classes where each has one 1."""
    labels = list(reading.names) if reading.names is not None else [f"label {i}" for i in range(length)]
    if len(labels) != length:
        raise UserError(
            f"{where(_first(lists))}: the vectors have {length} places, and prepare.label_names has {len(labels)} "
            "names; give a name for each place, in order."
        )
    sets: list[tuple[int, ...] | None] = []
    for i, items in enumerate(lists):
        found = None if items is None else label_sets.bits(items)
        if items is not None and (found is None or len(found) != length):
            raise UserError(
                f"{where(i)}: {shown(values[i])} is not a vector of {length} zeros and ones, as the other labels are; "
                "correct it."
            )
        sets.append(None if found is None else tuple(place for place, bit in enumerate(found) if bit))
    several = next((i for i, places in enumerate(sets) if places is not None and len(places) != 1), None)
    if reading.kind == "classes" and several is not None:
        raise UserError(
            f"{where(several)}: {shown(values[several])} does not have exactly one 1, and one class is needed; correct "
            "it, or set prepare.target to multi_label."
        )
    named = (
        "named by prepare.label_names"
        if reading.names is not None
        else ("named by their places; prepare.label_names gives other names")
    )
    note = f"The labels are vectors of {length} zeros and ones, {named}."
    if several is None and reading.kind != "multi_label" and reading.expected != "multi_label":
        note += " Each has one 1, so they are classes; prepare.target: multi_label allows several a row."
        return Targets("classes", labels, [None if places is None else places[0] for places in sets], [note])
    return Targets("multi_label", labels, list(sets), [note])


def _refuse_shares(values: Sequence[Any], lists: Lists, where: Where) -> None:
    """Vectors of probabilities are not names either."""
    present = [i for i, items in enumerate(lists) if items]
    lengths = {len(lists[i] or []) for i in present}
    if len(lengths) != 1 or lengths == {1}:
        return
    numbers = [[parse_number(item) for item in lists[i] or []] for i in present]
    if all(None not in row for row in numbers) and any(n and not n.is_integer() for row in numbers for n in row):
        raise UserError(
            f"{where(present[0])}: {shown(values[present[0]])} is a vector of numbers, and labels are names or vectors "
            "of 0 and 1; write 1 for each label that a row has and 0 for the others."
        )


def _first(lists: Lists) -> int:
    return next(i for i, items in enumerate(lists) if items is not None)
