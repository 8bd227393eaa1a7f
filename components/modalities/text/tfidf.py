"""What a model has to beat: TF-IDF with a linear model."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np

from stillhouse.components.models.tfidf_linear import TfidfLinear
from stillhouse.components.targets.majority import majority

logger = logging.getLogger(__name__)

NUM_FEATURES = 50_000
"""Words that TF-IDF keeps, the most frequent first."""
REGULARISATION = 10.0
"""Inverse strength of the logistic regression's."""


def tfidf_linear(target: str, texts: Sequence[str], targets: np.ndarray, num_labels: int, seed: int) -> TfidfLinear:
    """Fit logistic regression (one against the rest for multi_label, ridge for number) on TF-IDF of words.

    Sublinear term frequency and light regularisation make it the strong baseline it usually is on long texts. A class
    or label without a training row is never answered; texts without a single word get the most frequent answer.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import Ridge

    words = TfidfVectorizer(sublinear_tf=True, max_features=NUM_FEATURES, token_pattern=r"\w+")
    try:
        features = words.fit_transform(texts)
    except ValueError as error:  # no text has a word: empty vocabulary
        logger.warning("TF-IDF finds no words (%s); it always gives the most frequent answer", error)
        return _wordless(target, majority(target, targets, num_labels, 1)[0])
    if target == "number":
        ridge = Ridge(random_state=seed).fit(features, targets)
        weights, bias = ridge.coef_[None, :], np.array([ridge.intercept_])
    elif target == "multi_label":
        weights, bias = _one_against_the_rest(features, targets >= 0.5, seed)
    else:
        weights, bias = _classes(features, targets, num_labels, seed)
    return TfidfLinear(target, words.get_feature_names_out().tolist(), words.idf_, weights, bias)


def _logistic(features: Any, targets: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients [planes, words] and intercepts [planes]."""
    from sklearn.linear_model import LogisticRegression

    # newton-cg is scikit-learn's quickest solver here that takes more than two classes.
    fitted = LogisticRegression(C=REGULARISATION, solver="newton-cg", random_state=seed).fit(features, targets)
    return fitted.coef_, fitted.intercept_


def _classes(features: Any, targets: np.ndarray, num_labels: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    known = np.unique(targets)
    weights, bias = np.zeros((num_labels, features.shape[1])), np.full(num_labels, -np.inf)
    bias[known] = 0.0
    if len(known) > 1:
        # Of two classes there is one plane, for the second: softmax of (0, z) is its sigmoid.
        planes, offsets = _logistic(features, targets, seed)
        answered = known[-len(planes) :]
        weights[answered], bias[answered] = planes, offsets
    return weights, bias


def _one_against_the_rest(features: Any, has: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    weights, bias = np.zeros((has.shape[1], features.shape[1])), np.zeros(has.shape[1])
    for label in range(has.shape[1]):
        mine = has[:, label]
        if mine.all() or not mine.any():
            bias[label] = np.inf if mine.all() else -np.inf
        else:
            planes, offsets = _logistic(features, mine, seed)
            weights[label], bias[label] = planes[0], offsets[0]
    return weights, bias


def _wordless(target: str, shares: np.ndarray) -> TfidfLinear:
    """Gives the same answer for every text: `shares`, as `majority` has them."""
    with np.errstate(divide="ignore"):
        bias = {
            "classes": lambda: np.log(shares),
            "multi_label": lambda: np.log(shares) - np.log(1 - shares),
            "number": lambda: shares,
        }[target]()
    return TfidfLinear(target, [], np.zeros(0), np.zeros((len(bias), 0)), bias)
