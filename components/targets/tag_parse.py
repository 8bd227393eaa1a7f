"""Tags of words, from the source to the dataset and from there to a model."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from stillhouse.components.config.settings import Settings
from stillhouse.components.targets.parse import LabelReading, Targets, Where
from stillhouse.components.targets.spans import SpanTags
from stillhouse.components.targets.tag_schemes import Asked, Tag, find_tags
from stillhouse.components.targets.token_measures import NO_TAG
from stillhouse.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa


class TagInput(Settings):
    """What the tags of words are."""

    tags: Asked = "auto"
    """Whether they spell entities (`B-PER I-PER O`), which are then what is measured, or are plain: one for each word,
    as parts of speech. Left out, it is found out."""


ENTITIES, PLAIN = "entities", "plain"
"""Kinds of target: tags that spell entities, in IOB2, and one tag for each word."""


def read_tags(
    raw: Sequence[Sequence[Tag] | None], where: Where, reading: LabelReading, asked: Asked = "auto"
) -> Targets:
    """What the tags of all examples are: a tuple of each with the number of each word's tag, None for a word without.

    Args:
        raw: as the source spells them; None for an example without tags.
        where: tells the place of an example.
        asked: whether there are entities in them, where a recipe says so.

    Raises:
        UserError: no word has a tag, or all have the same.
    """
    named = [None if tags is None else [_named(tag, reading) for tag in tags] for tags in raw]
    tagged = [i for i, tags in enumerate(named) if tags is not None]
    try:
        found = find_tags([tags for tags in named if tags is not None], asked)
    except UserError as error:
        raise UserError(f"{where(tagged[0] if tagged else 0)}: {error}") from None
    number: dict[Tag, int | None] = {None: None, **{tag: i for i, tag in enumerate(found.tags)}}
    values = [None if tags is None else tuple(number[tag] for tag in found.scheme.normalised(tags)) for tags in named]
    return Targets(ENTITIES if found.scheme.has_entities else PLAIN, found.tags, values, [*found.notes, *_inside(raw)])


def _inside(raw: Sequence[Any]) -> list[str]:
    inside = sum(tags.inside for tags in raw if isinstance(tags, SpanTags))
    return [f"{inside:,} spans that lie inside of another one are left out."] if inside else []


def _named(tag: Tag, reading: LabelReading) -> Tag:
    """A tag by its name, where the source has its number."""
    if tag is None or reading.missing.is_name_missing(tag):
        return None
    if reading.names and tag.isdecimal() and int(tag) < len(reading.names):
        return reading.names[int(tag)]
    return tag


def tag_column(values: Sequence[Sequence[int | None] | None]) -> "pa.Array":
    """Tags as a column of the dataset, list<int16>; null for an example or a word without."""
    import pyarrow as pa

    return pa.array(values, pa.list_(pa.int16()))


def tag_arrays(column: Iterable[Any], num_words: Iterable[int]) -> list[np.ndarray]:
    """Tags of each example, int64 [words], out of such a column; NO_TAG where there is none."""
    return [
        np.full(words, NO_TAG) if tags is None else np.array([NO_TAG if tag is None else tag for tag in tags], np.int64)
        for tags, words in zip(column, num_words, strict=True)
    ]
