"""Gradient-boosted trees, the strong baseline on tables, as a model of its own: safetensors, no pickle.

It answers without scikit-learn and torch, and imports nothing of Stillhouse: MLflow keeps the file beside a registered
model.
"""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

import numpy as np

from stillhouse.components.models.array_files import WEIGHTS, answers_of, load_arrays

LOAD = "boosted_trees"
"""What model.json says under `load`."""
CELLS = 500_000
"""Rows times trees that are gone through together."""
LEAF = -1


class Trees(NamedTuple):
    """All nodes of all trees, one after the other."""

    roots: np.ndarray
    """int32 [trees]: where each begins."""
    labels: np.ndarray
    """int32 [trees]: which of the labels it adds to."""
    feature: np.ndarray
    """int32 [nodes]: the column of the rows that is looked at; LEAF where the tree ends."""
    value: np.ndarray
    """float64 [nodes]: the greatest number that goes left; of a leaf what it adds."""
    left: np.ndarray
    """int32 [nodes]: the node to go to; the right one follows in `right`."""
    right: np.ndarray
    missing_left: np.ndarray
    """bool [nodes]: whether nan goes left."""
    category_set: np.ndarray
    """int32 [nodes]: the row of `sets` with the categories that go left; -1 where numbers are compared."""
    sets: np.ndarray
    """uint32 [splits, 8]: 256 bits each."""


class BoostedTrees:
    """Trees whose values add up to a logit for each label: softmax for classes, a sigmoid for each label of a set, the
    value itself for a number."""

    LOAD: ClassVar[str] = LOAD

    def __init__(self, target: str, bias: np.ndarray, trees: Trees) -> None:
        """Take what was fitted.

        Args:
            target: classes, multi_label or number.
            bias: float64 [labels], what the trees add to; minus infinity for a label that is never answered.
            trees: as above.
        """
        self.target, self.bias, self.trees = target, bias.astype(np.float64), trees

    @property
    def parameters(self) -> int:
        """Thresholds and values of all nodes."""
        return len(self.trees.value) + len(self.bias)

    def save(self, folder: Path) -> None:
        """Write it into `folder`."""
        from safetensors.numpy import save_file

        arrays = {"bias": self.bias, **self.trees._asdict()}
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / WEIGHTS)

    @classmethod
    def load(cls, folder: Path, target: str) -> Self:
        """What `save` wrote.

        Raises:
            ValueError: the file cannot be read, or is not of this kind.
        """
        bias, *trees_arrays = load_arrays(folder, ("bias", *Trees._fields))
        trees = Trees(*trees_arrays)
        if why := _why_not(bias, trees):
            raise ValueError(f"{WEIGHTS} does not hold trees: {why}")
        return cls(target, bias, trees)

    def score(self, rows: np.ndarray, progress: Callable[[int], None] | None = None) -> np.ndarray:
        """Answers for `rows`, float64 [rows, columns] with nan for what is missing: probabilities float64 [rows,
        labels], or values [rows, 1] for a number.

        Args:
            progress: is told the rows of each batch.
        """
        logits = np.tile(self.bias, (len(rows), 1))
        at_once = max(1, CELLS // max(1, len(self.trees.roots)))
        for start in range(0, len(rows), at_once):
            batch = rows[start : start + at_once]
            added = self._leaves(batch)
            for label in range(len(self.bias)):
                logits[start : start + at_once, label] += added[:, self.trees.labels == label].sum(axis=1)
            if progress is not None:
                progress(len(batch))
        return answers_of(self.target, logits)

    def _leaves(self, rows: np.ndarray) -> np.ndarray:
        """What each tree adds: float64 [rows, trees]."""
        trees = self.trees
        nodes = np.tile(trees.roots, (len(rows), 1))
        while True:
            row, tree = np.nonzero(trees.feature[nodes] != LEAF)
            if not len(row):
                return trees.value[nodes]
            here = nodes[row, tree]
            left = self._goes_left(here, rows[row, trees.feature[here]])
            nodes[row, tree] = np.where(left, trees.left[here], trees.right[here])

    def _goes_left(self, nodes: np.ndarray, values: np.ndarray) -> np.ndarray:
        """bool [n] for n nodes and the values that they look at."""
        trees = self.trees
        missing = np.isnan(values)
        left = np.where(missing, trees.missing_left[nodes], values <= trees.value[nodes])
        by_set = (trees.category_set[nodes] >= 0) & ~missing
        category = values[by_set].astype(np.int64)
        words = trees.sets[trees.category_set[nodes[by_set]], category // 32]
        left[by_set] = (words >> (category % 32).astype(np.uint32)) & 1
        return left


def _why_not(bias: np.ndarray, trees: Trees) -> str:
    """What is wrong with arrays out of a file; empty when they fit together and each path ends."""
    nodes = len(trees.feature)
    if any(len(array) != nodes for array in trees[3:8]) or len(trees.roots) != len(trees.labels):
        return "its arrays are not of one length"
    if trees.sets.ndim != 2 or trees.sets.shape[1] != 8:
        return "its sets are not of 256 bits"
    inner = np.flatnonzero(trees.feature != LEAF)
    children = np.concatenate([trees.left[inner], trees.right[inner]])
    if (children <= np.tile(inner, 2)).any() or (children >= nodes).any():
        return "a node does not lead on"
    within = [(trees.roots, 0, nodes), (trees.labels, 0, len(bias)), (trees.category_set, -1, len(trees.sets))]
    if any(((array < low) | (array >= high)).any() for array, low, high in within) or (trees.feature < LEAF).any():
        return "a node is not there"
    return ""
