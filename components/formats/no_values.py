"""How often each spelling of "no value" was met, for the data card."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from stillhouse.components.formats.missing import Missing

EMPTY = "empty"
"""What the card calls null, NaN and blank text."""


def spellings(values: Iterable[Any], is_missing: Callable[[Any], bool]) -> dict[str, int]:
    """How many values are missing, by how they are written, the most frequent first."""
    found = (value for value in values if is_missing(value))
    counts = Counter(_written(value) or EMPTY for value in found)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _written(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    return "" if value is None or value != value else str(value)


def label_spellings(labels: Iterable[Any], is_number: bool, missing: Missing) -> dict[str, dict[str, int]]:
    """Of the label column: what was no label, and what was a name though it looks like none."""
    labels = list(labels)
    if is_number:
        return {"missing": spellings(labels, missing.is_key_missing), "names": {}}
    return {
        "missing": spellings(labels, missing.is_name_missing),
        "names": dict(Counter(value.strip() for value in labels if missing.is_word(value))),
    }
