"""Numbers in text: what is one, and what only looks like one."""

import math
import re
from typing import Any

_DIGITS = r"(?:\d+|\d{1,3}(?:T\d{3})+)"
_CURRENCY = r"[$€£¥₹₽₩₺]|USD|EUR|GBP|CHF|JPY|CNY|INR|SEK|NOK|DKK|PLN|CZK|AUD|CAD|BRL|R\$"
_LOOKS_LIKE = re.compile(
    rf"(?P<minus>[(+−–-]?)\s*(?:{_CURRENCY})?\s*(?P<sign>[+−–-]?)"
    r"(?P<digits>\d{1,3}(?:[ ,.'’_\u00a0\u202f]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)?|[.,]\d+)"
    rf"(?P<exponent>[eE][+-]?\d+)?\s*(?:%|‰|{_CURRENCY})?\)?"
)
"""A number with marks of thousands, a decimal comma, a currency, a percent sign, a typographic minus or brackets."""


def parse_number(value: Any, decimal: str = ".", thousands: str = "") -> float | None:
    """The value as a finite number; None when it is not one.

    Args:
        decimal: mark of the fraction in text.
        thousands: mark between groups of three digits in text; empty for none.
    """
    if isinstance(value, list | tuple | dict):
        return None
    if isinstance(value, str):
        text = value.strip()
        if not _pattern(decimal, thousands).fullmatch(text):
            return None
        value = (text.replace(thousands, "") if thousands else text).replace(decimal, ".")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def looks_like(value: Any) -> float | None:
    """What a reader would take for a number though `parse_number` does not (1,234 or $3.50), as the likeliest one."""
    if not isinstance(value, str) or len(value) > 60:
        return None
    found = _LOOKS_LIKE.fullmatch(value.strip())
    if found is None:
        return None
    digits = re.sub(r"[ '’_\u00a0\u202f]", "", found["digits"])
    marks = [mark for mark in digits if mark in ".,"]
    if len(marks) > 1 and len(set(marks)) == 1:  # 1,234,567
        digits = digits.replace(marks[0], "")
    elif len(marks) > 1:  # the last one is the decimal mark
        digits = digits.replace(marks[0], "").replace(marks[-1], ".")
    elif re.fullmatch(r"[1-9]\d{0,2},\d{3}", digits):
        digits = digits.replace(",", "")
    number = float(digits.replace(",", ".") + (found["exponent"] or ""))
    minus = {found["minus"], found["sign"]} - {"", "+"}
    number = -number if minus else number
    return number if math.isfinite(number) else None


def mend(value: Any) -> str:
    """What to do about a value that is not read as a number."""
    number = looks_like(value)
    if number is None:
        return "write a number or leave it empty"
    text, plain = str(value).strip(), f"{number:.12g}"
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+", text):
        return f"write {plain}, or set data.csv.thousands to ',' (data.csv.decimal where it marks a fraction)"
    if re.fullmatch(r"[+-]?\d*,\d+", text):
        return f"write {plain}, or set data.csv.decimal to ','"
    grouped = re.fullmatch(r"[+-]?\d{1,3}([ ,.'’_\u00a0\u202f])\d{3}(\1\d{3})*([.,]\d+)?", text)
    if grouped:
        decimal = f" and data.csv.decimal to '{grouped[3][0]}'" if (grouped[3] or ".")[0] == "," else ""
        return f"write {plain}, or set data.csv.thousands to '{grouped[1]}'{decimal}"
    return f"write the bare number, {plain}"


_PATTERNS: dict[tuple[str, str], re.Pattern[str]] = {}


def _pattern(decimal: str, thousands: str) -> re.Pattern[str]:
    key = decimal, thousands
    if key not in _PATTERNS:
        whole = _DIGITS.replace("T", re.escape(thousands)) if thousands else r"\d+"
        point = re.escape(decimal)
        _PATTERNS[key] = re.compile(rf"[+-]?(?:{whole}(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?", re.ASCII)
    return _PATTERNS[key]
