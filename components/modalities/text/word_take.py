"""Examples of words with their tags, out of the columns of a source: lists of both, or texts with spans."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from stillhouse.components.formats.batch import Batch
from stillhouse.components.formats.columns import column_texts
from stillhouse.components.formats.word_rows import span_rows, word_rows
from stillhouse.components.modalities.text.word_split import split_words
from stillhouse.components.targets.spans import SpanTags, cuts, flat_spans, in_characters, span_tags

Taken = tuple[list[list[str] | None], list[Any]]
"""The words of each row, None where its spans cannot be told in words; and its tags, None where it has none."""


def take_words_or_spans(path: Path, batch: Batch, columns: Mapping[str, Any]) -> tuple[dict[str, pa.Array], list[Any]]:
    """The words of some rows, `tokens` list<string>, null where crossing spans cannot be told in words, and the `text`
    that they are from, if they are; and the tags of each, None where it has none.

    Args:
        columns: `text` and, with its spans, `tags`; or, where that is None, `tokens` and `tags`.

    Raises:
        UserError: as `take_words` and `take_spans`.
    """
    take, name = (take_spans, "text") if columns.get("text") else (take_words, "tokens")
    words, tags = take(path, batch, columns[name], columns.get("tags"))
    inputs = {"tokens": pa.array(words, pa.list_(pa.string()))}
    return inputs | ({"text": column_texts(path, batch, columns[name])} if name == "text" else {}), tags


def with_places(row: dict[str, Any], text: str) -> dict[str, Any]:
    """An answer for an example that came as a text: with its `words`, and spans counted in characters."""
    bounds = split_words(text)
    placed = in_characters(row, text, bounds) if "spans" in row else row
    return {"words": [text[start:end] for start, end in bounds], **placed}


def take_words(path: Path, batch: Batch, tokens: str, tags: str | None) -> Taken:
    """Rows that hold a list of words and one of tags.

    Raises:
        UserError: a row holds no list where one is needed, or not one tag for each word.
    """
    rows = word_rows(path, batch, tokens, tags)
    return [row.words for row in rows], [row.tags for row in rows]


def take_spans(path: Path, batch: Batch, text: str, spans: str | None) -> Taken:
    """Rows that hold a text and a list of spans: the text split into words, at the ends of spans too.

    Raises:
        UserError: a row has spans that cannot be read or are not within its text.
    """
    words: list[list[str] | None] = []
    tags: list[Any] = []
    for row in span_rows(path, batch, text, spans):
        found = flat_spans(row.text, row.spans or [])
        if isinstance(found, str):
            words.append(None)
            tags.append(None)
            continue
        flat, inside = found
        bounds = split_words(row.text, cuts(flat))
        words.append([row.text[start:end] for start, end in bounds])
        tags.append(None if row.spans is None else SpanTags(span_tags(bounds, flat)))
        if row.spans is not None:
            tags[-1].inside = inside
    return words, tags
