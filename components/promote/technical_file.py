"""The technical file: what the run knows of each point of Annex IV to the EU's AI Act (Regulation (EU) 2024/1689).

The order and the numbers are the annex's, the words are ours. What no run can know is said to be so: a person adds it.
It is a help for who has to write such documentation, and says nothing of whether a system falls under the act.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from stillhouse.components.promote.model_card import (
    NOT_KNOWN,
    About,
    table,
    told_code,
    told_cost,
    told_data,
    told_evaluation,
    told_limits,
    told_slices,
    told_training,
)

TECHNICAL_FILE = "technical_file.md"
HEAD = (
    "In the shape of Annex IV to Regulation (EU) 2024/1689, made from the verdict of the run. It says what the run "
    f'knows and nothing else: "{NOT_KNOWN}" stands where a person has to add something. It declares no conformity.'
)


class Point(NamedTuple):
    """One point of the annex."""

    number: str
    title: str
    told: Callable[[About], Iterable[str]]
    """What the run knows of it."""


def technical_file(about: About) -> str:
    """The file's text: Markdown, in UTF-8."""
    lines = [f"# Technical file of {about.name}", "", HEAD, ""]
    for point in POINTS:
        lines += [f"{'###' if '(' in point.number else '##'} {point.number} {point.title}", ""]
        lines += [*point.told(about), ""]
    return "\n".join(lines).rstrip() + "\n"


def _nothing(_: About) -> list[str]:
    return [NOT_KNOWN]


def _heading(_: About) -> list[str]:
    return []


def _purpose(about: About) -> Iterator[str]:
    verdict, before = about.verdict, about.verdict.champion_before
    yield f"Intended purpose and provider: {NOT_KNOWN[0].lower()}{NOT_KNOWN[1:]}"
    yield ""
    facts = {
        "name": verdict.model_name,
        "version": verdict.version or "none: it was not put into production",
        "digest of its files": f"sha256 {about.digest}",
        "version before": before.label if before else "none",
        "decision of the run": f"{verdict.decision}: {verdict.why}",
    }
    yield from table(("", ""), list(facts.items()))


def _software(about: About) -> list[str]:
    return [f"{told_code(about.model)}. The recipe with every setting is recipe.lock.yaml, beside this file."]


def _hardware(about: About) -> list[str]:
    found = [
        (about.verdict.measured.heading(name), f"{model.latency_ms.p50:.3g} ms", f"{model.latency_ms.p90:.3g} ms")
        for name, model in about.verdict.measured.models.items()
        if model.latency_ms
    ]
    times = ["", *table(("model", "median time of one row", "nine of ten rows"), found)] if found else []
    return [f"The machine it was measured on, and that it is to run on: {NOT_KNOWN[0].lower()}{NOT_KNOWN[1:]}", *times]


def _use(about: About) -> list[str]:
    name = about.verdict.model_name
    return [f"`stillhouse predict models:/{name}@champion FILE` answers for what is in production. Else: {NOT_KNOWN}"]


def _design(about: About) -> list[str]:
    evaluation = about.verdict.measured
    more = "more" if evaluation.greater_is_better else "less"
    return [
        f"It learns {about.spec.task} ({about.spec.target}). Weights are chosen by {evaluation.main_metric}, of which "
        f"{more} is better. The {about.verdict.candidate} was the candidate among "
        f"{', '.join(evaluation.title(model) for model in evaluation.models)}. Why this was designed so: {NOT_KNOWN}"
    ]


def _architecture(about: About) -> list[str]:
    parameters = f"{about.measured.parameters:,}" if about.measured.parameters else "an unknown number of"
    return [f"{parameters} parameters. {told_cost(about)}"]


def _metrics(about: About) -> list[str]:
    evaluation = about.verdict.measured
    intervals = f"Intervals are of {evaluation.confidence * 100:.3g} %, over resamples of the rows."
    return [
        f"The main one is {evaluation.main_metric}; the baselines it is read against: "
        f"{', '.join(evaluation.title(name) for name in evaluation.baselines) or 'none'}. {intervals} "
        f"Whether these measures fit the purpose: {NOT_KNOWN[0].lower()}{NOT_KNOWN[1:]}"
    ]


def _tests(about: About) -> Iterator[str]:
    yield from told_evaluation(about)
    gates = [(gate.name, "held" if gate.passed else "failed", gate.sentence) for gate in about.verdict.gates]
    yield from ["", *table(("gate", "", "what was measured"), gates)]
    yield from ["", f"Decided {about.verdict.time} by the run {about.verdict.run}. Signed by: {NOT_KNOWN}"]


def _accuracy(about: About) -> Iterator[str]:
    yield from told_slices(about) or ["For groups of persons apart: not measured; the recipe names no slices."]
    yield from ["", *told_limits(about)]


def _changes(about: About) -> list[str]:
    before = about.verdict.champion_before
    names = about.verdict.model_name
    return [
        f"It was compared with {before.name}." if before else "There was no champion before it.",
        f"`stillhouse verdicts {names}` lists every run of this name and what became of it.",
    ]


POINTS = (
    Point("1.", "General description", _heading),
    Point("1. (a)", "Purpose, provider, version", _purpose),
    Point("1. (b)", "What it interacts with", _nothing),
    Point("1. (c)", "Versions of software", _software),
    Point("1. (d)", "Forms in which it is provided", _nothing),
    Point("1. (e)", "Hardware it is to run on", _hardware),
    Point("1. (f)", "Pictures of the product it is part of", _nothing),
    Point("1. (g)", "Interface for the deployer", _nothing),
    Point("1. (h)", "Instructions for use", _use),
    Point("2.", "Elements, and how it was developed", _heading),
    Point("2. (a)", "Steps of the development, and models from elsewhere", told_training),
    Point("2. (b)", "Design and its choices", _design),
    Point("2. (c)", "Architecture and computing", _architecture),
    Point("2. (d)", "Data", lambda about: told_data(about.spec)),
    Point("2. (e)", "Human oversight", _nothing),
    Point("2. (f)", "Changes that are foreseen", _nothing),
    Point("2. (g)", "Validation and tests", _tests),
    Point("2. (h)", "Cybersecurity", _nothing),
    Point("3.", "Monitoring, functioning and control", _accuracy),
    Point("4.", "Whether the measures are apt", _metrics),
    Point("5.", "Risk management", _nothing),
    Point("6.", "Changes over its life", _changes),
    Point("7.", "Standards applied", _nothing),
    Point("8.", "EU declaration of conformity", _nothing),
    Point("9.", "Monitoring after it is on the market", _nothing),
)
