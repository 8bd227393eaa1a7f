"""What MLflow shows of a verdict: on the page of the whole run, in the table of runs, and of a version."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stillhouse.components.artifacts.promotion_record import Entry
from stillhouse.components.promote.summary import TITLES, cell
from stillhouse.components.promote.wording import called
from stillhouse.components.tracking.run import StepRun
from stillhouse.components.tracking.whole import ARTIFACT, VERSION

PAGES = {"report.html": "report", "card.html": "data card", "verdict.json": "verdict"}
"""Artifacts of the whole run, as links to them are called."""
MEGABYTE = 1e6


def tell(run: StepRun, verdict: dict[str, Any], dataset: dict[str, Any]) -> None:
    """Hand verdict, figures, dataset and pages to the run of the whole pipeline.

    Args:
        verdict: verdict.json.
        dataset: dataset.json; the step that made it may have come from the cache, and said nothing.
    """
    whole = run.whole
    for page in PAGES:
        whole.artifact(run.folder / page)
    source = dataset["source"]
    whole.dataset(Path(source).stem, dataset["content_digest"], source, dataset["rows"])
    whole.metrics(figures(verdict, dataset["rows"]))
    champion = verdict["champion_before"]
    whole.tags({"champion": (champion["version"] or champion["digest"][:12]) if champion else "none"})
    whole.verdict(verdict["decision"], verdict["why"], describe_run(verdict), verdict["version"])


def figures(verdict: dict[str, Any], rows: dict[str, int]) -> dict[str, float]:
    """The figures by which runs are compared, under the names that the steps' own runs give them."""
    evaluation = verdict["evaluation"]
    metric = evaluation["main_metric"]
    found: dict[str, float | None] = {f"rows/{split}": count for split, count in rows.items()}
    for name, model in evaluation["models"].items():
        found[f"{name}/{metric}"] = model["metrics"][metric]["value"]
        found[f"{name}/latency_ms"] = model.get("latency_ms", {}).get("p50")
        found[f"{name}/megabytes"] = model["bytes"] / MEGABYTE if model.get("bytes") else None
    found["gates/failed"] = sum(not gate["passed"] for gate in verdict["gates"])
    return {name: value for name, value in found.items() if value is not None}


def describe_run(verdict: dict[str, Any]) -> str:
    """Markdown for the page of the whole run; its first lines are what the page shows unasked."""
    name, version = verdict["model_name"], verdict["version"]
    links = [f"[{called}]({ARTIFACT}{page})" for page, called in PAGES.items()]
    if version:
        links.append(f"[version {version}]({VERSION}{name}/{version})")
    return "\n".join(
        [
            f"**{name}: {TITLES[verdict['decision']]}{f', version {version}' if version else ''}.** {verdict['why']}",
            "",
            " · ".join(links),
            "",
            *_body(verdict),
            *(line for note in verdict["notes"] for line in ("", f"> {note}")),
        ]
    )


def describe_version(entry: Entry, verdict: dict[str, Any] | None) -> str:
    """Markdown for a version in the registry: why it was promoted, and how it did.

    Args:
        verdict: Of the run that promoted it; None where it is gone.
    """
    said = f"Promoted by the run {entry.run} at {entry.promoted_at}."
    return "\n".join([f"**{verdict['why']}** {said}", "", *_body(verdict)] if verdict else [said])


def _body(verdict: dict[str, Any]) -> Iterator[str]:
    """The models side by side, and the gates."""
    evaluation, gates = verdict["evaluation"], verdict["gates"]
    metric = evaluation["main_metric"]
    yield f"| model | {metric} | {evaluation['confidence'] * 100:.3g} % interval | median latency | weights |"
    yield "|:---|---:|---:|---:|---:|"
    for name, model in evaluation["models"].items():
        found = model["metrics"][metric]
        latency, size = model.get("latency_ms"), model.get("bytes")
        cells = [
            cell(called(name, evaluation)),
            f"{found['value']:.4f}",
            f"{found['low']:.4f} to {found['high']:.4f}",
            f"{latency['p50']:.3g} ms" if latency else "",
            f"{size / MEGABYTE:.3g} MB" if size else "",
        ]
        yield f"| {' | '.join(cells)} |"
    failed = [gate for gate in gates if not gate["passed"]]
    yield ""
    yield (
        f"Measured on {evaluation['rows']['test']:,} test rows. "
        f"Gates passed: {len(gates) - len(failed)} of {len(gates)}{':' if failed else '.'}"
    )
    if failed:
        yield ""
    for gate in failed:
        yield f"- **{gate['name']}** failed: {gate['sentence']}"
