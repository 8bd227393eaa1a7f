"""Rows of words with their tags, and of texts with spans, out of what any reader gives (JSON lines, Parquet, CoNLL)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from stillhouse.components.formats.batch import Batch
from stillhouse.components.formats.columns import column_labels, column_texts
from stillhouse.components.formats.missing import USUAL, Missing
from stillhouse.components.formats.values import without_surrogates
from stillhouse.errors import UserError

CharacterSpan = tuple[int, int, str]
"""First character, character behind the last, label."""
_LISTS = 'write a list, as ["Rome", "fell"] in JSON lines'
_START, _END = ("start", "start_offset", "start_char", "begin"), ("end", "end_offset", "end_char")
_LABEL = ("label", "labels", "entity_type", "entity_group", "entity", "type", "tag")
"""What programs call the parts of a span (spaCy, Prodigy, doccano, Label Studio, transformers)."""


class WordRow(NamedTuple):
    """An example that is split into words."""

    number: int
    """Its row in the file."""
    words: list[str]
    tags: list[str | None] | None
    """One for each word, None where it has none; None for an example without tags."""


class SpanRow(NamedTuple):
    """A text and what is in it."""

    number: int
    text: str
    spans: list[CharacterSpan] | None
    """None for an example that nobody has looked through; an empty list says that there is nothing in it."""


def word_rows(
    path: Path,
    batch: Batch,
    words: str,
    tags: str | None,
    missing: Missing = USUAL,
) -> list[WordRow]:
    """The rows of a batch as words with tags.

    Args:
        path: the file that the batch is from, for messages.
        words: the column that holds a list of words.
        tags: the column that holds a list of tags: names, or numbers of those in the batch's classes or the file's
            metadata.

    Raises:
        UserError: a row has no list where one is needed, a word that is null, or not one tag for each word.
    """
    found_words = column_labels(path, batch, words)
    found_tags = [None] * len(batch) if tags is None else column_labels(path, batch, tags)
    rows, known = [], _Tags(missing)
    for number, row_words, row_tags in zip(batch.numbers, found_words, found_tags, strict=True):
        row_words = _words(row_words, f"{path}, row {number}, column '{words}'")
        if row_tags is not None:
            row_tags = _tags(row_tags, len(row_words), known, f"{path}, row {number}, column '{tags}'")
        rows.append(WordRow(number, row_words, row_tags))
    return rows


def span_rows(path: Path, batch: Batch, text: str, spans: str | None) -> list[SpanRow]:
    """The rows of a batch as texts with spans.

    A span is an object with its first character, the one behind its last and its label, by any of the names that
    programs use, or a list of the three; characters are code points, counted from 0.

    Args:
        path: the file that the batch is from, for messages.
        text: the column that holds the text; null is an empty one.
        spans: the column that holds a list of spans.

    Raises:
        UserError: a row has spans that cannot be read or are not within its text.
    """
    texts = column_texts(path, batch, text).to_pylist()
    values = [None] * len(batch) if spans is None else [row.get(spans) for row in batch.rows()]
    rows = []
    for number, row_text, value in zip(batch.numbers, texts, values, strict=True):
        place = f"{path}, row {number}, column '{spans}'"
        row_text = row_text or ""
        rows.append(SpanRow(number, row_text, None if value is None else _spans(value, row_text, place)))
    return rows


class _Tags(dict[str, str | None]):
    """What the texts of tags stand for, each found out once: there are far fewer than words."""

    def __init__(self, missing: Missing) -> None:
        super().__init__()
        self._missing = missing

    def __missing__(self, tag: str) -> str | None:
        self[tag] = self.read(tag)
        return self[tag]

    def read(self, tag: Any) -> str | None:
        """The name of a tag, None where it is not any."""
        return None if self._missing.is_name_missing(tag) else _name(tag)


def _words(value: Any, place: str) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise UserError(f"{place}: holds one value, and a list of words is needed; {_LISTS}.")
    if None in value:
        raise UserError(f"{place}: word {value.index(None) + 1} is null; give each word its text, '' if it is empty.")
    return [word if isinstance(word, str) else _name(word) for word in value]


def _tags(value: Any, num_words: int, known: _Tags, place: str) -> list[str | None] | None:
    if not isinstance(value, list):
        raise UserError(f"{place}: holds one value, and a list with a tag for each word is needed; {_LISTS}.")
    if len(value) != num_words:
        raise UserError(
            f"{place}: {len(value)} tags for {num_words} words; give each word one, null where it has none."
        )
    tags = [known[tag] if isinstance(tag, str) else known.read(tag) for tag in value]
    return None if tags and all(tag is None for tag in tags) else tags


def _name(value: Any) -> str:
    """Numbers in lists with gaps come as 3.0 from some writers and as 3 from others."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.strip() if isinstance(value, str) else str(value)


def _spans(value: Any, text: str, place: str) -> list[CharacterSpan]:
    if not isinstance(value, list):
        raise UserError(f"{place}: holds one value, and a list of spans is needed, as {_EXAMPLE}.")
    return [_span(item, text, place) for item in value]


_EXAMPLE = '[{"start": 0, "end": 4, "label": "LOC"}]'


def _span(value: Any, text: str, place: str) -> CharacterSpan:
    if isinstance(value, Mapping):
        parts = [next((value[name] for name in names if name in value), None) for names in (_START, _END, _LABEL)]
    else:
        parts = list(value) if isinstance(value, list | tuple) and len(value) == 3 else [None] * 3
    label = parts[2][0] if isinstance(parts[2], list) and len(parts[2]) == 1 else parts[2]
    start, end = _whole(parts[0]), _whole(parts[1])
    if start is None or end is None or not isinstance(label, str) or not label.strip():
        raise UserError(f"{place}: {_shown(value)} is not a span; write each as {_EXAMPLE}.")
    if not 0 <= start < end <= len(text):
        raise UserError(
            f"{place}: {_shown(value)} is not within the text, which has {len(text):,} characters{_units(end, text)}; "
            "count characters from 0, the end behind the last one."
        )
    return start, end, without_surrogates(label.strip())


def _whole(value: Any) -> int | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number and float(value).is_integer() else None


def _units(end: int, text: str) -> str:
    """What else may have been counted, where that would explain it."""
    for unit, length in (
        ("UTF-16 units", len(text.encode("utf-16-le", "replace")) // 2),
        ("bytes", len(text.encode("utf-8", "replace"))),
    ):
        if len(text) < end <= length:
            return f" (and {length:,} {unit})"
    return ""


def _shown(value: Any) -> str:
    written = repr(value)
    return written if len(written) <= 80 else f"{written[:80]} …"
