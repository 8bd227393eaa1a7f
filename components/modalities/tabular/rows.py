"""One row of a table: its canonical form, what it is known by, and how it is shown."""

import datetime
import hashlib
import html
import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from stillhouse.components.modalities.tabular.cells import LARGEST, clean
from stillhouse.components.targets.numbers import parse_number

if TYPE_CHECKING:
    from markupsafe import Markup

TELLING_CELLS = 5
"""With fewer cells whose values hardly recur by chance, near copies of a row are not looked for."""
LONG_NAME = 24
"""Characters of a text that hardly recurs by chance."""
SHOWN_CELLS = 12
_MIDNIGHT = datetime.time()
SHOWN_CHARACTERS = 40


def standardise(example: Mapping[str, Any]) -> dict[str, Any] | str:
    """The row in its one canonical form; `empty` where no column has a value.

    Text is stripped and composed as Unicode's NFC has it, and None where nothing is left; numbers that are not finite
    are None, and -0.0 is 0.0; moments of a time zone are in UTC. What is more than one value, or is not text, stays as
    it is: such a column is left out.
    """
    found = {name: _canonical(value) for name, value in example.items()}
    return "empty" if all(value is None for value in found.values()) else found


def identity(example: Mapping[str, Any]) -> bytes:
    """What a standardised row's hash, its split and exact copies go by: one and the same for equal values, whichever
    order the columns are in and whether a whole number came as an integer, a float or text."""
    return json.dumps(sorted(_texts(example).items()), ensure_ascii=False).encode()


def likeness(example: Mapping[str, Any]) -> np.ndarray | None:
    """Sorted hashes uint64 [cells] of the cells of a standardised row that have a value; None if it is not telling."""
    cells = _texts(example)
    if not _are_telling(example, cells):
        return None
    written = (f"{name}\0{text}".encode() for name, text in cells.items())
    digests = (hashlib.blake2b(cell, digest_size=8).digest() for cell in written)
    return np.unique(np.array([int.from_bytes(digest, "little") for digest in digests], np.uint64))


def is_telling(example: Mapping[str, Any]) -> bool:
    """Whether a row that equals this standardised one is a copy of it: some of its cells hardly recur by chance, as
    numbers with a fraction, moments and long texts. Small numbers and names are shared by rows that have nothing to do
    with one another."""
    return _are_telling(example, _texts(example))


def num_values(example: Mapping[str, Any]) -> int:
    """Cells of a row that have a value."""
    return sum(value is not None for value in example.values())


def show(example: Mapping[str, Any]) -> "Markup":
    """The row as an HTML table of names and values, escaped; the first columns where there are many."""
    from markupsafe import Markup

    cells = list(example.items())
    shown = cells[:SHOWN_CELLS]
    names = "".join(f"<th>{_escaped(name)}</th>" for name, _ in shown)
    values = "".join(f"<td>{_escaped(_written(value))}</td>" for _, value in shown)
    if more := len(cells) - len(shown):
        names, values = names + f"<th>{more} more</th>", values + "<td>…</td>"
    return Markup(f'<table class="row"><tr>{names}</tr><tr>{values}</tr></table>')


def _canonical(value: Any) -> Any:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, str):
        return clean(value) or None
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer) and not isinstance(value, np.timedelta64):
        return int(value)
    if isinstance(value, float | np.floating | Decimal):
        number = float(value)
        return number + 0.0 if math.isfinite(number) and abs(number) <= LARGEST else None
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return value.astimezone(datetime.UTC)
    if isinstance(value, datetime.date | datetime.time | datetime.timedelta):
        return value
    return _text(value, otherwise=value)


def _text(value: Any, otherwise: Any) -> Any:
    from stillhouse.components.formats.values import NotText, text

    try:
        return text(value)
    except NotText:
        return otherwise


def _texts(example: Mapping[str, Any]) -> dict[str, str]:
    """The cells that have a value, as text."""
    written = {name: _key(value) for name, value in example.items() if value is not None}
    return {name: value for name, value in written.items() if value is not None}


def _key(value: Any) -> str | None:
    """The text of a value in its one spelling, as `values.keys` has it, which need not be asked about most of them."""
    kind = type(value)
    if kind is str and not value[0].isdigit() and value[0] not in "+-" and value.lower() not in ("true", "false"):
        return value
    if kind is float and (value == 0.0 or 1e-4 <= abs(value) < 1e15):  # repr has no exponent
        return repr(value).removesuffix(".0")
    if kind is int:
        return str(value)
    if kind is datetime.date or (kind is datetime.datetime and value.tzinfo is None and value.time() != _MIDNIGHT):
        return value.isoformat(" ") if kind is datetime.datetime else value.isoformat()

    from stillhouse.components.formats.values import keys

    return keys([_text(value, otherwise=repr(value))])[0]


def _are_telling(example: Mapping[str, Any], cells: Mapping[str, str]) -> bool:
    return sum(_is_telling(example[name], text) for name, text in cells.items()) >= TELLING_CELLS


def _is_telling(value: Any, text: str) -> bool:
    if isinstance(value, float):
        return not value.is_integer()
    if isinstance(value, str):
        number = parse_number(value)
        return (number is not None and not number.is_integer()) or len(text) >= LONG_NAME or text != _day(text)
    return isinstance(value, datetime.datetime)


def _day(text: str) -> str:
    """What is left of a moment without its time of day; other text as it is."""
    return text[:10] if len(text) >= 16 and text[4] == text[7] == "-" and text[:4].isdigit() else text


def _written(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _escaped(text: str) -> str:
    short = text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS].rstrip()} …"
    return html.escape(short)
