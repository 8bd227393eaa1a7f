"""What time shows: the champion on rows newer than all it learnt from, and what candidates forget of earlier rows.

Tested first and learnt from afterwards, each row tells once how well a model foresees (the prequential score: Dawid,
1984, doi:10.2307/2981683; Gama, Sebastião and Rodrigues, 2013, doi:10.1007/s10994-012-5320-9).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.evaluate.champion import Champion
from stillhouse.components.evaluate.comparison import candidates
from stillhouse.components.evaluate.contestants import Contestant
from stillhouse.components.evaluate.intervals import intervals, measured, paired_estimate
from stillhouse.components.evaluate.settings import EvaluateSettings
from stillhouse.components.targets.measure import Statistics, part_of
from stillhouse.components.tasks import Task
from stillhouse.components.tasks.interface.results import some


def forward(
    champion: Champion | None,
    contestants: Mapping[str, Contestant],
    task: Task,
    test: Examples,
    settings: EvaluateSettings,
) -> dict[str, Any]:
    """The part `prequential` of evaluation.json; nothing without a champion, or where rows have no times.

    Args:
        champion: as it was compared.
        contestants: the champion among them, if it gave answers.
    """
    if champion is None or test.times is None:
        return {}
    until, rows = champion.task.spec.learnt_until if champion.task else None, _newer(champion, test)
    described = {"name": champion.name, "digest": champion.digest, "learnt_until": until, "rows": 0}
    if isinstance(rows, str) or champion.ground is None:
        return {"prequential": {**described, "compared": False, "why_not": rows}}
    main, here = task.measures[0], test.take(np.flatnonzero(rows))
    statistics = champion.ground.theirs(some(contestants["champion"].answers, rows), here)
    found = measured({"champion": statistics}, [main], len(here), resamples=settings.resamples, seed=settings.seed)
    estimate = intervals(found["champion"], settings.confidence).get(main.name)
    why_not = "" if estimate else f"{main.title} has no value on the {len(here):,} test rows that are newer"
    described["rows"] = len(here)
    return {"prequential": {**described, "compared": not why_not, "why_not": why_not, "estimate": estimate}}


def _newer(champion: Champion, test: Examples) -> np.ndarray | str:
    """The rows that are newer than all it learnt from, bool [test rows]; where there are none, why."""
    if champion.meeting is None or champion.task is None:
        return champion.why_not
    assert test.times is not None
    until = champion.task.spec.learnt_until
    number = test.times.number(until)
    if until is None:
        return "up to when it has learnt is not known, its data had no column of times"
    if number is None:
        return f"it has learnt up to {until}, and the data now have {'dates' if test.times.are_dates else 'numbers'}"
    rows = champion.rows & (test.times.values > number)
    return rows if rows.any() else f"no test row that it can be asked about is newer than all it learnt from ({until})"


def remembered(
    champion: Champion | None,
    contestants: Mapping[str, Contestant],
    task: Task,
    test: Examples,
    settings: EvaluateSettings,
) -> dict[str, dict[str, Any]]:
    """Of each candidate the part `forgetting` of evaluation.json: beside the champion, on the test rows of earlier
    partitions that the champion never saw. Nothing without such rows, or a champion to compare with."""
    periods = test.periods
    if champion is None or champion.ground is None or "champion" not in contestants:
        return {}
    rows = champion.rows & (periods != "")
    if not rows.any():
        return {}
    here, ground = test.take(np.flatnonzero(rows)), champion.ground
    statistics = {
        name: ground.ours(some(contestants[name].answers, rows), here) for name in candidates(task, contestants)
    }
    statistics["champion"] = ground.theirs(some(contestants["champion"].answers, rows), here)
    names = np.unique(periods[rows])
    parts = {str(name): _beside_champion(statistics, periods[rows] == name, task, settings) for name in names}
    together = _beside_champion(statistics, np.ones(len(here), bool), task, settings)
    return {
        candidate: {
            "together": together.get(candidate),
            "periods": {name: found[candidate] for name, found in parts.items() if candidate in found},
        }
        for candidate in statistics
        if candidate != "champion"
    }


def _beside_champion(
    statistics: Mapping[str, Statistics], chosen: np.ndarray, task: Task, settings: EvaluateSettings
) -> dict[str, dict[str, float]]:
    """Of each candidate its measure, the champion's and the paired estimate, on some rows, bool [rows]; nothing where
    the measure has no value there."""
    main, rows = task.measures[0], int(chosen.sum())
    parts = {name: part_of(found, chosen) for name, found in statistics.items()}
    found = measured(parts, [main], rows, resamples=settings.resamples, seed=settings.seed)
    if any(main.name not in model.values for model in found.values()):
        return {}
    errors = {name: task.errors(part) for name, part in parts.items()}
    theirs = found["champion"]
    return {
        name: {
            **paired_estimate(main.name, model, theirs, (errors[name], errors["champion"])),
            "value": model.values[main.name],
            "champion": theirs.values[main.name],
        }
        for name, model in found.items()
        if name != "champion"
    }
