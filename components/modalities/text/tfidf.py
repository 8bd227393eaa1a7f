"""What a model has to beat: TF-IDF with a linear model."""

import logging
from collections.abc import Sequence

import numpy as np

from stillhouse.components.modalities.linear import fit_linear
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

    Args:
        targets: of the texts, int64 [rows], float32 [rows, labels] or float64 [rows].
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(sublinear_tf=True, max_features=NUM_FEATURES, token_pattern=r"\w+")
    try:
        features = words.fit_transform(texts)
    except ValueError as error:  # no text has a word: empty vocabulary
        logger.warning("TF-IDF finds no words (%s); it always gives the most frequent answer", error)
        return _wordless(target, majority(target, targets, num_labels, 1)[0])
    weights, bias = fit_linear(target, features, targets, num_labels, seed, REGULARISATION)
    return TfidfLinear(target, words.get_feature_names_out().tolist(), words.idf_, weights, bias)


def _wordless(target: str, shares: np.ndarray) -> TfidfLinear:
    """Gives the same answer for every text: `shares`, as `majority` has them."""
    with np.errstate(divide="ignore"):
        bias = {
            "classes": lambda: np.log(shares),
            "multi_label": lambda: np.log(shares) - np.log(1 - shares),
            "number": lambda: shares,
        }[target]()
    return TfidfLinear(target, [], np.zeros(0), np.zeros((len(bias), 0)), bias)
