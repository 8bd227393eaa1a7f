"""Every contestant's measures with intervals, and the paired differences of those that may be promoted."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from stillhouse.components.artifacts.evaluation import TRIVIAL
from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.evaluate.contestants import Contestant
from stillhouse.components.evaluate.flips import negative_flips
from stillhouse.components.evaluate.intervals import bounds, intervals, mcnemar, measured, paired_difference
from stillhouse.components.evaluate.settings import EvaluateSettings
from stillhouse.components.targets.measure import Statistics
from stillhouse.components.tasks import Task
from stillhouse.components.tasks.interface.results import Ground, some

Candidates = Mapping[str, set[str] | None]
"""Models that may be promoted, each with those that it is held against; None for all."""


class Compared(NamedTuple):
    """What came of holding all contestants against each other."""

    models: dict[str, Any]
    """Of each its measures (`metrics`, `per_label`)."""
    differences: dict[str, dict[str, Any]]
    """Of each candidate the paired difference to each model that it is held against (rows, `paired_difference` in the
    main measure, p_value of `mcnemar`)."""
    flips: dict[str, np.ndarray]
    """Of each candidate the rows that it has wrong and the champion right, bool [test rows]; empty without a champion
    to compare with, or where answers are not right or wrong."""


def candidates(task: Task, contestants: Mapping[str, Contestant]) -> Candidates:
    """The student, and the strong baseline where that is a model."""
    strong = contestants.get(task.baseline)
    against: dict[str, set[str] | None] = {"student": None}
    return against | ({task.baseline: {TRIVIAL, "champion"}} if strong and strong.may_be_promoted else {})


def compare(
    task: Task,
    contestants: Mapping[str, Contestant],
    statistics: Mapping[str, Statistics],
    test: Examples,
    ground: tuple[Ground, np.ndarray] | None,
    settings: EvaluateSettings,
    progress: Callable[[int], None],
) -> Compared:
    """Measure all contestants on the test rows, the champion on the rows and labels where it meets the candidates.

    Args:
        statistics: of all but the champion, on all test rows.
        ground: where the champion is measured, and on which rows, bool [test rows]; None without a champion to compare
            with.
        progress: is told the number of resamples measured so far.
    """
    against, flips = candidates(task, contestants), {}
    models, differences = _held_together(task, statistics, len(test), against, settings, progress)
    for name, found in statistics.items():
        models[name]["per_label"] = task.per_label(found)
    if ground is not None:
        meeting, rows = ground
        here = test.take(np.flatnonzero(rows))
        both = {name: meeting.ours(some(contestants[name].answers, rows), here) for name in against}
        both["champion"] = meeting.theirs(some(contestants["champion"].answers, rows), here)
        found, to_champion = _held_together(task, both, len(here), against, settings, progress)
        models["champion"] = found["champion"] | {"per_label": meeting.per_label(both["champion"])}
        for name in against:
            differences[name]["champion"] = to_champion[name]["champion"]
        flips = negative_flips(task, both, rows)
    return Compared({name: models[name] for name in contestants}, differences, flips)


def _held_together(
    task: Task,
    statistics: Mapping[str, Statistics],
    rows: int,
    candidates: Candidates,
    settings: EvaluateSettings,
    progress: Callable[[int], None],
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Measures and differences of models that answered the same rows, from the statistics of each."""
    found = measured(
        statistics,
        task.measures,
        rows,
        resamples=settings.resamples,
        seed=settings.seed,
        progress=progress,
    )
    models = {name: {"metrics": intervals(found[name], settings.confidence)} for name in statistics}
    errors = {name: task.errors(of_model) for name, of_model in statistics.items()}
    main = task.measures[0].name
    for name, model in models.items():
        if main in model["metrics"]:
            model["metrics"][main] |= bounds(task.measures[0], found[name], errors[name], settings.confidence)
    differences = {
        candidate: {
            other: {
                "rows": rows,
                **paired_difference(main, found[candidate], found[other], settings.confidence),
                "p_value": mcnemar(errors[candidate], errors[other]),
            }
            for other in statistics
            if other != candidate and (against is None or other in against)
        }
        for candidate, against in candidates.items()
    }
    return models, differences
