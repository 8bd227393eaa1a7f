"""Measures against scikit-learn's on random data."""

from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from measuring import measure
from sklearn import metrics as sklearn

from stillhouse.components.targets.labels import Classes, Number, label_target

LABELS = ["ash", "birch", "cedar", "date"]


def classes(rows: int, num_labels: int, seed: int = 0, decimals: int = 9) -> tuple[np.ndarray, np.ndarray]:
    """Scores that lean to the truth, and targets in which every class occurs; few decimals make ties."""
    generator = np.random.default_rng(seed)
    targets = np.arange(rows) % num_labels
    logits = generator.normal(size=(rows, num_labels)) + 1.2 * (targets[:, None] == np.arange(num_labels))
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return np.round(scores, decimals), targets


@pytest.mark.parametrize("num_labels", [2, 4])
@pytest.mark.parametrize("average", ["macro", "micro"])
def test_precision_recall_and_f1_of_classes_are_scikit_learns(
    num_labels: int, average: Literal["macro", "micro"]
) -> None:
    scores, targets = classes(97, num_labels)
    ours = measure("classes", scores, targets, LABELS[:num_labels])
    theirs = sklearn.precision_recall_fscore_support(targets, scores.argmax(axis=1), average=average)
    assert [ours[f"{name}_{average}"] for name in ("precision", "recall", "f1")] == pytest.approx(theirs[:3])


@given(seed=st.integers(0, 10_000), rows=st.integers(4, 40), decimals=st.integers(1, 3))
@settings(max_examples=30, deadline=None)
def test_binary_roc_auc_is_scikit_learns_with_ties(seed: int, rows: int, decimals: int) -> None:
    scores, targets = classes(rows, 2, seed, decimals)
    expected = sklearn.roc_auc_score(targets, scores[:, 1])
    scores[:, 0] = 1 - scores[:, 1]
    assert measure("classes", scores, targets, LABELS[:2])["roc_auc"] == pytest.approx(expected)


def test_roc_auc_of_many_classes_is_the_macro_mean_of_one_against_the_rest() -> None:
    scores, targets = classes(120, 4)
    theirs = sklearn.roc_auc_score(targets, scores / scores.sum(axis=1, keepdims=True), multi_class="ovr")
    assert measure("classes", scores, targets, LABELS)["roc_auc"] == pytest.approx(theirs)


def test_resampled_roc_auc_is_scikit_learns_with_the_weights_as_sample_weights() -> None:
    scores, targets = classes(60, 2)
    weights = np.random.default_rng(1).integers(0, 4, (3, 60)).astype(float)
    (roc_auc,) = (each for each in Classes.measures if each.name == "roc_auc")
    ours = roc_auc.value(Classes(LABELS[:2]).statistics(scores, targets), weights)
    assert ours == pytest.approx([sklearn.roc_auc_score(targets, scores[:, 1], sample_weight=w) for w in weights])


@pytest.mark.parametrize("target", ["classes", "multi_label", "number"])
def test_a_resample_is_measured_as_its_rows_written_out_would_be(target: str) -> None:
    generator = np.random.default_rng(5)
    scores, targets = classes(40, 3)
    if target == "multi_label":
        targets = (generator.random((40, 3)) < 0.4).astype(np.float32)
    if target == "number":
        scores, targets = generator.normal(size=(40, 1)), generator.normal(size=40)
    drawn = generator.integers(0, 40, 40)
    weights = np.bincount(drawn, minlength=40)[None, :].astype(float)
    kind = label_target(target, LABELS[:3])
    statistics = kind.statistics(scores, targets)
    resampled = {each.name: each.value(statistics, weights)[0] for each in kind.measures}
    written_out = measure(target, scores[drawn], targets[drawn], LABELS[:3])
    assert resampled == pytest.approx(written_out)


def test_the_calibration_error_is_the_one_worked_out_by_hand() -> None:
    # Two rows of confidence 0.9 with one right, two of 0.6 with both right:
    # (2 * |0.5 - 0.9| + 2 * |1 - 0.6|) / 4.
    scores = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]])
    assert measure("classes", scores, np.array([0, 1, 0, 0]), LABELS[:2])["ece"] == pytest.approx(0.4)


def test_reliability_bins_hold_every_answer_once_and_make_up_the_calibration_error() -> None:
    scores, targets = classes(200, 4)
    target = Classes(LABELS)
    bins = target.reliability(target.statistics(scores, targets))
    ece = sum(rows * abs(right - confidence) for confidence, right, rows in bins) / 200
    assert sum(rows for *_, rows in bins) == 200
    assert ece == pytest.approx(measure("classes", scores, targets, LABELS)["ece"])


def test_a_class_missing_from_a_subset_does_not_count_in_the_macro_means() -> None:
    scores, targets = classes(60, 3)
    subset = (targets != 2) & (scores.argmax(axis=1) != 2)
    ours = measure("classes", scores[subset], targets[subset], LABELS[:3])
    theirs = sklearn.f1_score(targets[subset], scores[subset].argmax(axis=1), average="macro")
    assert ours["f1_macro"] == pytest.approx(theirs)


def test_roc_auc_is_left_out_when_only_one_class_occurs() -> None:
    scores, _ = classes(10, 2)
    ours = measure("classes", scores, np.zeros(10, dtype=int), LABELS[:2])
    assert "roc_auc" not in ours
    assert "f1_macro" in ours


def test_measures_of_label_sets_are_scikit_learns() -> None:
    generator = np.random.default_rng(2)
    targets = generator.random((80, 3)) < 0.4
    scores = np.clip(generator.random((80, 3)) * 0.7 + 0.3 * targets, 0, 1)
    ours = measure("multi_label", scores, targets.astype(np.float32), LABELS[:3])
    answers = scores >= 0.5
    assert ours["f1_micro"] == pytest.approx(sklearn.f1_score(targets, answers, average="micro"))
    assert ours["f1_macro"] == pytest.approx(sklearn.f1_score(targets, answers, average="macro"))
    assert ours["accuracy"] == pytest.approx(sklearn.accuracy_score(targets, answers))
    assert ours["roc_auc"] == pytest.approx(sklearn.roc_auc_score(targets, scores))


def test_measures_of_numbers_are_scikit_learns_even_far_from_zero() -> None:
    generator = np.random.default_rng(3)
    targets = 1e6 + generator.normal(size=50)
    scores = (targets + 0.3 * generator.normal(size=50))[:, None]
    ours = measure("number", scores, targets, [])
    assert ours["r2"] == pytest.approx(sklearn.r2_score(targets, scores[:, 0]))
    assert ours["mae"] == pytest.approx(sklearn.mean_absolute_error(targets, scores[:, 0]))


def test_per_label_is_scikit_learns_report() -> None:
    scores, targets = classes(90, 3)
    theirs: Any = sklearn.classification_report(
        targets, scores.argmax(axis=1), target_names=LABELS[:3], output_dict=True, zero_division=0
    )
    target = Classes(LABELS[:3])
    for row in target.per_label(target.statistics(scores, targets)):
        expected = theirs[row["label"]]
        assert [row["precision"], row["recall"], row["f1"], row["rows"]] == pytest.approx(
            [expected["precision"], expected["recall"], expected["f1-score"], expected["support"]]
        )


def test_numbers_have_no_labels_to_report() -> None:
    assert Number().per_label(Number().statistics(np.zeros((3, 1)), np.zeros(3))) == []


def test_of_errors_less_is_better_and_of_all_else_more() -> None:
    less = {each.name for kind in (Classes, Number) for each in kind.measures if not each.greater_is_better}
    assert less == {"mae", "ece"}
