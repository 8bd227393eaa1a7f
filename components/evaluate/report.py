"""The report: what was measured, as a page."""

from pathlib import Path

from stillhouse.components.evaluate import sections
from stillhouse.components.evaluate.learning import learning_section
from stillhouse.components.evaluate.results import Findings
from stillhouse.components.evaluate.wording import METRICS, megabytes, signed
from stillhouse.components.reporting.page import Badge, Section, Tile, write_page


def write_report(path: str | Path, findings: Findings) -> None:
    """Write the page."""
    evaluation = findings.evaluation
    parts = [
        _at_a_glance(findings),
        sections.models_section(findings),
        learning_section(findings.trainings),
        sections.labels_section(findings),
        sections.errors_section(findings),
        sections.confusions_section(findings),
        sections.speed_section(findings),
        sections.slices_section(findings),
        sections.mistakes_section(findings),
        _method(findings),
    ]
    rows, notes = evaluation["rows"]["test"], len(evaluation["notes"])
    badges = [Badge(f"{rows:,} test rows"), Badge(f"{evaluation['confidence']:.0%} intervals")]
    if notes:
        badges.append(Badge(f"{notes} {'note' if notes == 1 else 'notes'}", "warn"))
    write_page(
        path,
        "Evaluation report",
        f"Student, teacher, baselines and champion on the same test rows of {findings.source}.",
        [part for part in parts if part],
        badges,
    )


def _at_a_glance(findings: Findings) -> Section:
    evaluation, models = findings.evaluation, findings.models
    student, teacher, what = models["student"], models["teacher"], METRICS[findings.metric]
    interval, ratio = student["metrics"][findings.metric], evaluation["latency_ratio"]["teacher"]
    to_teacher = evaluation["differences"]["teacher"]
    tiles = [
        Tile(
            f"Student's {what}",
            f"{interval['value']:.3f}",
            f"{interval['low']:.3f} to {interval['high']:.3f}",
        ),
        Tile(f"Teacher's {what}", f"{findings.value('teacher'):.3f}", f"student {_bounds(to_teacher)}"),
        _champion_tile(findings),
        Tile(
            "Median latency, one row",
            f"{student['latency_ms']['p50']:.1f} ms",
            f"{ratio:.2f} of the teacher's {teacher['latency_ms']['p50']:.1f} ms",
            "good" if ratio < 1 else "warn",
        ),
        Tile(
            "Size of the weights",
            megabytes(student["bytes"]),
            f"{student['bytes'] / teacher['bytes']:.0%} of the teacher's {megabytes(teacher['bytes'])}",
        ),
    ]
    # The champion may have answered fewer rows; the notes say where it is ahead.
    best = max((model for model in models if model != "champion"), key=findings.value)
    text = (
        f"The student reaches {what} {interval['value']:.3f} where the teacher reaches "
        f"{findings.value('teacher'):.3f}, with {student['parameters'] / teacher['parameters']:.0%} of its "
        f"parameters and {student['rows_per_second'] / teacher['rows_per_second']:.1f} times its throughput. "
    )
    text += (
        "It is the best model on these rows."
        if best == "student"
        else f"The best model on these rows: {findings.name(best)}, {findings.value(best):.3f}."
    )
    return Section("At a glance", text, tiles=tiles, notes=evaluation["notes"])


def _champion_tile(findings: Findings) -> Tile:
    paired = findings.evaluation["differences"].get("champion")
    if paired is None:
        what = "it cannot be compared" if "champion" in findings.evaluation else "no champion to compare with"
        return Tile("Against the champion", "–", what, "bad" if "champion" in findings.evaluation else "neutral")
    tone = "good" if paired["lower"] > 0 else "bad" if paired["upper"] < 0 else "neutral"
    return Tile(
        "Against the champion",
        signed(paired["difference"]),
        f"{signed(paired['lower'])} to {signed(paired['upper'])} on {paired['rows']:,} rows it never saw",
        tone,
    )


def _method(findings: Findings) -> Section:
    settings, evaluation = findings.settings, findings.evaluation
    unseen = evaluation["rows"]["unseen_by_champion"]
    confidence, device = f"{settings.confidence:.0%}", settings.serve_on.upper()
    nearer = " (is nearer to)" if findings.target == "number" else ""
    text = (
        f"Every model answers the same {evaluation['rows']['test']:,} test rows. Intervals are two-sided "
        f"{confidence} percentile intervals over {settings.resamples:,} bootstrap resamples of the rows. "
        "Paired differences use the same resamples for both models; each of their bounds is one-sided at "
        f"{confidence}. The p-value is McNemar's exact test on the rows that only one of both gets right{nearer}."
        f"\n\nLatency is the time of one row alone: {settings.latency_rows} rows, "
        f"{settings.latency_rounds} rounds, the models taking turns in one process on {device}. "
        "Throughput is over all test rows in batches. The calibration error (ECE) has 15 bins of equal "
        "width. The baselines are trained on the same training rows."
    )
    if unseen is not None:
        text += (
            f"\n\nThe champion is measured on the {unseen:,} test rows that it was not trained on and whose labels it "
            "knows, and its paired difference with the student is on those rows and labels."
        )
    return Section("How it was measured", text)


def _bounds(paired: dict[str, float]) -> str:
    return f"{signed(paired['difference'])} ({signed(paired['lower'])} to {signed(paired['upper'])})"
