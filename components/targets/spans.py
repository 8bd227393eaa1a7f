"""Spans of characters as tags of words, and back."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from stillhouse.components.targets.tag_schemes import OUTSIDE, spelled

CharacterSpan = tuple[int, int, str]
"""First character, character behind the last, label."""
Bounds = Sequence[tuple[int, int]]
"""First character and character behind the last of each word of a text."""

OVERLAPPING = "overlapping spans"
"""Why an example is dropped: no tags of words can spell two entities that cross."""


class SpanTags(list[str | None]):
    """The tags of a text's words, in IOB2, and how many of its spans lay inside of another and are not in them."""

    inside: int = 0


def flat_spans(text: str, spans: Sequence[CharacterSpan]) -> tuple[list[CharacterSpan], int] | str:
    """The spans in their order, without white space at their ends, and without those that lie inside of another.

    Of two on the same characters the first is kept.

    Returns:
        They and how many lay inside of another; or why the example cannot be used.
    """
    trimmed = [_trimmed(text, span) for span in spans]
    kept: list[CharacterSpan] = []
    for start, end, label in sorted(trimmed, key=lambda span: (span[0], -span[1])):
        if start == end:
            continue  # white space alone
        if kept and start < kept[-1][1]:
            if end > kept[-1][1]:
                return OVERLAPPING
            continue
        kept.append((start, end, label))
    return kept, sum(start < end for start, end, _ in trimmed) - len(kept)


def cuts(spans: Sequence[CharacterSpan]) -> list[int]:
    """Where a word has to end, so that each span is some whole words."""
    return [place for start, end, _ in spans for place in (start, end)]


def span_tags(bounds: Bounds, spans: Sequence[CharacterSpan]) -> list[str]:
    """The words' tags in IOB2.

    Args:
        bounds: of words that end where `cuts` says.
        spans: as `flat_spans` gives them.
    """
    tags = [OUTSIDE] * len(bounds)
    starts, ends = [first for first, _ in bounds], [last for _, last in bounds]
    for start, end, label in spans:
        first, behind = bisect_left(starts, start), bisect_right(ends, end)
        # A span of characters that are in no word has none.
        tags[first:behind] = spelled(behind - first, label) if first < behind else []
    return tags


def in_characters(row: Mapping[str, Any], text: str, bounds: Bounds) -> dict[str, Any]:
    """A row of `WordTags.rows` for an example that came as a text: its spans counted in characters."""
    spans = []
    for span in row["spans"]:
        start, end = bounds[span["start"]][0], bounds[span["end"] - 1][1]
        spans.append({**span, "start": start, "end": end, "text": text[start:end]})
    return {**row, "spans": spans}


def _trimmed(text: str, span: CharacterSpan) -> CharacterSpan:
    start, end, label = span
    inside = text[start:end]
    start += len(inside) - len(inside.lstrip())
    return start, max(start, end - len(inside) + len(inside.rstrip())), label
