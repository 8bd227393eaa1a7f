"""Several labels in one value: lists, lists written as text, names between separators, and vectors of 0 and 1."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

PROMISED = "|"
"""The separator that needs no proof but that its parts recur."""
SEPARATORS = (PROMISED, ";", ",")
FEW = 0.05
"""A smaller share of values with several labels is a slip of the pen, and no reason to read all values otherwise."""
FEW_PROMISED = 0.01
"""The same for '|', which few names have."""
RECURRING = 0.7
"""Share of the parts between separators that must be in other values, too."""
MOST = 0.95
"""From this share on the others are exceptions, and the first of them is named."""
_BRACKETS = {"[": "]", "(": ")", "{": "}"}
_SET = re.compile(r"^(?:frozen)?set\((?:\{([^{}]*)\})?\)$")
"""Python's sets where they are empty or frozen."""
_ITEM = re.compile(
    r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^\s'",\[\](){}](?:[^'",\[\](){}]*[^\s'",\[\](){}])?))\s*"""
)
_BITS = {"0": 0, "1": 1, "0.": 0, "1.": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1}


def list_in_text(text: str, sure: bool = False) -> list[str] | None:
    """The items of a list as JSON, Python, NumPy or PostgreSQL write it into text; None when it is not one.

    Args:
        sure: take no text that may be a name, such as `[urgent]` or `(other)`.
    """
    text = _SET.sub(r"{\1}", text.strip())
    if len(text) < 2 or _BRACKETS.get(text[0]) != text[-1]:
        return None
    inside = text[1:-1].strip()
    if not inside:
        return []
    if text[0] == "[":
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, list):
            plain = all(isinstance(item, str | int | float | None) for item in found)
            return [_item(item) for item in found] if plain else None
    return _scan(inside, sure, text[0])


def _item(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def _scan(inside: str, sure: bool, bracket: str) -> list[str] | None:
    if re.fullmatch(r"[\d.\s]+", inside):  # NumPy: [0 1 0], [0. 1. 0.]
        return inside.split()
    items, place, quoted, commas = [], 0, True, False
    while place < len(inside):
        found = _ITEM.match(inside, place)
        if found is None:
            return None
        single, double, bare = found.groups()
        quoted &= bare is None
        name = bare if bare is not None else re.sub(r"\\(.)", r"\1", single if single is not None else double)
        items.append("" if bare in ("None", "null", "nan") else name)
        place = found.end()
        if inside[place : place + 1] == ",":
            place, commas = place + 1, True
        elif place < len(inside) and bare is not None:
            return None
    if quoted or (commas and all(re.fullmatch(r"-?[\d.]+|true|false", item.lower()) for item in items)):
        return items
    return None if bracket == "(" or (sure and not commas) else items


def split(text: str, separator: str) -> list[str]:
    """The names between separators; one at the end of all is not a sign of another name."""
    text = text.strip()
    return [name.strip() for name in text.removesuffix(separator).split(separator)]


def find_separator(counts: Mapping[str, int]) -> str | None:
    """The separator between the labels of a column of texts; None where each text is one name.

    `|` is one where some of its parts recur in other values. `;` and `,`, which names may hold, are where most parts
    do, and some of them alone or at another place: so neither in `Hotels, Restaurants & Leisure` nor in `Seattle, WA`.

    Args:
        counts: the different texts, and the rows of each.
    """
    total = sum(counts.values())
    for separator in SEPARATORS:
        several = {text: split(text, separator) for text in counts if separator in text}
        rows = sum(counts[text] for text in several)
        if not several or rows < (FEW_PROMISED if separator == PROMISED else FEW) * total:
            continue
        values = [several.get(text, [text.strip()]) for text in counts]
        values_with = Counter(part for parts in values for part in set(parts))
        places = Counter(part for part, _ in {(part, i) for parts in values for i, part in enumerate(parts)})
        alone = {parts[0] for parts in values if len(parts) == 1}
        recurring = [part for parts in several.values() for part in parts if values_with[part] > 1]
        free = any(places[part] > 1 or part in alone for part in recurring)
        most = RECURRING * sum(map(len, several.values()))
        if recurring and (
            separator == PROMISED or (free and len(recurring) >= most and all(map(all, several.values())))
        ):
            return separator
    return None


def bits(items: Sequence[Any]) -> list[int] | None:
    """A list of two or more that holds nothing but 0 and 1 (or false and true), as such; None for any other."""
    found = [_BITS.get(str(item).strip().lower()) for item in items]
    return [bit for bit in found if bit is not None] if len(found) > 1 and None not in found else None


def vector_length(lists: Sequence[Sequence[Any]]) -> int | None:
    """Length of the vectors of 0 and 1 that nearly all `lists` are; None where they are lists of names.

    A list of names has none of them twice, so that no longer list of names is taken for a vector.
    """
    lengths = Counter(len(items) for items in lists if bits(items) is not None)
    if not lengths:
        return None
    vectors = sum(lengths.values())
    twice = any(len({str(item) for item in items}) < len(items) for items in lists if bits(items) is not None)
    length, rows = lengths.most_common(1)[0]
    return length if vectors >= MOST * len(lists) and (twice or rows == len(lists)) else None
