"""The strong baseline on tables: gradient boosting of trees on histograms, fitted by scikit-learn.

As LightGBM does it (Ke et al., 2017): numbers in 255 bins, missing values and sets of categories on either side of a
split.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from stillhouse.components.modalities.tabular.columns import Columns
from stillhouse.components.modalities.tabular.encode import UNKNOWN, for_trees, read_values
from stillhouse.components.models.boosted_trees import LEAF, BoostedTrees, Trees

if TYPE_CHECKING:
    from stillhouse.components.modalities.tabular.cells import Column

MOST_CATEGORIES = 255
"""Of a column, that the trees can tell apart: the rarer ones are unknown to them."""
EARLY_STOPPING_ROWS = 10_000
"""With more rows a tenth is held out to see when it has learnt enough: scikit-learn's own rule."""


def fit_boosting(
    columns: Columns, table: "Mapping[str, Column]", target: str, targets: np.ndarray, num_labels: int, seed: int
) -> BoostedTrees:
    """Fit gradient boosting with scikit-learn's own settings: one model for classes or a number, one for each label of
    a set. A class or label without a training row is never answered.

    Args:
        columns: what is known of the table's columns.
        table: the training rows' columns by name.
        target: classes, multi_label or number.
        targets: int64 [rows], float32 [rows, labels] or float64 [rows].
    """
    rows, num_categorical = rows_for_boosting(columns, table), len(columns.categorical)
    grown = _Grown()
    if target == "number":
        bias = np.array([targets.mean()])
        if np.ptp(targets) > 0:
            bias[0] = grown.add(_fitted(num_categorical, rows, targets, seed, is_number=True), [0])[0]
    elif target == "multi_label":
        with np.errstate(divide="ignore"):
            shares = (targets >= 0.5).mean(axis=0)
            bias = np.log(shares) - np.log(1 - shares)
        for label in np.flatnonzero(np.isfinite(bias)):
            bias[label] = grown.add(_fitted(num_categorical, rows, targets[:, label] >= 0.5, seed), [int(label)])[0]
    else:
        bias = np.full(num_labels, -np.inf)
        known = np.unique(targets)
        bias[known] = 0.0
        if len(known) > 1:
            # Of two classes there is one logit, for the second: softmax of (0, z) is its sigmoid.
            answered = known if len(known) > 2 else known[1:]
            bias[answered] = grown.add(_fitted(num_categorical, rows, targets, seed), answered.tolist())
    return BoostedTrees(target, bias, grown.trees())


def rows_for_boosting(columns: Columns, table: "Mapping[str, Column]") -> np.ndarray:
    """What `BoostedTrees.score` is given: float64 [rows, columns and parts of dates], categories first.

    A category that is missing is one of its own and not nan: scikit-learn 1.9 sends rows the wrong way where a column
    has one category and nan.
    """
    rows = for_trees(columns, read_values(columns, table))
    categories = rows[:, : len(columns.categorical)]
    categories[categories >= MOST_CATEGORIES] = UNKNOWN
    return rows


def _fitted(num_categorical: int, rows: np.ndarray, targets: np.ndarray, seed: int, is_number: bool = False) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingRegressor if is_number else HistGradientBoostingClassifier
    # The held-out rows are drawn from each class, which a class of one row cannot be.
    can_stop = len(rows) > EARLY_STOPPING_ROWS and (is_number or np.unique(targets, return_counts=True)[1].min() > 1)
    categorical = list(range(num_categorical)) or None
    return kind(categorical_features=categorical, early_stopping=can_stop, random_state=seed).fit(rows, targets)


class _Grown:
    """Trees out of fitted models of scikit-learn."""

    def __init__(self) -> None:
        self._nodes: list[np.ndarray] = []
        self._sets: list[np.ndarray] = []
        self._labels: list[int] = []

    def add(self, model: Any, labels: list[int]) -> np.ndarray:
        """Take the model's trees, which add to those labels in turn; what they begin with comes back, [labels]."""
        # scikit-learn numbers anew those categories of a column that the rows have.
        encoder = getattr(model, "_preprocessor", None)
        known = encoder.named_transformers_["encoder"].categories_ if encoder is not None else []
        for predictors in model._predictors:
            for label, predictor in zip(labels, predictors, strict=True):
                self._nodes.append(predictor.nodes)
                self._sets.append(_sets(predictor, known))
                self._labels.append(label)
        return model._baseline_prediction.ravel()

    def trees(self) -> Trees:
        """All of them, one after the other."""
        sizes = np.array([0, *map(len, self._nodes)]).cumsum()
        set_sizes = np.array([0, *map(len, self._sets)]).cumsum()
        found = [_tree(*each) for each in zip(self._nodes, sizes, set_sizes, strict=False)]
        none = np.zeros(0)
        joined = [np.concatenate([none, *parts]) for parts in zip(*found, strict=True)] or [none] * 6
        feature, left, right, category_set = (joined[i].astype(np.int32) for i in (0, 2, 3, 5))
        return Trees(
            roots=sizes[:-1].astype(np.int32),
            labels=np.array(self._labels, np.int32),
            feature=feature,
            value=joined[1],
            left=left,
            right=right,
            missing_left=joined[4].astype(bool),
            category_set=category_set,
            sets=np.concatenate([np.zeros((0, 8), np.uint32), *self._sets]),
        )


def _tree(nodes: np.ndarray, begin: int, first_set: int) -> tuple[np.ndarray, ...]:
    """Feature, value, left, right, missing_left and category_set of the nodes of one tree."""
    is_leaf = nodes["is_leaf"].astype(bool)
    return (
        np.where(is_leaf, LEAF, nodes["feature_idx"]),
        np.where(is_leaf, nodes["value"], nodes["num_threshold"]),
        nodes["left"].astype(np.int64) + begin,
        nodes["right"].astype(np.int64) + begin,
        nodes["missing_go_to_left"],
        np.where(nodes["is_categorical"].astype(bool) & ~is_leaf, nodes["bitset_idx"].astype(np.int64) + first_set, -1),
    )


def _sets(predictor: Any, known: list[np.ndarray]) -> np.ndarray:
    """The sets of categories that go left, by the categories' own numbers: uint32 [splits, 8]. One that the rows did
    not have goes the way of what is missing."""
    found = np.zeros((len(predictor.raw_left_cat_bitsets), 8), np.uint32)
    nodes = predictor.nodes
    for node in nodes[(nodes["is_categorical"] == 1) & (nodes["is_leaf"] == 0)]:
        theirs = _bits(predictor.raw_left_cat_bitsets[node["bitset_idx"]])
        goes_left = np.full(256, bool(node["missing_go_to_left"]))
        categories = known[node["feature_idx"]].astype(np.int64)
        goes_left[categories] = theirs[: len(categories)]
        found[node["bitset_idx"]] = np.packbits(goes_left, bitorder="little").view("<u4")
    return found


def _bits(words: np.ndarray) -> np.ndarray:
    """bool [256] of uint32 [8]."""
    return np.unpackbits(words.astype("<u4").view(np.uint8), bitorder="little").astype(bool)
