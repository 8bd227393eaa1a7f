"""The report: what was measured, as a page."""

from pathlib import Path

import numpy as np

from stillhouse.components.evaluate import sections
from stillhouse.components.evaluate.learning import learning_section
from stillhouse.components.evaluate.results import Findings
from stillhouse.components.evaluate.time_sections import forgetting_section, forward_section
from stillhouse.components.evaluate.wording import megabytes, signed
from stillhouse.components.reporting.page import Badge, Section, Tile, write_page


def write_report(path: str | Path, findings: Findings) -> None:
    """Write the page."""
    evaluation = findings.evaluation
    parts = [
        _at_a_glance(findings),
        sections.models_section(findings),
        learning_section(findings.trainings, findings.measures),
        *findings.task.sections(findings.results),
        sections.speed_section(findings),
        sections.slices_section(findings),
        sections.found_slices_section(findings),
        sections.mistakes_section(findings),
        sections.flips_section(findings),
        forward_section(findings),
        forgetting_section(findings),
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
    student, teacher, what = models["student"], models["teacher"], findings.what
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
    others = [model for model in models if model != "champion"]
    best = (max if evaluation["greater_is_better"] else min)(others, key=findings.value)
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
    signs = ("good", "bad") if findings.evaluation["greater_is_better"] else ("bad", "good")
    tone = signs[0] if paired["lower"] > 0 else signs[1] if paired["upper"] < 0 else "neutral"
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
    errors = findings.task.errors(findings.results.statistics["student"])
    nearer = "" if np.isin(errors, (0.0, 1.0)).all() else " (is nearer to)"
    calibration = "The calibration error (ECE) has 15 bins of equal width. " if "ece" in findings.measures else ""
    text = (
        f"Every model answers the same {evaluation['rows']['test']:,} test rows. Intervals are two-sided "
        f"{confidence} percentile intervals over {settings.resamples:,} bootstrap resamples of the rows. "
        "Paired differences use the same resamples for both models; each of their bounds is one-sided at "
        f"{confidence}. The p-value is McNemar's exact test on the rows that only one of both gets right{nearer}."
        f"\n\nLatency is the time of one row alone: {settings.latency_rows} rows, "
        f"{settings.latency_rounds} rounds, the models taking turns in one process on {device}. "
        f"Throughput is over all test rows in batches. {calibration}"
        "The baselines are trained on the same training rows."
    )
    if unseen is not None:
        text += (
            f"\n\nThe champion is measured on the {unseen:,} test rows that it was not trained on and whose labels it "
            "knows, and its paired difference with the student is on those rows and labels."
        )
    return Section("How it was measured", text)


def _bounds(paired: dict[str, float]) -> str:
    return f"{signed(paired['difference'])} ({signed(paired['lower'])} to {signed(paired['upper'])})"
