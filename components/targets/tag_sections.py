"""What a report shows of tags: label by label, which label is taken for which, and what was not read."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from stillhouse.components.reporting.matrix import matrix_table
from stillhouse.components.reporting.page import Section, Table
from stillhouse.components.targets.label_confusions import shown_matrix
from stillhouse.components.targets.label_sections import labels_section
from stillhouse.components.targets.measure import Statistics
from stillhouse.components.targets.tokens import WordTags

NONE = "none"
"""Words in no entity, and answers for words that were not read."""
MAX_PAIRS = 12


def tag_sections(target: WordTags, student: Statistics, evaluation: Mapping[str, Any]) -> list[Section]:
    """All that there is.

    Args:
        student: statistics of its answers, as `WordTags.statistics` gives them.
        evaluation: evaluation.json.
    """
    counted, confusion = ("entities" if target.has_entities else "words"), student["whole_confusion"]
    labels = [NONE, *target.labels]
    if not confusion[0].any() and not confusion[:, 0].any():
        labels, confusion = labels[1:], confusion[1:, 1:]
    names, counts = shown_matrix(confusion, labels)
    caption = "Words by their true label (rows) and the student's (columns); shaded by their share of the row."
    lead, tables = matrix_table(names, counts, caption), _pairs(labels, confusion)
    return [
        labels_section(evaluation, counted),
        Section("Where it errs", lead=lead, tables=tables, notes=_unread(student)),
    ]


def _unread(student: Statistics) -> list[str]:
    """What must be said of words that were not read."""
    unread, words = int(student["words_unread"].sum()), int(student["words"].sum())
    if not unread:
        return []
    return [
        f"{unread:,} of {words:,} words lie behind the end of what the student reads of a row and count as wrong; "
        "a larger loop.max_length reads more."
    ]


def _pairs(labels: list[str], confusion: np.ndarray) -> list[Table]:
    """The labels that are confused most; none where none is.

    Args:
        confusion: int64 [labels, labels].
    """
    wrong = confusion - np.diag(np.diag(confusion))
    order = np.argsort(-wrong, axis=None, kind="stable")[: min(MAX_PAIRS, int((wrong > 0).sum()))]
    rows = [
        [labels[true], labels[answered], int(wrong[true, answered]), f"{wrong[true, answered] / of:.0%}"]
        for true, answered in zip(*np.unravel_index(order, wrong.shape), strict=True)
        for of in [max(int(confusion[true].sum()), 1)]
    ]
    caption = "The labels that the student confuses most, and the share of the true label's words."
    return [Table(["True", "Answered", "words", "of its words"], rows, caption)] if rows else []
