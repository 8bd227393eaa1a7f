"""What a model has to beat: TF-IDF with a linear model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

NUM_FEATURES = 50_000
"""Words that TF-IDF keeps, the most frequent first."""


@dataclass(frozen=True)
class Linear:
    """A fitted TF-IDF baseline."""

    score: Callable[[Sequence[str]], np.ndarray]
    """Texts to float64 [rows, labels]."""
    parameters: int


def tfidf_linear(target: str, texts: Sequence[str], targets: np.ndarray, num_labels: int, seed: int) -> Linear:
    """Fit logistic regression (one against the rest for multi_label, ridge for number) on TF-IDF of words.

    Sublinear term frequency and light regularisation make it the strong baseline it usually is on long texts.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.multiclass import OneVsRestClassifier

    words = TfidfVectorizer(sublinear_tf=True, max_features=NUM_FEATURES, token_pattern=r"\w+")
    features = words.fit_transform(texts)
    if target == "number":
        model: Any = Ridge(random_state=seed).fit(features, targets)
        return Linear(lambda rows: model.predict(words.transform(rows))[:, None], features.shape[1] + 1)
    # newton-cg is scikit-learn's quickest solver here that takes more than two classes.
    logistic = LogisticRegression(C=10.0, solver="newton-cg", random_state=seed)
    if target == "multi_label":
        model = OneVsRestClassifier(logistic).fit(features, targets >= 0.5)
    else:
        model = logistic.fit(features, targets)
    known = np.arange(num_labels) if target == "multi_label" else model.classes_

    def score(rows: Sequence[str]) -> np.ndarray:
        # A class without a training row gets probability zero.
        scores = np.zeros((len(rows), num_labels))
        scores[:, known] = model.predict_proba(words.transform(rows))
        return scores

    num_planes = 1 if target == "classes" and len(known) == 2 else len(known)
    return Linear(score, num_planes * (features.shape[1] + 1))
