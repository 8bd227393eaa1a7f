"""The report's sections of tables, pictures and examples."""

from typing import Any

from markupsafe import Markup, escape

from stillhouse.components.artifacts.evaluation import TRIVIAL
from stillhouse.components.evaluate.results import Findings
from stillhouse.components.evaluate.wording import megabytes, signed
from stillhouse.components.reporting import charts
from stillhouse.components.reporting.page import Card, Section, Table
from stillhouse.components.targets.measure import Measure


def models_section(findings: Findings) -> Section:
    """Every model's measures, and the paired differences."""
    measured = findings.models["student"]["metrics"]
    metrics = [metric for metric in findings.task.told_measures if metric in measured]
    best = {metric: _best(findings, metric) for metric in metrics}
    rows = [
        [findings.name(model), *(_measured(entry["metrics"].get(metric), best[metric]) for metric in metrics)]
        for model, entry in findings.models.items()
    ]
    table = Table(
        [
            "Model",
            *(_heading(findings.measures[metric]) for metric in metrics),
        ],
        rows,
        "Value and interval below it; the best of each column is marked.",
    )
    drawn = {model: entry["metrics"][findings.metric] for model, entry in findings.models.items() if model != TRIVIAL}
    marked = next((model for model in drawn if drawn[model]["value"] == best[findings.metric]), "")
    what, trivial = findings.what, findings.name(TRIVIAL)
    paired = {m: d for m, d in findings.evaluation["differences"].items() if m != TRIVIAL}
    confidence = f"{findings.evaluation['confidence']:.0%}"
    return Section(
        "All models",
        f"The {trivial[:1].lower()}{trivial[1:]} stands in the tables only, so that the pictures keep their scale.",
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
                _chance(paired["p_value"]),
            ]
            for other, paired in findings.evaluation["differences"].items()
        ],
        f"Paired differences in {findings.what} on the same resamples; each bound holds alone.",
    )


def speed_section(findings: Findings) -> Section:
    """Latency, throughput and size."""
    models = {m: entry for m, entry in findings.models.items() if "latency_ms" in entry}
    unit = f"{findings.task.unit.name}s"
    units = f"{unit}_per_second"
    counted = units != "rows_per_second" and any(units in entry for entry in models.values())
    rows = [
        [
            findings.name(model),
            *(_spread(entry["latency_ms"], p, 1.0, ".1f") for p in ("p50", "p95")),
            round(entry["rows_per_second"]),
            *([round(entry[units]) if units in entry else "–"] if counted else []),
            entry["parameters"],
            megabytes(entry["bytes"]) if "bytes" in entry else "–",
        ]
        for model, entry in models.items()
    ]
    headers = ["Model", "p50 ms", "p95 ms", "rows/s", *([f"{unit}/s"] if counted else []), "parameters", "weights"]
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
    caption = f"Measured in one process on the {findings.settings.serve_on.upper()}"
    caption += f"; {unit} are real ones, no padding." if counted else "."
    bounds = f"Below each percentile are its bounds, each alone at {findings.evaluation['confidence']:.0%}."
    tables = [Table(headers, rows, f"{caption} {bounds}"), *_cold_tables(findings)]
    return Section(
        "Speed and size",
        tables=tables,
        charts=[bars, throughput],
    )


def _cold_tables(findings: Findings) -> list[Table]:
    """Cold starts, where they were measured."""
    started = {model: entry["cold"] for model, entry in findings.models.items() if "cold" in entry}
    rows = [
        [
            findings.name(model),
            *(_spread(cold["seconds"], p, 1.0, ".2f") for p in ("p50", "p95")),
            *(_spread(cold["memory_bytes"], p, 1e6, ",.0f") for p in ("p50", "p95")),
            cold["starts"],
        ]
        for model, cold in started.items()
    ]
    headers = ["Model", "p50 s", "p95 s", "p50 MB", "p95 MB", "starts"]
    caption = (
        "Cold: from the start of a process of its own to the first answer, and the most memory that it had until then; "
        "what the machine keeps of files stays."
    )
    return [Table(headers, rows, caption)] if rows else []


def _spread(measured: dict[str, Any], percentile: str, unit: float, format: str) -> object:
    """A percentile in units of `unit`, its bounds below it."""
    if (value := measured.get(percentile)) is None:
        return "–"
    bounds = measured.get(f"{percentile}_bounds")
    told = f"{bounds[0] / unit:{format}} to {bounds[1] / unit:{format}}" if bounds else ""
    return escape(f"{value / unit:{format}}") + Markup('<span class="of">{}</span>').format(told)


def slices_section(findings: Findings) -> Section | None:
    """The student on each slice; None without slices."""
    slices = findings.evaluation["slices"]
    if not slices:
        return None
    rows = [[name, s["rows"], s["value"], f"{s['low']:.3f} to {s['high']:.3f}"] for name, s in slices.items()]
    what = findings.what
    return Section(
        "Slices",
        tables=[Table(["Slice", "test rows", what, "interval"], rows, f"The student's {what} on each slice.")],
    )


def found_slices_section(findings: Findings) -> Section | None:
    """The slices that were found to be answered worst; None where none were looked for."""
    if not (found := findings.evaluation.get("found_slices")):
        return None
    slices, what, sure = found["slices"], findings.what, found["sure"]
    text = (
        f"{found['looked_at']:,} slices of the test rows with {found['least_rows']} rows or more were looked at, and "
        f"{f'{sure:,}' if sure else 'none'} {'is' if sure == 1 else 'are'} surely answered worse than the other rows "
        f"({findings.evaluation['confidence']:.0%} for all together, {found['correction']}). They were found on the "
        "test rows: look at them on new ones before much is built on them."
    )
    best = "at most" if findings.evaluation["greater_is_better"] else "at least"
    rows = [[s["name"], s["rows"], s["value"], f"{s['bound']:.3f}", _chance(s["p_value"])] for s in slices]
    headers = ["Slice", "test rows", what, best, f"p ({found['correction']})"]
    caption = f"The student's {what}, and what it is {best} on the slice, for all slices together."
    bars = charts.bars(
        [one["name"] for one in slices],
        [one["value"] for one in slices],
        title=f"{_capital(what)} on the worst slices found",
        x=what,
        format=".3f",
    )
    return Section(
        "Worst slices found", text, tables=[Table(headers, rows, caption)] * bool(rows), charts=[bars] * bool(rows)
    )


def _chance(p_value: float) -> object:
    return "<0.001" if p_value < 0.001 else p_value


def mistakes_section(findings: Findings) -> Section:
    """The worst mistakes, as examples."""
    if not findings.mistakes:
        return Section("Worst mistakes", "None: every test row is answered right.")
    cards = [Card(mistake.badges, mistake.shown) for mistake in findings.mistakes]
    text = f"{findings.task.mistakes_are} Sometimes it is the label that is wrong."
    return Section("Worst mistakes", text, cards=cards)


def flips_section(findings: Findings) -> Section | None:
    """Rows that the champion has right and the student wrong, as examples; None without a champion to compare with."""
    title, evaluation = "Negative flips", findings.evaluation
    if "champion" not in evaluation["differences"]:
        return None
    if (flips := evaluation.get("negative_flips")) is None:
        nearer = "Answers here are not right or wrong but nearer or further off, so no negative flips are counted."
        return Section(title, nearer)
    text = (
        f"Of {flips['rows']:,} rows the student has {flips['number']:,} wrong that the champion has right: "
        f"{flips['rate']:.2%}, at most {flips['upper']:.2%} ({evaluation['confidence']:.0%} one-sided)."
    )
    cards = [Card(flip.badges, flip.shown) for flip in findings.flips]
    worst = " Below are the worst of them; the champion's answer is the true one." if cards else ""
    return Section(title, text + worst, cards=cards)


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
    return max(values) if findings.measures[metric].greater_is_better else min(values)


def _measured(interval: dict[str, float] | None, best: float) -> object:
    if interval is None:
        return "–"
    value = f"{interval['value']:.3f}"
    marked = Markup("<b>{}</b>").format(value) if interval["value"] == best else escape(value)
    return marked + Markup('<span class="of">{:.3f} to {:.3f}</span>').format(interval["low"], interval["high"])


def _heading(measure: Measure) -> str:
    return measure.title + ("" if measure.greater_is_better else " (low is good)")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
