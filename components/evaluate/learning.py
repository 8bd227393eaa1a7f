"""The report's section on how the models learnt: loss and validation metric of each training of the run."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from stillhouse.components.artifacts.trainings import Trained
from stillhouse.components.reporting import charts
from stillhouse.components.reporting.page import Section, Table
from stillhouse.components.targets.measure import Measure

if TYPE_CHECKING:
    import altair as alt


def learning_section(trainings: Sequence[Trained], measures: Mapping[str, Measure]) -> Section | None:
    """Curves and a table; None where nothing is known of the trainings.

    Args:
        measures: of the task, by name; one that pretraining goes by is not among them.
    """
    if not trainings:
        return None
    rows = [
        [
            training["step"],
            training["steps"],
            "nothing: the last weights" if _keeps_last(training) else _title(training["metric"], measures),
            _figure(training["best"]),
            training["best_step"] or "–",
            _figure(training["points"][-1][1] if training["points"] else None),
            _ending(training),
        ]
        for training in trainings
    ]
    headers = ["Training", "steps", "chosen by", "kept", "at step", "at the end", "how it ended"]
    return Section(
        "How they learnt",
        tables=[Table(headers, rows, "On the validation rows; the weights of the best evaluation are kept.")],
        charts=[*map(_loss_curve, trainings), *(_metric_curve(each, measures) for each in trainings if each["points"])],
    )


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _ending(training: Trained) -> str:
    """A word on whether more steps were of use."""
    if training["best"] is None:
        return "nothing was validated"
    if training["stopped"]:
        return "early, as nothing got better"
    if _keeps_last(training):
        return "at its last step"
    if training["best_step"] < training["steps"]:
        return "past its best"
    values = [value for _, value in training["points"]]
    return "still getting better: more epochs may help" if len(values) > 1 else "one evaluation only"


def _keeps_last(training: Trained) -> bool:
    """Whether no value told which weights were better, as of an adversarial training."""
    return training.get("keeps_last", False)


def _loss_curve(training: Trained) -> "alt.TopLevelMixin":
    return charts.curve(training["losses"], title=f"{training['step']}: loss in training", x="steps", y="loss")


def _title(metric: str, measures: Mapping[str, Measure]) -> str:
    return measures[metric].title if metric in measures else metric


def _metric_curve(training: Trained, measures: Mapping[str, Measure]) -> "alt.TopLevelMixin":
    metric, values = training["metric"], [value for _, value in training["points"]]
    name = _title(metric, measures)
    kept = None if training["best"] is None else (training["best_step"], training["best"])
    # A perplexity falls by powers.
    log = metric not in measures and min(values) > 0 and max(values) > 10 * min(values)
    title = f"{training['step']}: {name} on the validation rows"
    return charts.curve(training["points"], title=title, x="steps", y=name, kept=kept, log=log)
