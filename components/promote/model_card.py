"""The model card: Markdown under the metadata of Hugging Face's hub, made from what the run knows and nothing else.

Its parts are those of Mitchell et al., 2019, "Model Cards for Model Reporting" (arXiv:1810.03993); the metadata are
what `huggingface_hub.ModelCard` reads.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from stillhouse.components.artifacts.evaluation import Estimate, MeasuredModel, Slice
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.artifacts.verdict import Verdict
from stillhouse.components.promote.summary import TITLES, cell
from stillhouse.components.promote.wording import flips_of
from stillhouse.components.tasks import hub_task_of

CARD = "model_card.md"
NOT_KNOWN = "Not known to the run."
MEGABYTE = 1e6
MAX_LABELS = 50
"""Labels, and slices, that are listed; evaluation.json has all."""
ON_THE_HUB = re.compile(r"hf://(?P<name>[^@]+)")


class About(NamedTuple):
    """What a card is made from."""

    verdict: Verdict
    spec: Spec
    """Of the dataset."""
    model: Mapping[str, Any]
    """The candidate's model.json."""
    digest: str
    """sha256 of the content of its folder."""

    @property
    def measured(self) -> MeasuredModel:
        """How the candidate did."""
        return self.verdict.measured.models[self.verdict.candidate]

    @property
    def name(self) -> str:
        """What people call it."""
        version = f" version {self.verdict.version}" if self.verdict.version else ""
        return f"{self.verdict.model_name}{version}"


def model_card(about: About) -> str:
    """The file's text, in UTF-8."""
    head = yaml.safe_dump(_metadata(about), sort_keys=False, allow_unicode=True)
    parts = (
        ("What it is", _identity(about)),
        ("Uses", _uses(about)),
        ("Data", told_data(about.spec)),
        ("Training", told_training(about)),
        ("Evaluation", told_evaluation(about)),
        ("Limits", told_limits(about)),
        ("Cost", [told_cost(about)]),
    )
    lines = [f"# {about.name}", "", about.verdict.why, ""]
    for title, content in parts:
        lines += [f"## {title}", "", *content, ""]
    return f"---\n{head}---\n\n" + "\n".join(lines).rstrip() + "\n"


def _metadata(about: About) -> dict[str, Any]:
    verdict, evaluation = about.verdict, about.verdict.measured
    tag = hub_task_of(about.spec)
    bases = [found["name"] for base in about.spec.bases if (found := ON_THE_HUB.match(base.address))]
    dataset = {"name": verdict.model_name, "type": verdict.model_name, "split": "test"}
    figures = [
        {"type": name, "name": name, "value": round(found.value, 6)} for name, found in about.measured.metrics.items()
    ]
    result = {"task": {"type": tag or about.spec.task}, "dataset": dataset, "metrics": figures}
    return {
        "license": "unknown",
        **({"pipeline_tag": tag} if tag else {}),
        **({"library_name": "transformers"} if about.model.get("load", "transformers") == "transformers" else {}),
        "tags": ["stillhouse", about.spec.task],
        **({"base_model": bases} if bases else {}),
        "metrics": list(dict.fromkeys([evaluation.main_metric, *about.measured.metrics])),
        "model-index": [{"name": verdict.model_name, "results": [result]}],
    }


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """A table of Markdown; texts may hold anything."""
    lines = [headers, ["---"] * len(headers), *rows]
    return [f"| {' | '.join(cell(' '.join(str(each).split())) for each in line)} |" for line in lines]


def _identity(about: About) -> list[str]:
    verdict, model = about.verdict, about.model
    before = verdict.champion_before
    facts = {
        "decision": TITLES[verdict.decision],
        "kind of problem": f"{about.spec.task}, {about.spec.target}",
        "answers": ", ".join(about.spec.labels[:MAX_LABELS]) or "numbers",
        "which of the run's models": verdict.candidate,
        "parameters": f"{about.measured.parameters:,}" if about.measured.parameters else NOT_KNOWN,
        "size of the weights": f"{about.measured.bytes / MEGABYTE:.3g} MB" if about.measured.bytes else NOT_KNOWN,
        "digest of its files": f"sha256 {about.digest}",
        "in production before": before.label if before else "nothing",
        "made by the run": f"{verdict.run}, decided {verdict.time}",
        "code": told_code(model),
        "licence": NOT_KNOWN,
    }
    return table(("", ""), list(facts.items()))


def told_code(model: Mapping[str, Any]) -> str:
    """Which code made a model, by its model.json."""
    version = model.get("stillhouse_version")
    said = {
        "Stillhouse": version,
        "commit": model.get("git_sha"),
        "image": model.get("image_digest"),
    }
    return ", ".join(f"{name} {value}" for name, value in said.items() if value) or NOT_KNOWN


def _uses(about: About) -> Iterator[str]:
    yield f"What it is meant for, and what it must not be used for: {_lower(NOT_KNOWN)}"
    yield ""
    if version := about.verdict.version:
        yield f"It answers for a file by `stillhouse predict models:/{about.verdict.model_name}/{version} FILE`."
    yield "It is given " + _columns(about.spec)


def _columns(spec: Spec) -> str:
    named = {name: columns for name, columns in spec.columns.items() if columns and name not in ("group", "split")}
    said = [f"{name}: {', '.join(each) if isinstance(each, list) else each}" for name, each in named.items()]
    return f"the columns of its data ({'; '.join(said)})." if said else f"columns that are {_lower(NOT_KNOWN)}"


def told_data(spec: Spec) -> Iterator[str]:
    """What the models have learnt from and were tested on."""
    dropped = ", ".join(f"{reason} {rows:,}" for reason, rows in spec.dropped.items())
    facts = {
        "source": spec.source or NOT_KNOWN,
        "digest of the source": spec.source_digest or NOT_KNOWN,
        "digest of the dataset": spec.content_digest,
        **{f"rows, {split}": f"{rows:,}" for split, rows in spec.rows.items()},
        "rows dropped": dropped or "none",
        "cleaned by": ", ".join(f"{name}: {value}" for name, value in spec.cleaning.items()) or "the defaults",
        "drift from the champion's data": _drift(spec),
        "how it was gathered and labelled, and of whom it tells": NOT_KNOWN,
    }
    yield from table(("", ""), list(facts.items()))
    yield from (f"- {note}" for note in spec.notes)


def _drift(spec: Spec) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in (spec.drift or {}).items()) or "none was measured"


def told_training(about: About) -> Iterator[str]:
    """The bases, and the settings that count."""
    for base in about.spec.bases:
        yield from (f"- {line}" for line in base.lines())
        yield f"- Licence of {base.address or 'the base'}: {_lower(NOT_KNOWN)}" if base.address else ""
    trained = about.verdict.measured.trained_with
    rows = [
        (step, name, value) for step, settings in trained.items() for name, value in settings.items() if name != "task"
    ]
    yield from ["", *table(("step", "setting", "value"), rows)] if rows else [NOT_KNOWN]


def told_evaluation(about: About) -> Iterator[str]:
    """The models side by side on the test rows, and the candidate's labels and slices."""
    evaluation = about.verdict.measured
    interval = f"{evaluation.confidence * 100:.3g} % interval"
    models = [(evaluation.heading(name), *_interval(evaluation.estimate(name))) for name in evaluation.models]
    unlearnt = f"On {evaluation.rows.test:,} test rows, from which neither student nor teacher has learnt."
    yield f"{unlearnt} {flips_of(about.verdict)}".rstrip()
    yield from ["", *table(("model", evaluation.main_metric, interval), models)]
    metrics = [(name, *_interval(each)) for name, each in about.measured.metrics.items()]
    yield from ["", *table((f"measure of the {about.verdict.candidate}", "value", interval), metrics)]
    labels = [
        (each.label, f"{each.precision:.3f}", f"{each.recall:.3f}", f"{each.f1:.3f}", f"{each.rows:,}")
        for each in about.measured.per_label[:MAX_LABELS]
    ]
    if labels:
        yield from ["", *table(("label", "precision", "recall", "F1", "test rows"), labels)]
    yield from told_slices(about)


def told_slices(about: About) -> list[str]:
    """The main metric on the parts of the test rows that the recipe reports apart."""
    evaluation = about.verdict.measured
    beside = evaluation.candidates.get(about.verdict.candidate) or evaluation
    rows = [(name, *_interval(each), f"{each.rows:,}") for name, each in list(beside.slices.items())[:MAX_LABELS]]
    return ["", *table(("slice", evaluation.main_metric, "interval", "test rows"), rows)] if rows else []


def _interval(found: Estimate | Slice) -> tuple[str, str]:
    return f"{found.value:.4f}", f"{found.low:.4f} to {found.high:.4f}"


def told_limits(about: About) -> Iterator[str]:
    """What the run found against the model."""
    evaluation, verdict = about.verdict.measured, about.verdict
    found = [f"The gate {gate.name} failed: {gate.sentence}" for gate in verdict.failed]
    found += [f"The gate {gate.name} was let pass: {gate.sentence}" for gate in verdict.gates if gate.opened]
    if evaluation.never_answered:
        found.append(f"Labels of test rows that it never answers with: {', '.join(evaluation.never_answered)}.")
    if about.measured.unanswered_rows:
        found.append(f"Test rows without a finite answer: {about.measured.unanswered_rows:,}.")
    found += evaluation.notes
    if not told_slices(about):
        found.append("How it does on groups of rows apart was not measured: the recipe names no slices.")
    found.append("How it does on data of another kind than its test rows is not known.")
    yield from (f"- {each}" for each in found)


def told_cost(about: About) -> str:
    """What the run took."""
    cost = about.verdict.cost
    if cost is None:
        return f"Time of the training: {_lower(NOT_KNOWN)} Energy: {_lower(NOT_KNOWN)}"
    on = f"on {cost.gpus} GPUs, {cost.amount:.3g} GPU-hours" if cost.gpus else "on a machine without GPUs asked for"
    return f"Trainings and evaluation took {cost.hours:.3g} hours {on}. Energy: {_lower(NOT_KNOWN)}"


def _lower(sentence: str) -> str:
    return f"{sentence[0].lower()}{sentence[1:]}"
