"""The baselines learn what they should, for every kind of target."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from stillhouse.components.modalities.text.tfidf import tfidf_linear
from stillhouse.components.targets.majority import majority

EMAILS = Path(__file__).parents[4] / "pipelines/recipes/data/spam-assassin.parquet"
TEXTS = ["cheap pills now", "meeting at noon", "pills for you", "notes of the meeting"] * 5


def test_the_majority_answer_is_the_share_of_each_class() -> None:
    scores = majority("classes", np.array([0, 0, 0, 1]), 3, 2)
    assert scores.tolist() == [[0.75, 0.25, 0], [0.75, 0.25, 0]]


def test_the_majority_answer_for_label_sets_is_the_share_of_each_label() -> None:
    assert majority("multi_label", np.array([[1, 0], [1, 1]]), 2, 1).tolist() == [[1, 0.5]]


def test_the_majority_answer_for_numbers_is_the_mean() -> None:
    assert majority("number", np.array([1.0, 2.0, 6.0]), 0, 2).tolist() == [[3], [3]]


def test_tfidf_learns_classes_and_counts_its_parameters() -> None:
    linear = tfidf_linear("classes", TEXTS, np.array([1, 0, 1, 0] * 5), 2, seed=1)
    scores = linear.score(["some pills", "a meeting"])
    assert scores.argmax(axis=1).tolist() == [1, 0]
    assert scores.sum(axis=1) == pytest.approx([1, 1])
    assert linear.parameters == 2 * (len(set(" ".join(TEXTS).split())) + 1)


def test_a_class_without_training_rows_has_probability_zero() -> None:
    linear = tfidf_linear("classes", TEXTS, np.array([2, 0, 2, 0] * 5), 3, seed=1)
    scores = linear.score(["some pills", "a meeting"])
    assert scores.argmax(axis=1).tolist() == [2, 0]
    assert scores[:, 1].tolist() == [0, 0]


def test_tfidf_learns_label_sets() -> None:
    targets = np.array([[1.0, 1.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]] * 5)
    scores = tfidf_linear("multi_label", TEXTS, targets, 2, seed=1).score(["cheap pills now"])
    assert scores.shape == (1, 2)
    assert (scores > 0.5).tolist() == [[True, True]]


def test_tfidf_learns_numbers() -> None:
    linear = tfidf_linear("number", TEXTS, np.array([9.0, 1.0, 9.0, 1.0] * 5), 0, seed=1)
    pills, meeting = linear.score(["cheap pills", "meeting notes"])[:, 0]
    assert pills > 6
    assert meeting < 4


def test_its_answers_are_those_of_scikit_learn() -> None:
    """For classes, label sets and numbers, on real emails; the words of the second half are partly unknown."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.multiclass import OneVsRestClassifier

    table = pq.read_table(EMAILS, columns=["subject", "body"]).take(list(range(0, 6000, 20))).to_pylist()
    texts = [f"{row['subject']}\n{row['body'][:3000]}" for row in table]
    sizes = np.array([len(text) for text in texts], dtype=np.float64)
    classes = np.digitize(sizes, [700, 1500])
    sets = np.stack([sizes > 700, sizes < 1500, ["http" in text for text in texts]], axis=1).astype(np.float64)
    train, test = texts[:150], texts[150:]
    words = TfidfVectorizer(sublinear_tf=True, max_features=50_000, token_pattern=r"\w+")
    features, asked = words.fit_transform(train), words.transform(test)
    logistic = LogisticRegression(C=10.0, solver="newton-cg", random_state=1)
    answers = {
        "classes": logistic.fit(features, classes[:150]).predict_proba(asked),
        "multi_label": OneVsRestClassifier(logistic).fit(features, sets[:150]).predict_proba(asked),
        "number": Ridge(random_state=1).fit(features, sizes[:150]).predict(asked)[:, None],
    }
    for target, targets in (("classes", classes), ("multi_label", sets), ("number", sizes)):
        found = tfidf_linear(target, train, targets[:150], 0 if target == "number" else 3, seed=1).score(test)
        assert found == pytest.approx(answers[target], rel=1e-6, abs=1e-6)


def test_texts_without_a_word_get_the_most_frequent_answer() -> None:
    rows = ["!!", "?", "...", "-"]
    scores = tfidf_linear("classes", rows, np.array([0, 0, 0, 2]), 3, seed=1).score(["words", "!"])
    assert scores == pytest.approx(np.array([[0.75, 0, 0.25]] * 2))
    sets = tfidf_linear("multi_label", rows, np.array([[1.0, 0], [1, 1], [1, 0], [1, 0]]), 2, seed=1).score(["!"])
    assert sets == pytest.approx(np.array([[1, 0.25]]))
    assert tfidf_linear("number", rows, np.array([1.0, 2, 3, 6]), 0, seed=1).score(["!"]).tolist() == [[3]]


def test_a_label_that_all_rows_have_is_always_answered_and_one_that_none_has_never() -> None:
    targets = np.array([[1.0, 0.0, 1.0], [1.0, 0.0, 0.0]] * 10)
    scores = tfidf_linear("multi_label", TEXTS, targets, 3, seed=1).score(["cheap pills", "meeting"])
    assert scores[:, :2].tolist() == [[1, 0], [1, 0]]
    assert (scores[:, 2] > 0.5).tolist() == [True, False]


def test_rows_of_one_class_alone_are_no_failure() -> None:
    scores = tfidf_linear("classes", TEXTS, np.ones(20, dtype=np.int64), 2, seed=1).score(["cheap pills"])
    assert scores.tolist() == [[0, 1]]
