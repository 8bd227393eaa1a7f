"""The verdict as Markdown, for the pipelines interface."""

from stillhouse.components.artifacts.verdict import Gate, Verdict
from stillhouse.components.promote.wording import flips_of

TITLES = {
    "promoted": "promoted",
    "rejected": "not promoted",
    "not enough evidence": "not promoted, not enough evidence",
    "unchanged": "unchanged",
    "conflict": "not promoted, another run was first",
    "waiting": "waiting for approval",
}


def summarise(verdict: Verdict) -> str:
    """A page of Markdown: the decision, the gates, and the models side by side."""
    version = f" (version {verdict.version})" if verdict.version else ""
    lines = [f"# {verdict.model_name}: {TITLES[verdict.decision]}{version}", "", verdict.why, ""]
    lines += [line for note in verdict.notes for line in (f"> {note}", "")]
    lines += _gates("gate", verdict.gates)
    if verdict.passed_over:
        lines += ["", *_gates("gate of the student", verdict.passed_over)]
    if verdict.ledger:
        lines += ["", verdict.ledger.sentence]
    evaluation = verdict.measured
    confidence = f"{evaluation.confidence * 100:.3g} %"
    lines += ["", f"| model | {evaluation.main_metric} | {confidence} interval |", "|---|---|---|"]
    for name in evaluation.models:
        found = evaluation.estimate(name)
        lines.append(f"| {name} | {found.value:.4f} | {found.low:.4f} to {found.high:.4f} |")
    measured = f"Measured on {evaluation.rows.test:,} test rows. {flips_of(verdict)}"
    lines += ["", measured.rstrip(), ""]
    lines += [f"- {note}" for note in evaluation.notes]
    return "\n".join(lines).rstrip() + "\n"


def _gates(title: str, gates: list[Gate]) -> list[str]:
    lines = [f"| {title} | | |", "|---|---|---|"]
    for gate in gates:
        result = "**let pass**" if gate.opened else "passed" if gate.passed else "**failed**"
        lines.append(f"| {cell(gate.name)} | {result} | {cell(gate.sentence)} |")
    return lines


def cell(text: str) -> str:
    """A text that a table of Markdown takes."""
    return text.replace("|", "\\|")
