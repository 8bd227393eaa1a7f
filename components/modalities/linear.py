"""Linear models by scikit-learn, the last step of strong baselines."""

from typing import Any

import numpy as np


def fit_linear(
    target: str, features: Any, targets: np.ndarray, num_labels: int, seed: int, regularisation: float
) -> tuple[np.ndarray, np.ndarray]:
    """Weights float64 [labels, features] and bias [labels] of logistic regression (one against the rest for
    multi_label, ridge for number). A class or label without a row is never answered: its bias is minus infinity.

    Args:
        target: classes, multi_label or number.
        features: [rows, features], dense or sparse.
        targets: int64 [rows], float32 [rows, labels] or float64 [rows].
        num_labels: classes that there are.
        seed: of the solver.
        regularisation: inverse strength of the logistic regression's.
    """
    if target == "number":
        from sklearn.linear_model import Ridge

        ridge = Ridge(random_state=seed).fit(features, targets)
        return ridge.coef_[None, :], np.array([ridge.intercept_])
    if target == "multi_label":
        return _one_against_the_rest(features, targets >= 0.5, seed, regularisation)
    return _classes(features, targets, num_labels, seed, regularisation)


def _logistic(features: Any, targets: np.ndarray, seed: int, regularisation: float) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients [planes, features] and intercepts [planes]."""
    from sklearn.linear_model import LogisticRegression

    # newton-cg is scikit-learn's quickest solver here that takes more than two classes.
    fitted = LogisticRegression(C=regularisation, solver="newton-cg", random_state=seed).fit(features, targets)
    return fitted.coef_, fitted.intercept_


def _classes(
    features: Any, targets: np.ndarray, num_labels: int, seed: int, regularisation: float
) -> tuple[np.ndarray, np.ndarray]:
    known = np.unique(targets)
    weights, bias = np.zeros((num_labels, features.shape[1])), np.full(num_labels, -np.inf)
    bias[known] = 0.0
    if len(known) > 1:
        # Of two classes there is one plane, for the second: softmax of (0, z) is its sigmoid.
        planes, offsets = _logistic(features, targets, seed, regularisation)
        answered = known[-len(planes) :]
        weights[answered], bias[answered] = planes, offsets
    return weights, bias


def _one_against_the_rest(
    features: Any, has: np.ndarray, seed: int, regularisation: float
) -> tuple[np.ndarray, np.ndarray]:
    weights, bias = np.zeros((has.shape[1], features.shape[1])), np.zeros(has.shape[1])
    for label in range(has.shape[1]):
        mine = has[:, label]
        if mine.all() or not mine.any():
            bias[label] = np.inf if mine.all() else -np.inf
        else:
            planes, offsets = _logistic(features, mine, seed, regularisation)
            weights[label], bias[label] = planes[0], offsets[0]
    return weights, bias
