"""The splits of a dataset, and the names that sources give them."""

from typing import Literal

Split = Literal["test", "validation", "train", "unlabelled"]
SPLITS: tuple[Split, ...] = ("test", "validation", "train", "unlabelled")
"""Where the same example is in two of them, the earlier one keeps it."""

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
