"""Areas under ROC curves against scikit-learn's, resample by resample."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from stillhouse.components.targets.resamples import blocks
from stillhouse.components.targets.roc_auc import RocAuc


def areas(scores: np.ndarray, true: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.concatenate([RocAuc(scores, true).under(block) for block in blocks(weights)])


def scikit_learns(scores: np.ndarray, true: np.ndarray, weights: np.ndarray) -> float:
    """The mean over the labels of which the resample drew rows of both kinds."""
    both = [i for i in range(true.shape[1]) if 0 < weights @ true[:, i] < weights.sum()]
    found = [roc_auc_score(true[:, i], scores[:, i], sample_weight=weights) for i in both]
    return float(np.mean(found)) if found else np.nan


@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(1, 5), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_every_resample_has_scikit_learns_area_with_ties_and_with_labels_that_it_did_not_draw(
    seed: int, rows: int, labels: int, decimals: int
) -> None:
    generator = np.random.default_rng(seed)
    scores = np.round(generator.random((rows, labels)), decimals)
    true = generator.random((rows, labels)) < generator.random(labels)
    weights = np.stack([np.bincount(generator.integers(0, rows, rows), minlength=rows) for _ in range(6)])
    expected = [scikit_learns(scores, true, drawn) for drawn in weights]
    assert areas(scores, true, weights) == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_one_resample_alone_has_the_area_that_it_has_among_others() -> None:
    generator = np.random.default_rng(1)
    scores, true = generator.random((50, 7)).round(1), np.arange(50)[:, None] % 7 == np.arange(7)
    weights = generator.integers(0, 3, (5, 50))
    assert areas(scores, true, weights).tolist() == [areas(scores, true, one[None])[0] for one in weights]


def test_two_labels_that_a_row_may_both_have_are_two_though_their_scores_add_up_to_one() -> None:
    scores, true = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[False, True], [True, True]])
    assert areas(scores, true, np.ones((1, 2))).tolist() == [1.0]


def test_scores_that_are_all_the_same_order_half_of_the_pairs() -> None:
    true = np.arange(12)[:, None] % 3 == np.arange(3)
    assert areas(np.full((12, 3), 0.2), true, np.ones((2, 12))).tolist() == [0.5, 0.5]


def test_rows_of_one_kind_have_no_area() -> None:
    assert np.isnan(areas(np.random.default_rng(0).random((4, 1)), np.ones((4, 1), bool), np.ones((2, 4)))).all()
