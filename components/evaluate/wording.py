"""Names of models and measures as people read them, and the plain sentences about who wins."""

from collections.abc import Iterable, Mapping
from typing import Any

from stillhouse.components.artifacts.evaluation import NO_BASELINES, TRIVIAL

MAX_NEVER = 8
"""Labels that are never answered of which a sentence names so many."""


def model_name(model: str, models: Mapping[str, Any]) -> str:
    """A model's name in a table; `models` is evaluation.json's."""
    return models[model].get("title") or model.capitalize()


def short_name(model: str, models: Mapping[str, Any]) -> str:
    """A model's name beside a bar."""
    return model_name(model, models).removesuffix(" regression")


def _subject(model: str, models: Mapping[str, Any]) -> str:
    """A model's name at the beginning of a sentence."""
    name = model_name(model, models)
    return name if model in baselines(models) and model != TRIVIAL else f"The {name[0].lower()}{name[1:]}"


def baselines(models: Iterable[str]) -> list[str]:
    """Those of the models that are held against the trained ones, the strong one first."""
    return [name for name in models if name not in NO_BASELINES]


def signed(value: float) -> str:
    """A difference with its sign, a true minus."""
    return f"{value:+.3f}".replace("-", "−")


def megabytes(size: int) -> str:
    """Bytes as decimal megabytes."""
    return f"{size / 1e6:.1f} MB"


def comparison_notes(evaluation: dict[str, Any], what: str) -> list[str]:
    """A sentence wherever a baseline or the champion does at least as well as the student, or is faster.

    Args:
        evaluation: evaluation.json.
        what: the main metric, as people read it.
    """
    models, metric = evaluation["models"], evaluation["main_metric"]
    notes = [
        sentence
        for other in ("champion", *baselines(models))
        if other in evaluation["differences"]
        for sentence in _loses(evaluation, what, other)
    ]
    notes += [
        f"{_subject(name, models)} has no finite answer (nan or infinite) for {missing:,} of "
        f"{evaluation['rows']['test']:,} test rows; they count as wrong."
        for name, entry in models.items()
        if (missing := entry.get("unanswered_rows"))
    ]
    teacher = models["teacher"]["metrics"][metric]["value"]
    for other in baselines(models):
        value = models[other]["metrics"][metric]["value"]
        if value >= teacher if evaluation["greater_is_better"] else value <= teacher:
            name = _subject(other, models)
            notes.append(f"{name} does not lose to the teacher either: {what} {value:.3f} against {teacher:.3f}.")
    if evaluation["latency_ratio"]["teacher"] >= 1:
        student, slow = (models[name]["latency_ms"]["p50"] for name in ("student", "teacher"))
        notes.append(f"The student is not faster than the teacher: {student:.1f} ms a row against {slow:.1f} ms.")
    return notes


def label_notes(evaluation: dict[str, Any]) -> list[str]:
    """A sentence on the labels that the student gives no test row, if there are any."""
    never = evaluation["never_answered"]
    if not never:
        return []
    rows = {row["label"]: row["rows"] for row in evaluation["models"]["student"]["per_label"]}
    named = ", ".join(f"'{label}' ({rows[label]:,} test rows)" for label in never[:MAX_NEVER])
    more = f" and {len(never) - MAX_NEVER:,} more" if len(never) > MAX_NEVER else ""
    return [f"{len(never):,} of {len(rows):,} labels the student never answers with: {named}{more}."]


def _loses(evaluation: dict[str, Any], what: str, other: str) -> list[str]:
    paired, models = evaluation["differences"][other], evaluation["models"]
    greater = evaluation["greater_is_better"]
    if paired["difference"] > 0 if greater else paired["difference"] < 0:
        return []
    value = models[other]["metrics"][evaluation["main_metric"]]["value"]
    student = value + paired["difference"]
    verb = "is as good as" if paired["difference"] == 0 else "is ahead of"
    chance = "; the difference may be chance"
    if paired["upper"] < 0 if greater else paired["lower"] > 0:
        verb, chance = "beats", ""
    bounds = f"{evaluation['confidence']:.0%} bounds {signed(paired['lower'])} and {signed(paired['upper'])}"
    sentence = (
        f"{_subject(other, models)} {verb} the student: {what} {value:.3f} against {student:.3f} "
        f"on the same {paired['rows']:,} test rows "
        f"(student minus other {signed(paired['difference'])}, {bounds}{chance})."
    )
    latency = models[other].get("latency_ms")
    if latency and latency["p50"] < models["student"]["latency_ms"]["p50"]:
        mine = models["student"]["latency_ms"]["p50"]
        sentence += f" It is also faster: {latency['p50']:.1f} ms a row against {mine:.1f} ms."
    return [sentence]
