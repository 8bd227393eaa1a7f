"""What a report shows of labels and numbers: label by label, confusions, ROC curves, calibration."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from stillhouse.components.reporting import charts
from stillhouse.components.reporting.matrix import matrix_table
from stillhouse.components.reporting.page import Badge, Card, Section, Table
from stillhouse.components.targets.label_confusions import confused_pairs, confusion, shown_matrix
from stillhouse.components.targets.label_curves import RocCurve, roc_curve
from stillhouse.components.targets.labels import Classes, LabelTarget, Number
from stillhouse.components.targets.measure import Statistics

MAX_LABELS = 60
"""Labels that are listed."""
MAX_PAIRS_WITH_EXAMPLES = 6
MAX_DOTS = 1000
"""Rows, evenly taken, that are drawn of a number's answers."""


def label_sections(
    target: LabelTarget,
    statistics: Mapping[str, Statistics],
    evaluation: Mapping[str, Any],
    name: Callable[[str], str],
    show: Callable[[int], str],
) -> list[Section]:
    """All that there is for a target.

    Args:
        statistics: of the student, and of the other models whose ROC curves are drawn.
        evaluation: evaluation.json.
        name: of a model, for a picture.
        show: an example, by its row.
    """
    student, metrics = statistics["student"], evaluation["models"]["student"]["metrics"]
    if isinstance(target, Number):
        return [_numbers(student)]
    curves = roc_curves(target, statistics) if "roc_auc" in metrics else {}
    return [
        labels_section(evaluation),
        _errors(target, student, {name(model): curve for model, curve in curves.items()}, metrics),
        *_confusions(target.labels, student, show),
    ]


def roc_curves(target: Classes, statistics: Mapping[str, Statistics]) -> dict[str, RocCurve]:
    """The ROC curve of each model."""
    return {model: roc_curve(found, target.positive) for model, found in statistics.items()}


def labels_section(evaluation: Mapping[str, Any], counted: str = "test rows") -> Section:
    """The student on each label, those first that cost it most.

    Args:
        evaluation: evaluation.json.
        counted: what `rows` of a label are.
    """
    models, never_answered = evaluation["models"], set(evaluation["never_answered"])
    pairs = list(zip(models["student"]["per_label"], models["teacher"]["per_label"], strict=True))
    total = sum(row["rows"] for row, _ in pairs) or 1
    pairs.sort(key=lambda pair: -_lost(pair[0]))
    rows = [
        [
            row["label"],
            row["rows"],
            f"{_lost(row) / total:.4f}",
            "never answered" if row["label"] in never_answered else f"{row['precision']:.3f}",
            row["recall"],
            row["f1"],
            theirs["f1"],
        ]
        for row, theirs in pairs[:MAX_LABELS]
    ]
    headers = ["Label", counted, "F1 lost", "precision", "recall", "F1", "teacher's F1"]
    caption = "Those first that cost most: F1 lost is 1 - F1, weighted by the label's share of the rows."
    if len(pairs) > MAX_LABELS:
        caption += f" The other {len(pairs) - MAX_LABELS:,} labels are in evaluation.json."
    return Section("Label by label", tables=[Table(headers, rows, caption)])


def _lost(row: Mapping[str, Any]) -> float:
    return (1 - row["f1"]) * row["rows"]


def _errors(
    target: Classes, statistics: Statistics, curves: Mapping[str, RocCurve], metrics: Mapping[str, Any]
) -> Section:
    """Confusions, ROC curves and calibration; `statistics` and `metrics` are the student's."""
    pictures: list[Any] = []
    if curves:
        drawn = {name: (curve.false_positive, curve.true_positive) for name, curve in curves.items()}
        which = "micro-average" if target.positive is None else f"positive: {target.labels[target.positive]}"
        pictures.append(charts.roc_curve(drawn, title=f"ROC curves ({which})"))
    confidences, accuracies, rows = zip(*target.reliability(statistics), strict=True)
    title = f"Student's calibration (ECE {metrics['ece']['value']:.3f})"
    pictures.append(charts.reliability(confidences, accuracies, rows, title=title))
    lead = _matrix(confusion(statistics), target.labels) if target.one_answer else ""
    return Section("Where it errs", charts=pictures, lead=lead)


def _matrix(matrix: np.ndarray, labels: Sequence[str]) -> str:
    names, counts = shown_matrix(matrix, labels)
    caption = "The student's answers: rows are true labels, columns answered ones; shaded by their share of the row."
    if len(labels) > len(names):
        caption += f" The {len(names) - 1} labels that are confused most; the others stand together."
    elif names != list(labels):
        caption += " Labels that are confused stand side by side."
    return matrix_table(names, counts, caption)


def _confusions(labels: Sequence[str], statistics: Statistics, show: Callable[[int], str]) -> list[Section]:
    """The pairs of labels that the student confuses most, with examples; none where it confuses none."""
    confused = confused_pairs(labels, statistics)
    if not confused:
        return []
    table = Table(
        ["True", "Answered", "rows", "of its rows", "reverse"],
        [[pair.true, pair.answered, pair.rows, f"{pair.rows / max(pair.of, 1):.0%}", pair.back] for pair in confused],
        "The student's most frequent confusions, their share of the true label's rows, and rows the other way round.",
    )
    cards = [
        Card([Badge(f"true: {pair.true}", "good"), Badge(f"student: {pair.answered}", "bad")], show(row))
        for pair in confused[:MAX_PAIRS_WITH_EXAMPLES]
        for row in pair.examples
    ]
    return [Section("Most confused", tables=[table], cards=cards)]


def _numbers(statistics: Statistics) -> Section:
    """A number's answers against the truth."""
    every = -(-len(statistics["targets"]) // MAX_DOTS)
    true, answered = (statistics[name][::every].tolist() for name in ("targets", "answers"))
    title = f"True against answered, {len(true):,} rows"
    return Section("Where it errs", charts=[charts.scatter(true, answered, title=title, x="true", y="answered")])
