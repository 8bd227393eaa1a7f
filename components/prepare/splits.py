"""Which split a row belongs to, by its content alone: as the data grows, no row ever moves.

Rows come in any order, and none of the results here depends on it.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from stillhouse.components.formats.splits import SPLITS, Split
from stillhouse.components.prepare.near_duplicates import Example, Finder, Index
from stillhouse.components.prepare.rows import Row, digest, place
from stillhouse.components.prepare.settings import SplitShares


def assign(
    hashes: Sequence[str],
    targets: Sequence[Any],
    groups: Sequence[str | None],
    given: Sequence[Split | None],
    shares: SplitShares,
) -> list[Split]:
    """The split of each row: the one given, else by hash of its group, else by hash of its example.

    Rows without a label are unlabelled wherever they were put. Where the source gives splits and none of them
    is validation, a part of its training rows is.
    """
    carve = any(given) and "validation" not in given
    splits: list[Split] = []
    for hash_, target, group, name in zip(hashes, targets, groups, given, strict=True):
        where = place(digest(group) if group else hash_)
        if target is None:
            splits.append("unlabelled")
        elif name == "train" and carve:
            splits.append("validation" if where < shares.validation else "train")
        else:
            splits.append(name or _split_at(where, shares))
    return splits


def _split_at(where: float, shares: SplitShares) -> Split:
    if where < shares.test:
        return "test"
    return "validation" if where < shares.test + shares.validation else "train"


class Dropped(NamedTuple):
    """A row that was dropped, and why."""

    reason: str
    row: Row


def drop_copies(
    rows: Iterable[Row], recurs: Callable[[Example], bool] = lambda example: False
) -> tuple[list[Row], list[Dropped]]:
    """Keep one row for each example, in the first split (test, validation, train, unlabelled) that has it.

    An example with different targets is dropped whole: nobody knows which one is right.

    Args:
        recurs: whether equal examples may be different things; of these all rows are kept.

    Returns:
        The rows kept, sorted by hash, and the rows dropped.
    """
    kept: list[Row] = []
    dropped: list[Dropped] = []
    for _, group in groupby(sorted(rows, key=_by_hash), key=lambda row: row.hash):
        first, *others = copies = list(group)
        if others and recurs(first.example):
            kept += copies
            continue
        if len({row.target for row in copies} - {None}) > 1:
            dropped += [Dropped("conflicting_label", row) for row in copies]
            continue
        kept.append(first)
        for row in others:
            same = row.split == first.split or first.split == "train"
            dropped.append(Dropped("duplicate" if same else f"overlaps_{first.split}", row))
    return kept, dropped


def _by_hash(row: Row) -> tuple[str, int, tuple[str, ...], str]:
    return row.hash, SPLITS.index(row.split), row.slices, str(row.target)


Splits = dict[Split, list[Row]]
"""The rows of each split, sorted by hash."""


class NearCopy(NamedTuple):
    """A row that was dropped, why, and the row that it nearly equals."""

    reason: str
    row: Row
    equals: Row


_AGAINST: dict[Split, dict[Split, str]] = {
    "test": {},
    "validation": {"test": "overlaps_test", "validation": "near_duplicate"},
    "train": {"test": "overlaps_test", "validation": "overlaps_validation", "train": "near_duplicate"},
    "unlabelled": {
        "test": "overlaps_test",
        "validation": "overlaps_validation",
        "unlabelled": "near_duplicate",
    },
}
"""What each split is compared with, and the reason for which it loses a row."""


Likeness = Callable[[Example], np.ndarray | None]


def separate(
    rows: Sequence[Row],
    likeness: Likeness,
    threshold: float,
    labelled_rows: int | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> tuple[Splits, list[NearCopy]]:
    """Part the rows into splits that share no nearly equal examples.

    Validation and train lose what nearly equals a test row, train what nearly equals a validation row,
    unlabelled both. Within a split the row with the smallest hash stays; test keeps its near copies.

    Args:
        rows: without exact copies, sorted by hash.
        likeness: features of an example, see near_duplicates.Finder.
        threshold: similarity from which two examples are nearly equal; 1 drops nothing.
        labelled_rows: so many training rows, those with the smallest hashes, keep their labels; the rest is
            unlabelled. None keeps all labels.
        progress: called with the rows done and the rows in all.

    Returns:
        The splits, and the rows dropped.
    """
    comparison = _Comparison(rows, likeness, threshold, progress)
    candidates: dict[Split, list[int]] = {split: [] for split in SPLITS}
    for i, row in enumerate(rows):
        candidates[row.split].append(i)
    splits: Splits = {}
    for split in SPLITS:
        kept = [i for i in candidates[split] if comparison.keeps(i, split)]
        if split == "train" and labelled_rows is not None:
            kept, moved = kept[:labelled_rows], kept[labelled_rows:]
            candidates["unlabelled"] = sorted([*candidates["unlabelled"], *moved], key=lambda i: rows[i].hash)
        splits[split] = [rows[i] for i in kept]
    return splits, comparison.dropped


class _Comparison:
    """Compares rows, one after the other, with those kept before."""

    def __init__(
        self, rows: Sequence[Row], likeness: Likeness, threshold: float, progress: Callable[[int, int], None]
    ) -> None:
        self.dropped: list[NearCopy] = []
        self._rows = rows
        self._indexes: dict[Split, Index] = {}
        if threshold < 1:
            finder = Finder([row.example for row in rows], likeness, threshold, progress)
            self._indexes = {split: Index(finder) for split in SPLITS}

    def keeps(self, i: int, split: Split) -> bool:
        """Whether row `i` stays in `split`; from then on others are compared with it."""
        if not self._indexes:
            return True
        for other, reason in _AGAINST[split].items():
            equal = self._indexes[other].match(i)
            if equal is not None:
                self.dropped.append(NearCopy(reason, self._rows[i], self._rows[equal]))
                return False
        self._indexes[split].add(i)
        return True
