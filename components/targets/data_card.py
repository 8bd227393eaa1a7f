"""What the data card shows of targets and sizes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stillhouse.components.formats.splits import LABELLED, Split

if TYPE_CHECKING:
    from stillhouse.components.reporting.page import Section, Tile

MAX_LABELS = 30
"""Labels that get a bar; the rest is in dataset.json."""


def number_section(statistics: Mapping[str, Any]) -> "Section":
    """Where the numbers lie."""
    from stillhouse.components.reporting.charts import histogram
    from stillhouse.components.reporting.page import Section

    numbers = statistics["numbers"]
    chart = histogram(numbers["edges"], numbers["counts"], title="Target", x="value, in bins of about equal rows")
    return Section("Target", charts=[chart])


def label_section(
    labels: Sequence[str],
    counts: Mapping[Split, Counter[str]],
    statistics: Mapping[str, Any],
    typical: Sequence[Sequence[str]] | None = None,
) -> "Section":
    """Rows of each label.

    Args:
        labels: all of them.
        counts: rows of each in each labelled split.
        statistics: of dataset.json.
        typical: words that tell each label from the others; None where examples have no words.
    """
    from stillhouse.components.reporting.charts import bars
    from stillhouse.components.reporting.page import Section, Table

    total = sum(counts.values(), Counter[str]())
    shown = sorted(labels, key=lambda label: -total[label])[:MAX_LABELS]
    chart = bars(
        [label for label in shown for _ in LABELLED],
        [counts[split][label] for label in shown for split in LABELLED],
        title="Rows of each label",
        x="rows",
        groups=[split for _ in shown for split in LABELLED],
    )
    told = dict(zip(labels, typical, strict=True)) if typical is not None else None
    table = Table(
        ("label", *LABELLED, "share", *(("typical words",) if told else ())),
        [
            (
                label,
                *(counts[split][label] for split in LABELLED),
                f"{statistics['labels'][label]:.1%}",
                *((", ".join(told[label]) or "none stands out",) if told else ()),
            )
            for label in shown
        ],
        "Typical of a label: words that its training rows have more often than all others, beyond chance."
        if told
        else "",
    )
    hidden = len(labels) - len(shown)
    notes = [f"{hidden} rarer labels are not shown; dataset.json has them all."] if hidden else []
    return Section("Labels", tables=[table], charts=[chart], notes=notes)


def size_section(title: str, name: str, statistics: Mapping[str, Any], *more: "Tile") -> "Section":
    """How large examples are.

    Args:
        title: of the section.
        name: what is counted, as `profile.Sizes` has it.
        statistics: of dataset.json.
        more: further tiles.
    """
    from stillhouse.components.reporting.charts import histogram
    from stillhouse.components.reporting.page import Section, Tile

    found = statistics[name]
    return Section(
        title,
        tiles=[
            Tile(f"{name}, median", f"{found['median']:,.0f}"),
            Tile(f"{name}, mean", f"{found['mean']:,.0f}"),
            Tile(f"{name}, longest", f"{found['largest']:,}"),
            *more,
        ],
        charts=[histogram(*_used(statistics["lengths"]), title="Lengths", x=f"{name} (log)", log=True)],
    )


def _used(lengths: Mapping[str, Any]) -> tuple[list[float], list[int]]:
    """The part of a histogram that has rows."""
    edges, counts = lengths["edges"], lengths["counts"]
    filled = [i for i, count in enumerate(counts) if count]
    return edges[filled[0] : filled[-1] + 2], counts[filled[0] : filled[-1] + 1]
