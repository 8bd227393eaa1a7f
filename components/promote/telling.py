"""What MLflow shows of a verdict: on the page of the whole run, in the table of runs, and of a version."""

from collections.abc import Iterator
from pathlib import Path

from stillhouse.components.artifacts.evaluation import Latency
from stillhouse.components.artifacts.nights import Night
from stillhouse.components.artifacts.promotion_record import Entry
from stillhouse.components.artifacts.recipe_lock import FILE, has_lock
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.artifacts.verdict import Verdict
from stillhouse.components.promote.model_card import CARD
from stillhouse.components.promote.summary import TITLES, cell
from stillhouse.components.promote.technical_file import TECHNICAL_FILE
from stillhouse.components.promote.wording import flips_of
from stillhouse.components.tracking.run import StepRun
from stillhouse.components.tracking.whole import ARTIFACT, VERSION

MEGABYTE = 1e6


def pages(verdict: Verdict) -> dict[str, str]:
    """Artifacts of the whole run, as links to them are called."""
    lock = {FILE: "settings"} if has_lock(verdict) else {}
    written = {CARD: "model card", TECHNICAL_FILE: "technical file"}
    return {"report.html": "report", "card.html": "data card", "verdict.json": "verdict", **written, **lock}


def tell(run: StepRun, verdict: Verdict, spec: Spec) -> None:
    """Hand verdict, figures, dataset and pages to the run of the whole pipeline.

    Args:
        spec: Of the dataset; the step that made it may have come from the cache, and said nothing.
    """
    whole = run.whole
    for page in pages(verdict):
        whole.artifact(run.folder / page)
    whole.dataset(Path(spec.source).stem, spec.content_digest, spec.source, spec.rows)
    whole.metrics(figures(verdict, spec.rows))
    champion = verdict.champion_before
    lost = ", ".join(map(verdict.measured.title, verdict.loses_to)) or "none"
    whole.tags({"champion": (champion.version or champion.digest[:12]) if champion else "none", "loses_to": lost})
    whole.verdict(verdict.decision, verdict.why, describe_run(verdict), verdict.version)


def figures(verdict: Verdict, rows: dict[str, int]) -> dict[str, float]:
    """The figures by which runs are compared, under the names that the steps' own runs give them.

    Args:
        rows: Of each split.
    """
    evaluation = verdict.measured
    found: dict[str, float | None] = {f"rows/{split}": count for split, count in rows.items()}
    for name, model in evaluation.models.items():
        found[f"{name}/{evaluation.main_metric}"] = evaluation.estimate(name).value
        found[f"{name}/latency_ms"] = model.latency_ms.p50 if model.latency_ms else None
        found[f"{name}/latency_p95_ms"] = model.latency_ms.p95 if model.latency_ms else None
        found[f"{name}/cold_seconds"] = model.cold.seconds.p50 if model.cold else None
        found[f"{name}/cold_megabytes"] = model.cold.memory_bytes.p50 / MEGABYTE if model.cold else None
        found[f"{name}/megabytes"] = model.bytes / MEGABYTE if model.bytes else None
    for name, beside in {"student": evaluation, **evaluation.candidates}.items():
        found[f"{name}/negative_flips"] = beside.negative_flips.rate if beside.negative_flips else None
    night = Night.of(verdict)
    found |= {"gain": night.gain, "drift": verdict.news.drift if verdict.news else None}
    found["hours"] = verdict.cost.hours if verdict.cost else None
    found |= verdict.expected.figures() if verdict.expected else {}
    found |= evaluation.over_time
    found["gates/failed"] = len(verdict.failed)
    return {name: value for name, value in found.items() if value is not None}


def describe_run(verdict: Verdict) -> str:
    """Markdown for the page of the whole run; its first lines are what the page shows unasked."""
    name, version = verdict.model_name, verdict.version
    links = [f"[{called}]({ARTIFACT}{page})" for page, called in pages(verdict).items()]
    if version:
        links.append(f"[version {version}]({VERSION}{name}/{version})")
    return "\n".join(
        [
            f"**{name}: {TITLES[verdict.decision]}{f', version {version}' if version else ''}.** {verdict.why}",
            "",
            " · ".join(links),
            "",
            *_body(verdict),
            *(line for note in verdict.notes for line in ("", f"> {note}")),
        ]
    )


def describe_version(entry: Entry, verdict: Verdict | None) -> str:
    """Markdown for a version in the registry: why it was promoted, and how it did.

    Args:
        verdict: Of the run that promoted it; None where it is gone.
    """
    said = f"Promoted by the run {entry.run} at {entry.promoted_at}."
    return "\n".join([f"**{verdict.why}** {said}", "", *_body(verdict)] if verdict else [said])


def _latency(found: Latency) -> str:
    """The median, and the 95th percentile in brackets where it was measured."""
    nearly_all = f" (p95 {found.p95:.3g} ms)" if found.p95 is not None else ""
    return f"{found.p50:.3g} ms{nearly_all}"


def _body(verdict: Verdict) -> Iterator[str]:
    """The models side by side, and the gates."""
    evaluation, gates, failed = verdict.measured, verdict.gates, verdict.failed
    interval = f"{evaluation.confidence * 100:.3g} % interval"
    yield f"| model | {evaluation.main_metric} | {interval} | median latency | weights |"
    yield "|:---|---:|---:|---:|---:|"
    for name, model in evaluation.models.items():
        found = evaluation.estimate(name)
        cells = [
            cell(evaluation.heading(name)),
            f"{found.value:.4f}",
            f"{found.low:.4f} to {found.high:.4f}",
            _latency(model.latency_ms) if model.latency_ms else "",
            f"{model.bytes / MEGABYTE:.3g} MB" if model.bytes else "",
        ]
        yield f"| {' | '.join(cells)} |"
    yield ""
    yield (
        f"Measured on {evaluation.rows.test:,} test rows. "
        f"Gates passed: {len(gates) - len(failed)} of {len(gates)}{':' if failed else '.'}"
    )
    if failed:
        yield ""
    for gate in failed:
        yield f"- **{gate.name}** failed: {gate.sentence}"
    for sentence in (flips_of(verdict), verdict.ledger.sentence if verdict.ledger else ""):
        yield from ["", sentence] if sentence else []
