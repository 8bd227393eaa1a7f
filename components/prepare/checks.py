"""What must hold for a dataset to be handed on; a limit that does not ends the run with one sentence."""

from collections.abc import Mapping

from stillhouse.components.formats.splits import LABELLED, Split
from stillhouse.components.prepare.rare_labels import listed
from stillhouse.components.prepare.rows import FORGOTTEN
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.prepare.write_dataset import Prepared
from stillhouse.errors import UserError


def check_rows(prepared: Prepared, settings: PrepareSettings) -> None:
    """Enough rows with a label, and not too many dropped.

    Raises:
        UserError: `min_rows` or `max_dropped` does not hold.
    """
    source = settings.source
    dropped = sum(rows for reason, rows in prepared.dropped.items() if reason != FORGOTTEN)
    labelled = sum(row.target is not None for rows in prepared.splits.values() for row in rows)
    if labelled < settings.min_rows:
        raise UserError(
            f"{source}: {labelled} rows with a label are left of {prepared.read} rows, and prepare.min_rows is "
            f"{settings.min_rows}; add rows, or lower it{_most_dropped(prepared)}{_rare(prepared)}."
        )
    share = dropped / prepared.read
    if share > settings.max_dropped:
        raise UserError(
            f"{source}: {dropped} of {prepared.read} rows ({share:.1%}) are dropped, and prepare.max_dropped is "
            f"{settings.max_dropped:.1%}; clean the source, or raise that{_most_dropped(prepared)}."
        )


def check_coverage(prepared: Prepared, settings: PrepareSettings) -> None:
    """Two targets at least, rows in each split, no label too rare, and what can be compared in test.

    Raises:
        UserError: one of these does not hold.
    """
    source, rows = settings.source, prepared.rows
    column = f"{source}, column '{prepared.target_name}'"
    targets = {row.target for row in prepared.labelled}
    if len(targets) == 1 and (what := prepared.task.why_one(targets.pop())):
        raise UserError(f"{column}: the {len(prepared.labelled)} rows left hold one {what}; add rows of another one.")
    counts = ", ".join(f"{split} {rows[split]}" for split in LABELLED)
    for split in LABELLED:
        if not rows[split]:
            raise UserError(f"{source}: no row is left for the split {split} ({counts}); {_mend(split, settings)}.")
    if prepared.too_rare:
        _refuse_rare(prepared, settings, column)
    tested = [label for label, found in prepared.label_counts("test").items() if found]
    if what := prepared.task.why_untested(tested):
        raise UserError(
            f"{column}: all {rows['test']} rows of the split test have {what}, by which nothing can be compared; "
            f"{_mend('test', settings)}."
        )


MAX_NAMED = 100
"""Labels that a refusal names."""


def _refuse_rare(prepared: Prepared, settings: PrepareSettings, column: str) -> None:
    least, labels = settings.min_rows_per_label, len(prepared.too_rare)
    mend = "add rows, correct the labels, or lower prepare.min_rows_per_label"
    if settings.rare_labels == "error":
        mend = f"{mend}, or set prepare.rare_labels to unlabelled or other"
    else:
        mend = f"without {'it' if labels == 1 else 'them'} fewer than two labels are left: {mend}"
    raise UserError(
        f"{column}: {labels} {'label has' if labels == 1 else 'labels have'} fewer than {least} rows or none in train, "
        f"{listed(prepared.too_rare, MAX_NAMED)}; {mend}."
    )


def check_drift(drift: Mapping[str, float], settings: PrepareSettings) -> None:
    """Near enough to the dataset of the last promoted model.

    Raises:
        UserError: `max_drift` does not hold.
    """
    largest = max(drift, key=lambda name: drift[name])
    if drift[largest] > settings.max_drift:
        raise UserError(
            f"{settings.source}: the {largest} lie {drift[largest]:.3f} (Jensen-Shannon distance) away from "
            f"the last promoted model's dataset, and prepare.max_drift is {settings.max_drift}; look into the "
            "source, or raise that."
        )


def _mend(split: Split, settings: PrepareSettings) -> str:
    if settings.columns.split:
        return f"put rows into it in '{settings.columns.split}'"
    return "add rows" if split == "train" else f"add rows, or raise splits.{split}"


def _rare(prepared: Prepared) -> str:
    rows = sum(rare.left for rare in prepared.rare)
    return f" ({rows} rows have rare labels, see prepare.min_rows_per_label)" if rows else ""


def _most_dropped(prepared: Prepared) -> str:
    if not prepared.dropped:
        return ""
    reason, rows = max(prepared.dropped.items(), key=lambda item: item[1])
    return f" (most were dropped as {reason}: {rows})"
