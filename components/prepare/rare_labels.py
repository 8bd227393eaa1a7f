"""Labels with too few rows to learn: which they are, why, and what becomes of their rows.

A split is a hash of the row's content, so that no row ever moves as the data grow; no rule that looks at a row alone
can promise that a label of few rows has some in every split. So a label needs rows to be learnt from, else it is rare;
one without a test row is learnt, and the card says that nothing is measured of it.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from stillhouse.components.formats.splits import LABELLED
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.prepare.splits import Dropped
from stillhouse.components.prepare.write_dataset import Prepared
from stillhouse.components.targets.parse import Targets
from stillhouse.components.tasks.interface.task import Task

OTHER = "other"
"""The class that rare ones become when asked."""
MAX_NAMED = 10
"""Labels that a note names; the card and dataset.json have all."""


@dataclass(frozen=True)
class RareLabel:
    """A label that has too few rows."""

    label: str
    rows: int
    """Rows of the source, with a text, that have it."""
    left: int
    """Of these, what copies and conflicts have left."""
    dropped: dict[str, int]
    """The others, by reason."""
    in_train: bool
    """Whether any is in train."""
    like: str
    """A frequent label that is spelt nearly so; empty where there is none."""

    def __str__(self) -> str:
        count = f"{self.rows:,} {'row' if self.rows == 1 else 'rows'}"
        if self.dropped:
            reasons = ", ".join(f"{reason} {rows:,}" for reason, rows in sorted(self.dropped.items()))
            count = f"{self.left:,} of {count} left, dropped were {reasons}"
        elif not self.in_train:
            count += ", none of them in train"
        return f"'{self.label}' ({count}{f'; a misspelling of {self.like!r}?' if self.like else ''})"


def label_rows(task: Task, targets: Targets) -> Counter[str]:
    """Rows of each label; empty where labels need no rows of their own."""
    found = Counter(targets.labels[i] for value in targets.values for i in task.label_indices(value))
    return Counter({label: found[label] for label in targets.labels}) if found else found


def too_few(counts: Counter[str], least: int) -> list[RareLabel]:
    """The labels that are rare before any row is dropped."""
    frequent = [label for label, rows in counts.items() if rows >= least]
    return [
        RareLabel(label, rows, rows, {}, True, _like(label, frequent)) for label, rows in counts.items() if rows < least
    ]


def find(prepared: Prepared, counts: Counter[str], dropped: Iterable[Dropped], least: int) -> list[RareLabel]:
    """The labels that are rare once the rows are parted, for their number or because none of them is in train.

    Args:
        counts: rows of each label before copies were dropped.
        dropped: the rows that were.
        least: rows that a label must have.
    """
    parted = {split: prepared.label_counts(split) for split in LABELLED}
    left = {label: sum(parted[split][label] for split in LABELLED) for label in counts}
    counted = [label for label in prepared.labels if label in left]
    rare = [label for label in counted if left[label] < least or not parted["train"][label]]
    if not rare:
        return []
    frequent = [label for label in prepared.labels if label not in set(rare)]
    reasons: dict[str, Counter[str]] = {label: Counter() for label in rare}
    for reason, row in dropped:
        for index in prepared.task.label_indices(row.target):
            if prepared.labels[index] in reasons:
                reasons[prepared.labels[index]][reason] += 1
    return [
        RareLabel(
            label, counts[label], left[label], dict(reasons[label]), parted["train"][label] > 0, _like(label, frequent)
        )
        for label in rare
    ]


def without(task: Task, targets: Targets, rare: Collection[str], other: bool) -> Targets:
    """Targets in which the labels `rare` are one, `other`, or in which their rows have them no more.

    A row that has no other label is one without a label; that it has none of the labels is not known.
    """
    names = [label for label in targets.labels if label not in rare]
    if other and OTHER not in names:
        names.append(OTHER)
    index = {name: i for i, name in enumerate(names)}
    place = [index.get(OTHER if other and label in rare else label) for label in targets.labels]
    values = [task.with_labels(value, place) for value in targets.values]
    return replace(targets, labels=names, values=values)


def listed(rare: Sequence[RareLabel], most: int) -> str:
    """The labels with their rows, the most frequent first."""
    ordered = sorted(rare, key=lambda one: (-one.rows, one.label))
    more = f" and {len(rare) - most:,} more" if len(rare) > most else ""
    return ", ".join(str(one) for one in ordered[:most]) + more


def spelt_alike(counts: Counter[str]) -> list[tuple[str, str]]:
    """Pairs of labels that differ in case, spaces, hyphens and underscores only, the more frequent one first."""
    seen: dict[str, str] = {}
    pairs = []
    for label, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        # The hyphen of a number is its sign.
        key = label if re.fullmatch(r"-?[\d.]+", label) else _plain(label)
        if key in seen:
            pairs.append((seen[key], label))
        else:
            seen[key] = label
    return pairs


def _like(label: str, frequent: Collection[str]) -> str:
    # `intent 12` and `intent 13` are two labels.
    letters = _letters(label)
    plain = {_plain(name): name for name in frequent if letters == label or _letters(name) != letters}
    close = get_close_matches(_plain(label), plain, n=1, cutoff=0.8)
    return plain[close[0]] if close and len(_plain(label)) > 2 else ""


def _letters(label: str) -> str:
    return "".join(character for character in label if not character.isdigit())


def _plain(label: str) -> str:
    return "".join(character for character in label.casefold() if not (character.isspace() or character in "-_"))


def part_without_rare(
    task: Task, targets: Targets, part: Callable[[Targets], tuple[Prepared, list[Dropped]]], settings: PrepareSettings
) -> Prepared:
    """Part the rows into splits with `part`, and again without the labels that are rare then.

    Without rare labels other copies may stay, so that it is repeated until none is rare. Where fewer than two labels
    would be left, or `rare_labels` is error, the rare ones stay: `check_coverage` ends the run.
    """
    counts, taken = label_rows(task, targets), list[RareLabel]()
    found = too_few(counts, settings.min_rows_per_label)
    prepared: Prepared | None = None
    while prepared is None or found:
        if found and settings.rare_labels != "error":
            # What is too rare even together has no label at all.
            other = settings.rare_labels == "other" and OTHER not in {one.label for one in found}
            fewer = without(task, targets, {one.label for one in found}, other)
            if len(fewer.labels) >= task.least_labels():
                targets, taken = fewer, taken + found
                counts.update({OTHER: sum(one.rows for one in found)} if other else {})
            elif prepared is not None:
                break
        prepared, dropped = part(targets)
        found = find(prepared, counts, dropped, settings.min_rows_per_label)
        if settings.rare_labels == "error":
            break
    return replace(
        prepared, rare=taken, too_rare=found, notes=[*targets.notes, *_notes(prepared, counts, taken, settings)]
    )


def _notes(prepared: Prepared, counts: Counter[str], taken: list[RareLabel], settings: PrepareSettings) -> list[str]:
    notes = []
    if taken:
        became = "of one class 'other'" if OTHER in prepared.labels else "without a label"
        notes.append(
            f"{len(taken):,} {'label has' if len(taken) == 1 else 'labels have'} fewer than "
            f"{settings.min_rows_per_label} rows or none in train; their rows count as rows {became}: "
            f"{listed(taken, MAX_NAMED)}. prepare.min_rows_per_label and prepare.rare_labels decide it."
        )
    tested = prepared.label_counts("test")
    unmeasured = [label for label in prepared.labels if label in counts and not tested[label]]
    if unmeasured and len(unmeasured) < len(prepared.labels):
        named = ", ".join(f"'{label}'" for label in unmeasured[:MAX_NAMED])
        more = f" and {len(unmeasured) - MAX_NAMED:,} more" if len(unmeasured) > MAX_NAMED else ""
        notes.append(f"No test row has the label {named}{more}: it is learnt, and nothing is measured of it.")
    alike = [(one, other) for one, other in spelt_alike(counts) if {one, other} <= set(prepared.labels)]
    if alike:
        pairs = "; ".join(f"'{one}' and '{other}'" for one, other in alike[:MAX_NAMED])
        notes.append(f"Labels that differ in case, spaces or hyphens only are kept apart: {pairs}.")
    return notes
