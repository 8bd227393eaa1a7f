"""The data card: what is in the dataset, what was left out and why."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from stillhouse.components.artifacts.base_facts import BaseFacts
from stillhouse.components.formats.splits import LABELLED
from stillhouse.components.modalities.text.typical_words import typical_words
from stillhouse.components.prepare.rows import Row
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.prepare.write_dataset import Prepared

if TYPE_CHECKING:
    from stillhouse.components.reporting.page import Section

MAX_LABELS = 30
"""Labels that get a bar; the rest is in dataset.json."""
MAX_RARE = 50
"""Rare labels that are listed; the rest is in dataset.json."""
MAX_PAIRS = 5
"""Near copies shown for each reason."""
MAX_EXAMPLES = 3
"""Training rows shown for each label."""
EXCERPT = 240
"""Characters shown of a text."""
REASONS = {
    "empty": "no text after cleaning",
    "too_long": "longer than max_characters",
    "conflicting_label": "the same text has different labels; all its rows go",
    "duplicate": "exact copy of a row that stays",
    "near_duplicate": "nearly equals a row of its own split that stays",
    "overlaps_test": "equals or nearly equals a test row",
    "overlaps_validation": "equals or nearly equals a validation row",
}
"""Reasons for which rows are dropped."""


def write_card(path: Path, prepared: Prepared, settings: PrepareSettings, description: Mapping[str, Any]) -> None:
    """Write the card as one HTML file; `description` is what dataset.json says beside the counts."""
    from stillhouse.components.reporting.page import Badge, write_page

    sections = [
        _overview(prepared, settings, description),
        _targets(prepared, description["statistics"]),
        _lengths(description["statistics"]),
        _dropped(prepared),
        _no_values(description["no_values"]),
        _copies(prepared, settings),
        _examples(prepared),
    ]
    if prepared.rare:
        sections.insert(2, _rare_labels(prepared))
    if description["drift"]:
        sections.insert(1, _drift(description["drift"], settings))
    digest = description["content_digest"]
    write_page(
        path,
        f"Data card of {Path(settings.source).name}",
        f"{settings.source}, dataset {digest[:12]}",
        sections,
        [Badge(settings.task), Badge(prepared.kind.replace("_", "-"))],
    )


def _overview(prepared: Prepared, settings: PrepareSettings, description: Mapping[str, Any]) -> "Section":
    from stillhouse.components.reporting.page import Section, Table, Tile

    dropped, rows = sum(prepared.dropped.values()), prepared.rows
    share = dropped / prepared.read
    facts = [
        ("source digest", description["source_digest"]),
        ("content digest", description["content_digest"]),
        ("text columns", ", ".join(settings.columns.text)),
        ("label column", settings.columns.label or "none"),
        ("splits", _how_split(settings)),
        ("near copies from", f"{settings.near_duplicates:.2f} Jaccard similarity of word 3-shingles"),
        *_files(description["files"]),
        *((f"base {base['address']}", " ".join(BaseFacts(**base).lines())) for base in description["bases"]),
        ("personal data", "e-mail addresses and phone numbers masked" if settings.mask_pii else "as it came"),
    ]
    return Section(
        "Rows",
        tiles=[
            Tile("rows read", f"{prepared.read:,}"),
            Tile("dropped", f"{dropped:,}", f"{share:.1%}, limit {settings.max_dropped:.0%}"),
            *(Tile(split, f"{rows[split]:,}") for split in rows),
        ],
        tables=[Table(("what", "value"), facts)],
        notes=prepared.notes,
    )


def _files(files: Mapping[str, Any]) -> list[tuple[str, str]]:
    read = [
        (f"{found['files']:,} {'file' if found['files'] == 1 else 'files'}, {found['rows']:,} rows", found["written"])
        for found in files["read"]
    ]
    return read + [("no data, left out", name) for name in files["left_out"]]


def _how_split(settings: PrepareSettings) -> str:
    if settings.columns.split:
        return f"as given by {settings.columns.split}"
    by = f"of column '{settings.columns.group}'" if settings.columns.group else "of the text"
    return f"by hash {by}: validation {settings.splits.validation:.0%}, test {settings.splits.test:.0%}"


def _targets(prepared: Prepared, statistics: Mapping[str, Any]) -> "Section":
    from stillhouse.components.reporting.charts import bars, histogram
    from stillhouse.components.reporting.page import Section, Table

    if prepared.kind == "number":
        numbers = statistics["numbers"]
        chart = histogram(numbers["edges"], numbers["counts"], title="Target", x="value, in bins of about equal rows")
        return Section("Target", charts=[chart])
    counts = {split: prepared.label_counts(split) for split in LABELLED}
    total = sum(counts.values(), counts["train"].__class__())
    shown = sorted(prepared.labels, key=lambda label: -total[label])[:MAX_LABELS]
    chart = bars(
        [label for label in shown for _ in LABELLED],
        [counts[split][label] for label in shown for split in LABELLED],
        title="Rows of each label",
        x="rows",
        groups=[split for _ in shown for split in LABELLED],
    )
    typical = dict(zip(prepared.labels, _typical(prepared), strict=True))
    table = Table(
        ("label", *LABELLED, "share", "typical words"),
        [
            (
                label,
                *(counts[split][label] for split in LABELLED),
                f"{statistics['labels'][label]:.1%}",
                ", ".join(typical[label]) or "none stands out",
            )
            for label in shown
        ],
        "Typical of a label: words that its training rows have more often than all others, beyond chance.",
    )
    hidden = len(prepared.labels) - len(shown)
    notes = [f"{hidden} rarer labels are not shown; dataset.json has them all."] if hidden else []
    return Section("Labels", tables=[table], charts=[chart], notes=notes)


def _typical(prepared: Prepared) -> list[list[str]]:
    rows = prepared.splits["train"]
    labels = [row.target if isinstance(row.target, tuple) else (row.target,) for row in rows]
    return typical_words(
        [row.example["text"] for row in rows], cast(list[tuple[int, ...]], labels), len(prepared.labels)
    )


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


def _lengths(statistics: Mapping[str, Any]) -> "Section":
    from stillhouse.components.reporting.charts import histogram
    from stillhouse.components.reporting.page import Section, Tile

    characters, found = statistics["characters"], statistics["words"]
    return Section(
        "Texts",
        tiles=[
            Tile("characters, median", f"{characters['median']:,.0f}"),
            Tile("characters, mean", f"{characters['mean']:,.0f}"),
            Tile("characters, longest", f"{characters['largest']:,}"),
            Tile("words", f"{found['total']:,}", f"{found['distinct']:,} different ones"),
        ],
        charts=[histogram(*_used(statistics["lengths"]), title="Lengths", x="characters (log)", log=True)],
    )


def _used(lengths: Mapping[str, Any]) -> tuple[list[float], list[int]]:
    """The part of a histogram that has rows."""
    edges, counts = lengths["edges"], lengths["counts"]
    filled = [i for i, count in enumerate(counts) if count]
    return edges[filled[0] : filled[-1] + 2], counts[filled[0] : filled[-1] + 1]


def _dropped(prepared: Prepared) -> "Section":
    from stillhouse.components.reporting.charts import bars
    from stillhouse.components.reporting.page import Section, Table

    if not prepared.dropped:
        return Section("Dropped rows", "No row was dropped.")
    reasons = sorted(prepared.dropped.items(), key=lambda item: -item[1])
    table = Table(
        ("reason", "rows", "share of all", "meaning"),
        [(name, rows, f"{rows / prepared.read:.2%}", REASONS[name]) for name, rows in reasons],
    )
    chart = bars([name for name, _ in reasons], [rows for _, rows in reasons], title="Rows dropped by reason", x="rows")
    examples = [
        (reason, said, _cut(example["text"][:1000]) if example["text"].strip() else "no text")
        for reason, _ in reasons
        for said, example in prepared.examples.get(reason, [])
    ]
    shown = Table(("reason", "label or place", "text"), examples, "Some of them.")
    return Section("Dropped rows", tables=[table, shown], charts=[chart])


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

    if settings.near_duplicates == 1:
        return Section("Near copies", "Not looked for: near_duplicates is 1.")
    rows = [
        (reason, _excerpt(copy.row), _excerpt(copy.equals))
        for reason in REASONS
        for copy in [copy for copy in prepared.near_copies if copy.reason == reason][:MAX_PAIRS]
    ]
    if not rows:
        return Section("Near copies", "None was found.")
    caption = f"{len(rows)} of {len(prepared.near_copies)}; often they are alike further on than what is shown"
    return Section("Near copies", tables=[Table(("reason", "dropped", "nearly equals"), rows, caption)])


def _examples(prepared: Prepared) -> "Section":
    from stillhouse.components.reporting.page import Section, Table

    rows = []
    if prepared.kind == "number":
        rows = [(f"{row.target:g}", _excerpt(row)) for row in prepared.splits["train"][: 3 * MAX_EXAMPLES]]
    for index, label in enumerate(prepared.labels[:MAX_LABELS]):
        found = [row for row in prepared.splits["train"] if row.target == index or _has(row, index)]
        rows += [(label, _excerpt(row)) for row in found[:MAX_EXAMPLES]]
    return Section("Examples", tables=[Table(("target", "text"), rows)])


def _has(row: Row, index: int) -> bool:
    return isinstance(row.target, tuple) and index in row.target


def _excerpt(row: Row) -> object:
    """The beginning of the text, for a wide cell."""
    return _cut(row.example["text"])


def _cut(text: str) -> object:
    from markupsafe import Markup, escape

    text = " ".join(text.split())
    cut = text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"
    return Markup('<span class="excerpt">{}</span>').format(escape(cut))


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
