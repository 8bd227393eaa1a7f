"""The report's sections of tables, pictures and examples."""

from typing import Any

from markupsafe import Markup, escape

from stillhouse.components.evaluate.confusions import shown_matrix
from stillhouse.components.evaluate.results import Findings
from stillhouse.components.evaluate.wording import METRICS, megabytes, signed
from stillhouse.components.reporting import charts
from stillhouse.components.reporting.matrix import matrix_table
from stillhouse.components.reporting.page import Badge, Card, Section, Table
from stillhouse.components.targets.label_metrics import greater_is_better

MAX_LABELS = 60
"""Labels that are listed."""
MAX_PAIRS_WITH_EXAMPLES = 6
MAX_DOTS = 1000
"""Rows, evenly taken, that are drawn of a number's answers."""
_TABLE_METRICS = {
    "classes": ["f1_macro", "accuracy", "precision_macro", "recall_macro", "roc_auc", "ece"],
    "multi_label": ["f1_micro", "f1_macro", "accuracy", "roc_auc", "ece"],
    "number": ["r2", "mae"],
}


def models_section(findings: Findings) -> Section:
    """Every model's measures, and the paired differences."""
    measured = findings.models["student"]["metrics"]
    metrics = [metric for metric in _TABLE_METRICS[findings.target] if metric in measured]
    best = {metric: _best(findings, metric) for metric in metrics}
    rows = [
        [findings.name(model), *(_measured(entry["metrics"].get(metric), best[metric]) for metric in metrics)]
        for model, entry in findings.models.items()
    ]
    table = Table(
        [
            "Model",
            *(METRICS[metric] + ("" if greater_is_better(metric) else " (low is good)") for metric in metrics),
        ],
        rows,
        "Value and interval below it; the best of each column is marked.",
    )
    drawn = {
        model: entry["metrics"][findings.metric] for model, entry in findings.models.items() if model != "majority"
    }
    marked = next((model for model in drawn if drawn[model]["value"] == best[findings.metric]), "")
    what = METRICS[findings.metric]
    paired = {m: d for m, d in findings.evaluation["differences"].items() if m != "majority"}
    confidence = f"{findings.evaluation['confidence']:.0%}"
    return Section(
        "All models",
        "The majority answer stands in the tables only, so that the pictures keep their scale.",
        tables=[table, _differences_table(findings)],
        charts=[
            charts.intervals(
                [charts.Interval(findings.short(m), d["value"], d["low"], d["high"]) for m, d in drawn.items()],
                title=f"{_capital(what)} with {confidence} intervals",
                x=what,
                best=findings.short(marked),
            ),
            charts.intervals(
                [
                    charts.Interval(findings.short(m), d["difference"], d["lower"], d["upper"])
                    for m, d in paired.items()
                ],
                title=f"Student minus other, {confidence} bounds",
                x=f"difference in {what}",
                zero=True,
                format="+.3f",
            ),
        ],
    )


def _differences_table(findings: Findings) -> Table:
    return Table(
        ["Student minus", "rows", "difference", "lower bound", "upper bound", "McNemar p"],
        [
            [
                findings.name(other),
                paired["rows"],
                *(signed(paired[key]) for key in ("difference", "lower", "upper")),
                "<0.001" if paired["p_value"] < 0.001 else paired["p_value"],
            ]
            for other, paired in findings.evaluation["differences"].items()
        ],
        f"Paired differences in {METRICS[findings.metric]} on the same resamples; each bound holds alone.",
    )


def errors_section(findings: Findings) -> Section:
    """Confusions, ROC curves and calibration; for number the answers against the truth."""
    if findings.target == "number":
        shown = findings.answers[:: -(-len(findings.answers) // MAX_DOTS)]
        title = f"True against answered, {len(shown):,} rows"
        picture = charts.scatter(*shown.T, title=title, x="true", y="answered")
        return Section("Where it errs", charts=[picture])
    pictures: list[Any] = []
    if findings.roc:
        curves = {findings.short(m): (roc.false_positive, roc.true_positive) for m, roc in findings.roc.items()}
        binary = findings.target == "classes" and len(findings.labels) == 2
        which = f"positive: {findings.labels[1]}" if binary else "micro-average"
        pictures.append(charts.roc_curve(curves, title=f"ROC curves ({which})"))
    error = findings.models["student"]["metrics"]["ece"]["value"]
    confidences, accuracies, rows = zip(*findings.reliability, strict=True)
    pictures.append(charts.reliability(confidences, accuracies, rows, title=f"Student's calibration (ECE {error:.3f})"))
    return Section("Where it errs", charts=pictures, lead=_matrix(findings))


def _matrix(findings: Findings) -> str:
    if findings.confusion is None:
        return ""
    names, counts = shown_matrix(findings.confusion, findings.labels)
    caption = "The student's answers: rows are true labels, columns answered ones; shaded by their share of the row."
    if len(findings.labels) > len(names):
        caption += f" The {len(names) - 1} labels that are confused most; the others stand together."
    elif names != findings.labels:
        caption += " Labels that are confused stand side by side."
    return matrix_table(names, counts, caption)


def confusions_section(findings: Findings) -> Section | None:
    """The pairs of labels that the student confuses most, with examples; None where it confuses none."""
    if not findings.confused:
        return None
    table = Table(
        ["True", "Answered", "rows", "of its rows", "reverse"],
        [
            [pair.true, pair.answered, pair.rows, f"{pair.rows / max(pair.of, 1):.0%}", pair.back]
            for pair in findings.confused
        ],
        "The student's most frequent confusions, their share of the true label's rows, and rows the other way round.",
    )
    cards = [
        Card([Badge(f"true: {pair.true}", "good"), Badge(f"student: {pair.answered}", "bad")], text)
        for pair in findings.confused[:MAX_PAIRS_WITH_EXAMPLES]
        for text in pair.examples
    ]
    return Section("Most confused", tables=[table], cards=cards)


def labels_section(findings: Findings) -> Section | None:
    """The student on each label, those first that cost it most; None for number."""
    if findings.target == "number":
        return None
    pairs = list(zip(findings.models["student"]["per_label"], findings.models["teacher"]["per_label"], strict=True))
    total = sum(row["rows"] for row, _ in pairs) or 1
    pairs.sort(key=lambda pair: -_lost(pair[0]))
    never = set(findings.evaluation["never_answered"])
    rows = [
        [
            row["label"],
            row["rows"],
            f"{_lost(row) / total:.4f}",
            "never answered" if row["label"] in never else f"{row['precision']:.3f}",
            row["recall"],
            row["f1"],
            theirs["f1"],
        ]
        for row, theirs in pairs[:MAX_LABELS]
    ]
    headers = ["Label", "test rows", "F1 lost", "precision", "recall", "F1", "teacher's F1"]
    caption = "Those first that cost most: F1 lost is 1 - F1, weighted by the label's share of the rows."
    if len(pairs) > MAX_LABELS:
        caption += f" The other {len(pairs) - MAX_LABELS:,} labels are in evaluation.json."
    return Section("Label by label", tables=[Table(headers, rows, caption)])


def _lost(row: dict[str, Any]) -> float:
    return (1 - row["f1"]) * row["rows"]


def speed_section(findings: Findings) -> Section:
    """Latency, throughput and size."""
    models = {m: entry for m, entry in findings.models.items() if "latency_ms" in entry}
    rows = [
        [
            findings.name(model),
            *(f"{entry['latency_ms'][p]:.1f}" for p in ("p50", "p90")),
            round(entry["rows_per_second"]),
            round(entry["tokens_per_second"]) if "tokens_per_second" in entry else "–",
            entry["parameters"],
            megabytes(entry["bytes"]) if "bytes" in entry else "–",
        ]
        for model, entry in models.items()
    ]
    headers = ["Model", "p50 ms", "p90 ms", "rows/s", "tokens/s", "parameters", "weights"]
    bars = charts.bars(
        [findings.short(model) for model in models],
        [entry["latency_ms"]["p50"] for entry in models.values()],
        title="Median latency of one row",
        x="milliseconds",
        format=".1f",
    )
    throughput = charts.bars(
        [findings.short(model) for model in models],
        [entry["rows_per_second"] for entry in models.values()],
        title="Throughput over the test rows",
        x="rows per second",
        format=",.0f",
    )
    where = findings.settings.serve_on.upper()
    return Section(
        "Speed and size",
        tables=[Table(headers, rows, f"Measured in one process on the {where}; tokens are real ones, no padding.")],
        charts=[bars, throughput],
    )


def slices_section(findings: Findings) -> Section | None:
    """The student on each slice; None without slices."""
    slices = findings.evaluation["slices"]
    if not slices:
        return None
    rows = [[name, s["rows"], s["value"], f"{s['low']:.3f} to {s['high']:.3f}"] for name, s in slices.items()]
    what = METRICS[findings.metric]
    return Section(
        "Slices",
        tables=[Table(["Slice", "test rows", what, "interval"], rows, f"The student's {what} on each slice.")],
    )


def mistakes_section(findings: Findings) -> Section:
    """The worst mistakes, as examples."""
    if not findings.mistakes:
        return Section("Worst mistakes", "None: every test row is answered right.")
    number = findings.target == "number"
    text = "The answers that are furthest off." if number else "The wrong answers that the student is surest of."
    cards = [
        Card(
            [
                Badge(f"true: {m.true}", "good"),
                Badge(f"student: {m.answered}" + ("" if number else f", {m.badness:.3f}"), "bad"),
                Badge(f"teacher: {m.teacher}"),
            ],
            m.excerpt,
        )
        for m in findings.mistakes
    ]
    return Section("Worst mistakes", f"{text} Sometimes it is the label that is wrong.", cards=cards)


def _best(findings: Findings, metric: str) -> float:
    """The column's best value among the models that answered every test row."""
    unseen, champion = findings.evaluation["rows"]["unseen_by_champion"], findings.evaluation.get("champion", {})
    elsewhere = unseen != findings.evaluation["rows"]["test"] or champion.get("lost_labels")
    apart = {"champion"} if elsewhere else set()
    values = [
        entry["metrics"][metric]["value"]
        for model, entry in findings.models.items()
        if model not in apart and metric in entry["metrics"]
    ]
    return max(values) if greater_is_better(metric) else min(values)


def _measured(interval: dict[str, float] | None, best: float) -> object:
    if interval is None:
        return "–"
    value = f"{interval['value']:.3f}"
    marked = Markup("<b>{}</b>").format(value) if interval["value"] == best else escape(value)
    return marked + Markup('<span class="of">{:.3f} to {:.3f}</span>').format(interval["low"], interval["high"])


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
