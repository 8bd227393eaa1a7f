"""A row on its way into a split."""

import hashlib
from typing import Literal, NamedTuple

from stillhouse.components.targets.parse import Target

Split = Literal["test", "validation", "train", "unlabelled"]
SPLITS: tuple[Split, ...] = ("test", "validation", "train", "unlabelled")
"""Where the same text is in two of them, the earlier one keeps it."""

LABELLED: tuple[Split, ...] = ("train", "validation", "test")
"""The splits with labels, in the order they are shown."""

GIVEN: dict[str, Split] = {
    "test": "test",
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "unlabelled": "unlabelled",
    "unlabeled": "unlabelled",
    "unsupervised": "unlabelled",
}
"""Names that a source may use for splits, in lower case."""


class Row(NamedTuple):
    """A cleaned row."""

    hash: str
    """Digest of the text."""
    text: str
    target: Target | None
    slices: tuple[str, ...]
    split: Split


def digest(text: str) -> str:
    """First 32 hex digits of the SHA-256 of `text`."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]
