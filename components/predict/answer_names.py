"""What the columns of the answers are called: one name each, for all rows of all files."""

import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from stillhouse.components.formats.batch import Reading, suffix
from stillhouse.components.formats.json_lines import read_json_lines
from stillhouse.components.formats.settings import CsvSettings
from stillhouse.components.formats.sources import Part
from stillhouse.components.formats.tables import TABLES, UNREADABLE, column_names
from stillhouse.components.predict.read import MEMORY, read_part
from stillhouse.components.storage.memory import Budget

LINE = 64 << 20
"""Bytes of a line that are looked at."""


def answer_names(
    names: Sequence[str], parts: Iterable[Part], formats: Sequence[str], csv: CsvSettings
) -> dict[str, str]:
    """A name for each answer that no row has: `label`, else `predicted_label`, `predicted_label_2`, …

    The rows of JSON lines may differ in their keys, so that all of them are looked at, as text where that is enough.
    """
    taken = {key for part in parts for key in part.columns or _columns(part, names, formats, csv)}
    return {name: next(free for free in _candidates(name) if free not in taken) for name in names}


def _candidates(name: str) -> Iterator[str]:
    yield name
    yield f"predicted_{name}"
    number = 2
    while True:
        yield f"predicted_{name}_{number}"
        number += 1


def _columns(part: Part, names: Sequence[str], formats: Sequence[str], csv: CsvSettings) -> Iterator[str]:
    """The columns of a part whose names hold one of `names`."""
    path, rows = part.path, read_part(part, formats, csv, lambda _, batch: batch.rows())
    if TABLES.get(suffix(path)) is not read_json_lines:
        first = next(rows, None)
        reading = Reading(None, Budget(MEMORY), csv, formats=formats)
        yield from first[0] if first else column_names(path, reading) or ()
        return
    if suffix(path) == ".json":  # one list, maybe, whose objects need not stand on a line each
        for some in rows:
            for row in some:
                yield from row
        return
    parts = [name.encode() for name in names]
    try:
        with gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb") as file:
            for line in iter(partial(file.readline, LINE), b""):
                if b"\\u" in line or any(part in line for part in parts):
                    yield from (key for key in _keys(line) if any(name in key for name in names))
    except UNREADABLE:  # a damaged file, which reading says better
        return


def _keys(line: bytes) -> list[str]:
    """The keys of the object in a line; none where there is no object, which reading says better."""
    try:
        found = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return []
    return list(found) if isinstance(found, dict) else []
