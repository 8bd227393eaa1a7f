"""Names of models and measures as people read them, and the plain sentences about who wins."""

from typing import Any

METRICS = {
    "accuracy": "accuracy",
    "f1_macro": "macro-F1",
    "f1_micro": "micro-F1",
    "precision_macro": "macro-precision",
    "precision_micro": "micro-precision",
    "recall_macro": "macro-recall",
    "recall_micro": "micro-recall",
    "roc_auc": "ROC AUC",
    "ece": "ECE",
    "mae": "mean absolute error",
    "r2": "R²",
}
MAX_NEVER = 8
"""Labels that are never answered of which a sentence names so many."""
RUNG = "tfidf_logistic"
"""The baseline that may itself be promoted, as evaluation.json calls it."""
BASELINES = (RUNG, "majority")


def model_name(model: str, target: str) -> str:
    """A model's name in a table."""
    names = {"majority": "Majority answer", RUNG: "TF-IDF + logistic regression"}
    if target == "number":
        names = {"majority": "Mean of the training rows", RUNG: "TF-IDF + ridge regression"}
    return names.get(model, model.capitalize())


def _subject(model: str, target: str) -> str:
    """A model's name at the beginning of a sentence."""
    name = model_name(model, target)
    return name if model == RUNG else f"The {name[0].lower()}{name[1:]}"


def signed(value: float) -> str:
    """A difference with its sign, a true minus."""
    return f"{value:+.3f}".replace("-", "−")


def megabytes(size: int) -> str:
    """Bytes as decimal megabytes."""
    return f"{size / 1e6:.1f} MB"


def comparison_notes(evaluation: dict[str, Any], target: str) -> list[str]:
    """A sentence wherever a baseline or the champion does at least as well as the student, or is faster."""
    notes = [
        sentence
        for other in ("champion", *BASELINES)
        if other in evaluation["differences"]
        for sentence in _loses(evaluation, target, other)
    ]
    models, metric = evaluation["models"], evaluation["main_metric"]
    notes += [
        f"{_subject(name, target)} has no finite answer (nan or infinite) for {missing:,} of "
        f"{evaluation['rows']['test']:,} test rows; they count as wrong."
        for name, entry in models.items()
        if (missing := entry.get("unanswered_rows"))
    ]
    teacher = models["teacher"]["metrics"][metric]["value"]
    for other in BASELINES:
        value = models[other]["metrics"][metric]["value"]
        if value >= teacher:
            name, what = _subject(other, target), METRICS[metric]
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


def _loses(evaluation: dict[str, Any], target: str, other: str) -> list[str]:
    paired, models = evaluation["differences"][other], evaluation["models"]
    if paired["difference"] > 0:
        return []
    value = models[other]["metrics"][evaluation["main_metric"]]["value"]
    student = value + paired["difference"]
    verb = "is as good as" if paired["difference"] == 0 else "is ahead of"
    chance = "; the difference may be chance"
    if paired["upper"] < 0:
        verb, chance = "beats", ""
    what, confidence = METRICS[evaluation["main_metric"]], f"{evaluation['confidence']:.0%}"
    bounds = f"{confidence} bounds {signed(paired['lower'])} and {signed(paired['upper'])}"
    sentence = (
        f"{_subject(other, target)} {verb} the student: {what} {value:.3f} against {student:.3f} "
        f"on the same {paired['rows']:,} test rows "
        f"(student minus other {signed(paired['difference'])}, {bounds}{chance})."
    )
    latency = models[other].get("latency_ms")
    if latency and latency["p50"] < models["student"]["latency_ms"]["p50"]:
        mine = models["student"]["latency_ms"]["p50"]
        sentence += f" It is also faster: {latency['p50']:.1f} ms a row against {mine:.1f} ms."
    return [sentence]
