"""The data card: what is in the dataset, what was left out and why."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stillhouse.components.artifacts.base_facts import BaseFacts
from stillhouse.components.artifacts.worth import ExpectedGain
from stillhouse.components.formats.splits import LABELLED
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.prepare.write_dataset import Prepared
from stillhouse.components.targets.data_card import MAX_LABELS
from stillhouse.components.tasks.interface.task import Task

if TYPE_CHECKING:
    from stillhouse.components.reporting.page import Section

MAX_RARE = 50
"""Rare labels that are listed; the rest is in dataset.json."""
MAX_PAIRS = 5
"""Near copies shown for each reason."""
MAX_EXAMPLES = 3
"""Training rows shown for each label."""
REASONS = {
    "conflicting_label": "the same {noun} has different labels; all its rows go",
    "forgotten": "it was given to `stillhouse forget`: no dataset holds it any more",
    "no_time": "it has a label and no time by which it could be placed",
    "duplicate": "exact copy of a row that stays",
    "near_duplicate": "nearly equals a row of its own split that stays",
    "overlaps_test": "equals or nearly equals a test row",
    "overlaps_validation": "equals or nearly equals a validation row",
}
"""Reasons for which rows of every kind of problem are dropped; a task explains its own."""


def write_card(path: Path, prepared: Prepared, settings: PrepareSettings, description: Mapping[str, Any]) -> None:
    """Write the card as one HTML file; `description` is what dataset.json says beside the counts."""
    from stillhouse.components.reporting.page import Badge, write_page

    sections = [
        _overview(prepared, settings, description),
        _targets(prepared, description["statistics"]),
        prepared.task.size_section(description["statistics"]),
        _dropped(prepared),
        _no_values(description["no_values"]),
        _copies(prepared, settings),
        _examples(prepared),
    ]
    if prepared.rare:
        sections.insert(2, _rare_labels(prepared))
    if prepared.replayed:
        sections.insert(1, _replayed(prepared))
    if description["drift"]:
        sections.insert(1, _drift(description["drift"], settings))
    if description["expected"]:
        sections.insert(1, _worth(ExpectedGain(**description["expected"]), settings))
    digest = description["content_digest"]
    write_page(
        path,
        f"Data card of {Path(settings.source).name}",
        f"{settings.source}, dataset {digest[:12]}",
        [section for section in sections if section is not None],
        [Badge(settings.task), Badge(prepared.kind.replace("_", "-"))],
    )


def _overview(prepared: Prepared, settings: PrepareSettings, description: Mapping[str, Any]) -> "Section":
    from stillhouse.components.reporting.page import Section, Table, Tile

    dropped, rows = sum(prepared.dropped.values()), prepared.rows
    share = dropped / prepared.read
    facts = [
        ("source digest", description["source_digest"]),
        ("content digest", description["content_digest"]),
        *_columns(prepared.task),
        ("splits", _how_split(prepared, settings)),
        ("near copies from", _near_copies_from(prepared.task, settings)),
        *_files(description["files"]),
        *((f"base {base['address']}", " ".join(BaseFacts(**base).lines())) for base in description["bases"]),
        *prepared.task.facts(),
    ]
    return Section(
        "Rows",
        tiles=[
            Tile("rows read", f"{prepared.read:,}"),
            Tile("dropped", f"{dropped:,}", f"{share:.1%}, limit {settings.max_dropped:.0%}"),
            *(Tile(split, f"{rows[split]:,}") for split in rows),
        ],
        tables=[Table(("what", "value"), facts)],
        notes=prepared.said,
    )


def _columns(task: Task) -> list[tuple[str, str]]:
    """The columns of each field."""
    lines = []
    for name, field in task.fields.items():
        named = task.spec.columns.get(name)
        many = ", ".join(named) if isinstance(named, list) and named else "all that play no other part"
        lines.append((f"{name} columns", many) if field.many else (f"{name} column", str(named or "none")))
    return lines


def _near_copies_from(task: Task, settings: PrepareSettings) -> str:
    if not task.likeness_name:
        return "not looked for"
    return f"{settings.near_duplicates:.2f} Jaccard similarity of {task.likeness_name}"


def _files(files: Mapping[str, Any]) -> list[tuple[str, str]]:
    read = [
        (f"{found['files']:,} {'file' if found['files'] == 1 else 'files'}, {found['rows']:,} rows", found["written"])
        for found in files["read"]
    ]
    return read + [("no data, left out", name) for name in files["left_out"]]


def _how_split(prepared: Prepared, settings: PrepareSettings) -> str:
    if settings.columns.split:
        return f"as given by {settings.columns.split}"
    if prepared.times and (by_time := prepared.times.in_words()):
        return by_time
    by = f"of column '{settings.columns.group}'" if settings.columns.group else f"of the {prepared.task.noun}"
    return f"by hash {by}: validation {settings.splits.validation:.0%}, test {settings.splits.test:.0%}"


def _replayed(prepared: Prepared) -> "Section":
    from stillhouse.components.reporting.page import Section, Table

    splits = ("train", "validation", "test", "unlabelled")
    rows = [
        (found["period"][:16], f"{found['rows']:,}", *(f"{found[split]:,}" for split in splits))
        for found in prepared.replayed
    ]
    text = "Of the partitions before the window a share of the rows is learnt again, and the kept ones are tested."
    return Section("Earlier partitions", text, tables=[Table(("begins", "rows", *splits), rows)])


def _targets(prepared: Prepared, statistics: Mapping[str, Any]) -> "Section | None":
    rows = {split: [(row.example, row.target) for row in prepared.splits[split]] for split in LABELLED}
    return prepared.task.target_section(rows, statistics)


def _rare_labels(prepared: Prepared) -> "Section":
    from stillhouse.components.reporting.page import Section, Table

    rows = [
        (
            rare.label,
            rare.rows,
            rare.left,
            ", ".join(f"{reason} {lost:,}" for reason, lost in rare.dropped.items()),
            rare.like,
        )
        for rare in sorted(prepared.rare, key=lambda rare: (-rare.rows, rare.label))
    ]
    became = "rows of the class 'other'" if "other" in prepared.labels else "rows without a label"
    table = Table(("label", "rows", "left after dropping", "dropped as", "spelt like"), rows[:MAX_RARE])
    hidden = len(rows) - MAX_RARE
    notes = [f"{hidden} more are in dataset.json."] if hidden > 0 else []
    return Section("Rare labels", f"Too few rows to be learnt; they count as {became}.", tables=[table], notes=notes)


def _dropped(prepared: Prepared) -> "Section":
    from stillhouse.components.reporting.charts import bars
    from stillhouse.components.reporting.page import Section, Table

    if not prepared.dropped:
        return Section("Dropped rows", "No row was dropped.")
    reasons = sorted(prepared.dropped.items(), key=lambda item: -item[1])
    table = Table(
        ("reason", "rows", "share of all", "meaning"),
        [(name, rows, f"{rows / prepared.read:.2%}", _meaning(name, prepared.task)) for name, rows in reasons],
    )
    chart = bars([name for name, _ in reasons], [rows for _, rows in reasons], title="Rows dropped by reason", x="rows")
    examples = [
        (reason, said, prepared.task.excerpt(example))
        for reason, _ in reasons
        for said, example in prepared.examples.get(reason, [])
    ]
    shown = Table(("reason", "label or place", prepared.task.noun), examples, "Some of them.")
    return Section("Dropped rows", tables=[table, shown], charts=[chart])


def _meaning(reason: str, task: Task) -> str:
    return task.reasons.get(reason) or REASONS.get(reason, "").format(noun=task.noun)


def _no_values(found: Mapping[str, Any]) -> "Section":
    from stillhouse.components.reporting.page import Section, Table

    if not found["missing"] and not found["names"]:
        return Section("Missing values", "No label, group, split or slice is missing.")
    rows = [
        (column, written, f"{rows:,}", "no value")
        for column, counts in found["missing"].items()
        for written, rows in counts.items()
    ]
    rows += [("label", written, f"{rows:,}", "taken as a name") for written, rows in found["names"].items()]
    notes = [f"{written} was taken as a name; where it means no label, set data.missing." for written in found["names"]]
    return Section("Missing values", tables=[Table(("column", "written", "rows", "meaning"), rows)], notes=notes)


def _copies(prepared: Prepared, settings: PrepareSettings) -> "Section":
    from stillhouse.components.reporting.page import Section, Table

    if not prepared.task.likeness_name:
        return Section("Near copies", "Not looked for: this kind of problem has nothing by which to tell them.")
    if settings.near_duplicates == 1:
        return Section("Near copies", "Not looked for: near_duplicates is 1.")
    rows = [
        (reason, prepared.task.excerpt(copy.row.example), prepared.task.excerpt(copy.equals.example))
        for reason in REASONS
        for copy in [copy for copy in prepared.near_copies if copy.reason == reason][:MAX_PAIRS]
    ]
    if not rows:
        return Section("Near copies", "None was found.")
    caption = f"{len(rows)} of {len(prepared.near_copies)}; often they are alike further on than what is shown"
    return Section("Near copies", tables=[Table(("reason", "dropped", "nearly equals"), rows, caption)])


def _examples(prepared: Prepared) -> "Section":
    from stillhouse.components.reporting.page import Section, Table

    task, train = prepared.task, prepared.splits["train"]
    if any(task.label_indices(row.target) for row in train):
        found = [
            (label, [row for row in train if index in task.label_indices(row.target)][:MAX_EXAMPLES])
            for index, label in enumerate(prepared.labels[:MAX_LABELS])
        ]
        rows = [(label, task.excerpt(row.example)) for label, some in found for row in some]
    else:
        rows = [(task.target_in_words(row.target), task.excerpt(row.example)) for row in train[: 3 * MAX_EXAMPLES]]
    return Section("Examples", tables=[Table(("target", task.noun), rows)])


def _worth(expected: ExpectedGain, settings: PrepareSettings) -> "Section":
    from stillhouse.components.reporting.page import Section, Tile

    limit = f"skipped below {settings.skip_below:g}" if settings.skip_below else "skip_below is not set"
    interval = f"{expected.low:.4f} to {expected.high:.4f}; {limit}"
    return Section(
        "Is the run worth it?",
        expected.sentence,
        tiles=[Tile("expected gain", f"{expected.gain:.4f}", interval)],
    )


def _drift(drift: Mapping[str, float], settings: PrepareSettings) -> "Section":
    from stillhouse.components.reporting.page import Section, Tile

    return Section(
        "Drift",
        "Jensen-Shannon distance (0: the same, 1: nothing in common) to the last promoted model's dataset.",
        tiles=[
            Tile(
                name,
                f"{value:.3f}",
                f"limit {settings.max_drift:g}",
                "bad" if value > settings.max_drift else "good",
            )
            for name, value in drift.items()
        ],
    )
