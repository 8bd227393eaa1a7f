"""The targets that are labels or a number: what a model's scores for them answer, how good that is, and what is guessed
without a model."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from stillhouse.components.targets.label_measures import (
    CLASS_MEASURES,
    ECE_BINS,
    NUMBER_MEASURES,
    SET_MEASURES,
    THRESHOLD,
    Decisions,
    bins_of,
    number_statistics,
    per_label,
)
from stillhouse.components.targets.majority import majority
from stillhouse.components.targets.measure import Measure, Statistics
from stillhouse.components.targets.unanswered import unanswered
from stillhouse.spelling import listed


@dataclass(frozen=True)
class Classes:
    """One of several labels: scores are probabilities, float [rows, labels], targets class indices [rows]."""

    labels: Sequence[str]
    kind: ClassVar[str] = "classes"
    least_labels: ClassVar[int] = 2
    """With fewer there is nothing to learn."""
    measures: ClassVar[tuple[Measure, ...]] = CLASS_MEASURES
    """The main one first. roc_auc is nan where no label has rows of both kinds."""
    told_measures: ClassVar[tuple[str, ...]] = (
        "f1_macro", "accuracy", "precision_macro", "recall_macro", "roc_auc", "ece",
    )  # fmt: skip
    """Those that the report's table has, in the order of its columns."""
    one_answer: ClassVar[bool] = True
    """Whether each row is given one label, so that answers make a matrix."""
    min_shared: ClassVar[int] = 2
    """Labels that two models must share to be compared: on rows of a single class each that always answers it is
    perfect."""
    answers_with: ClassVar[str] = "one of several labels"
    trivial_title: ClassVar[str] = "Majority answer"
    linear_title: ClassVar[str] = "logistic regression"
    """What `fit_linear` fits for it."""
    mistakes_are: ClassVar[str] = "The wrong answers that the student is surest of."
    is_sure: ClassVar[bool] = True
    """Whether an answer comes with a confidence."""

    def described(self) -> str:
        """What it answers with, for a sentence."""
        return f"{self.answers_with} ({listed(self.labels)})" if self.labels else self.answers_with

    @property
    def positive(self) -> int | None:
        """Of two classes the index of the one that is looked for; None of more."""
        return 1 if len(self.labels) == 2 else None

    def statistics(self, scores: np.ndarray, targets: np.ndarray) -> Decisions:
        """What the measures need of `scores`, float [rows, labels or more], and `targets`, int64 [rows] or float32
        [rows, labels]. An answer beyond the labels is wrong."""
        return Decisions.of(self.kind, scores, targets, len(self.labels))

    def errors(self, statistics: Statistics) -> np.ndarray:
        """float64 [rows]: 1 where a row is wrong, else 0."""
        return 1.0 - statistics["right"]

    def right(self, statistics: Statistics) -> np.ndarray | None:
        """bool [rows]: those answered right."""
        return statistics["right"]

    def per_label(self, statistics: Statistics) -> list[dict[str, str | float | int]]:
        """Precision, recall and F1 of each label and the number of rows that have it."""
        return per_label(statistics, self.labels)

    def never_answered(self, statistics: Statistics) -> list[str]:
        """Labels that rows have and the model gives none of them; the most frequent first."""
        rows, times = (statistics[name].sum(axis=0) for name in ("true", "answered"))
        order = np.argsort(-rows, kind="stable")
        return [self.labels[i] for i in order if rows[i] and not times[i]]

    def most_frequent(self, train_targets: np.ndarray, rows: int) -> np.ndarray:
        """The trivial baseline's scores, float64 [rows, labels]: the shares among the training rows."""
        return majority(self.kind, train_targets, len(self.labels), rows)

    def predictions(self, scores: np.ndarray) -> np.ndarray:
        """The answers: int64 [rows], the likeliest class of each."""
        return scores.argmax(axis=1)

    def with_wrong_answers(self, scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The scores, float [rows, labels], with a wrong answer in each row that has none, so that it counts against
        the model and every measure is a number: surely another class."""
        return _filled(scores, lambda: (targets[:, None] != _columns(scores)) / max(scores.shape[1] - 1, 1))

    def at_temperature(self, scores: np.ndarray, temperature: float) -> np.ndarray | None:
        """The probabilities, float64 [rows, labels], of logits divided by `temperature` that had `scores` before."""
        logits = np.log(np.clip(np.asarray(scores, np.float64), _LEAST, None)) / temperature
        found = np.exp(logits - logits.max(axis=1, keepdims=True))
        return found / found.sum(axis=1, keepdims=True)

    def badness(self, statistics: Statistics) -> np.ndarray:
        """The order of the worst mistakes, float [rows]: the confidence in a wrong answer, 0 for a right one."""
        return np.where(statistics["right"], 0.0, statistics["scores"].max(axis=1))

    def decisions(self, statistics: Statistics) -> tuple[np.ndarray, np.ndarray]:
        """Confidence, float64, and rightness, bool, of each decision, [rows, decisions]: a row is one."""
        return np.asarray(statistics["scores"], np.float64).max(axis=1, keepdims=True), statistics["right"][:, None]

    def reliability(self, statistics: Statistics) -> list[tuple[float, float, int]]:
        """Mean confidence, share of right answers and number of answers of each bin that holds any."""
        confidence, right = self.decisions(statistics)
        bins = bins_of(confidence)
        return [
            (float(confidence[here].mean()), float(right[here].mean()), int(here.sum()))
            for here in (bins == index for index in range(ECE_BINS))
            if here.any()
        ]

    def name_of(self, answer: Any) -> str:
        """One answer or target in words."""
        return self.labels[int(answer)]

    def rows(self, scores: np.ndarray) -> Iterator[dict[str, Any]]:
        """What predict adds to each row of `scores`, float [rows, labels]: `label` and its probability `score`."""
        for row in scores.tolist():
            best = max(range(len(row)), key=row.__getitem__)
            yield {"label": self.labels[best], "score": row[best]}


class LabelSets(Classes):
    """Any number of labels: scores are probabilities, float [rows, labels], targets multi-hot [rows, labels]."""

    kind = "multi_label"
    least_labels = 1
    measures = SET_MEASURES
    told_measures = ("f1_micro", "f1_macro", "accuracy", "roc_auc", "ece")
    min_shared = 1
    answers_with = "sets of labels"
    positive = None
    one_answer = False

    def predictions(self, scores: np.ndarray) -> np.ndarray:
        """The answers: bool [rows, labels], from a probability of 0.5 on."""
        return scores >= THRESHOLD

    def with_wrong_answers(self, scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """As for classes, float [rows, labels]: every label the other way round."""
        return _filled(scores, lambda: 1.0 - (targets >= THRESHOLD))

    def at_temperature(self, scores: np.ndarray, temperature: float) -> np.ndarray:
        """As for classes, float64 [rows, labels], of each label by itself."""
        sure = np.clip(np.asarray(scores, np.float64), _LEAST, 1 - _EPSILON)
        with np.errstate(over="ignore"):  # so sure that it is 0
            return 1 / (1 + ((1 - sure) / sure) ** (1 / temperature))

    def badness(self, statistics: Statistics) -> np.ndarray:
        """As for classes, float64 [rows], of the label of each row that is wrong most surely."""
        wrong, scores = statistics["true"] != statistics["answered"], statistics["scores"]
        return np.where(wrong, np.maximum(scores, 1 - scores), 0.0).max(axis=1)

    def decisions(self, statistics: Statistics) -> tuple[np.ndarray, np.ndarray]:
        """As for classes, float64 and bool [rows, labels]: a row has one for each label."""
        scores = np.asarray(statistics["scores"], np.float64)
        return np.maximum(scores, 1 - scores), statistics["true"] == statistics["answered"]

    def name_of(self, answer: Any) -> str:
        """The labels of a set, or `none`."""
        return ", ".join(label for label, has in zip(self.labels, answer, strict=True) if has >= THRESHOLD) or "none"

    def rows(self, scores: np.ndarray) -> Iterator[dict[str, Any]]:
        """What predict adds to each row of `scores`, float [rows, labels]: lists of labels and their probabilities."""
        for row in scores.tolist():
            given = [index for index, score in enumerate(row) if score >= THRESHOLD]
            yield {"label": [self.labels[index] for index in given], "score": [row[index] for index in given]}


@dataclass(frozen=True)
class Number:
    """A number: scores are values, float [rows, 1], targets numbers [rows]."""

    kind: ClassVar[str] = "number"
    labels: ClassVar[Sequence[str]] = ()
    least_labels: ClassVar[int] = 0
    measures: ClassVar[tuple[Measure, ...]] = NUMBER_MEASURES
    """The main one first."""
    told_measures: ClassVar[tuple[str, ...]] = ("r2", "mae")
    min_shared: ClassVar[int] = 0
    answers_with: ClassVar[str] = "numbers"
    trivial_title: ClassVar[str] = "Mean of the training rows"
    linear_title: ClassVar[str] = "ridge regression"
    mistakes_are: ClassVar[str] = "The answers that are furthest off."
    is_sure: ClassVar[bool] = False

    def described(self) -> str:
        """What it answers with, for a sentence."""
        return self.answers_with

    def statistics(self, scores: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
        """What the measures need of `scores`, float [rows, 1], and `targets`, float64 [rows]."""
        return number_statistics(scores, targets)

    def errors(self, statistics: Statistics) -> np.ndarray:
        """float64 [rows]: how far off each answer is."""
        return np.abs(statistics["answers"] - statistics["targets"])

    def right(self, statistics: Statistics) -> np.ndarray | None:
        """None in the place of bool [rows]: a number is nearer or further off."""
        return None

    def per_label(self, statistics: Statistics) -> list[dict[str, str | float | int]]:
        """None: a number has no labels."""
        return []

    def never_answered(self, statistics: Statistics) -> list[str]:
        """None, as above."""
        return []

    def most_frequent(self, train_targets: np.ndarray, rows: int) -> np.ndarray:
        """The trivial baseline's scores, float64 [rows, 1]: the mean of the training rows."""
        return majority(self.kind, train_targets, 1, rows)

    def predictions(self, scores: np.ndarray) -> np.ndarray:
        """The answers: float [rows]."""
        return scores[:, 0]

    def with_wrong_answers(self, scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The scores, float [rows, 1], with a number in each row that has none which is off by all that the targets,
        float64 [rows], span."""
        return _filled(scores, lambda: (targets + (float(np.ptp(targets)) or 1.0))[:, None])

    def at_temperature(self, scores: np.ndarray, temperature: float) -> np.ndarray | None:
        """None in the place of float64 [rows, labels]: a number comes without a probability."""
        return None

    def badness(self, statistics: Statistics) -> np.ndarray:
        """The order of the worst mistakes, float [rows]: how far off each answer is."""
        return self.errors(statistics)

    def name_of(self, answer: Any) -> str:
        """One answer or target in words."""
        return f"{float(answer):.4g}"

    def rows(self, scores: np.ndarray) -> Iterator[dict[str, Any]]:
        """What predict adds to each row of `scores`, float [rows, 1]: `value`."""
        return ({"value": value} for (value,) in scores.tolist())


_LEAST, _EPSILON = 1e-45, 6e-8
"""The least probability that float32 holds, and how near to 1 it comes."""
LabelTarget = Classes | Number


def label_target(kind: str, labels: Sequence[str]) -> LabelTarget:
    """The target that dataset.json and model.json call `classes`, `multi_label` or `number`."""
    return Number() if kind == "number" else {"classes": Classes, "multi_label": LabelSets}[kind](labels)


def _columns(scores: np.ndarray) -> np.ndarray:
    return np.arange(scores.shape[1])


def _filled(scores: np.ndarray, wrong: Callable[[], np.ndarray]) -> np.ndarray:
    """The scores with those of `wrong`, float [rows, labels], in the rows without an answer."""
    missing = unanswered(scores)
    return np.where(missing[:, None], wrong(), scores) if missing.any() else scores
