"""Tags of words, from the source to the dataset and from there to a model."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from stillhouse.components.targets.token_measures import NO_TAG

if TYPE_CHECKING:
    import pyarrow as pa

ENTITIES, PLAIN = "entities", "plain"
"""Kinds of target: tags that spell entities, in IOB2, and one tag for each word."""


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
