"""Slices found, not only named: those that the student answers worse than the other test rows.

Each slice is tested for its answers being more often wrong (or further off) than those of the other rows: where answers
are right or wrong by Fisher's exact test (1922, doi:10.2307/2340521), else by the rank-sum test of Mann and Whitney
(1947, doi:10.1214/aoms/1177730491). Who looks at 300 slices finds 15 at 5 % where there are none, so the p-values are
Holm's (1979, jstor.org/stable/4615733): with 95 % none of those below 0.05 is there by chance, however the slices
overlap. The idea of such a search is of Chung et al. (2019, arXiv:1807.06068).
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.evaluate.intervals import bounds, measured
from stillhouse.components.evaluate.settings import EvaluateSettings
from stillhouse.components.targets.measure import Statistics, part_of
from stillhouse.components.targets.slicing import LEAST, Slices, by_member
from stillhouse.components.tasks import Task


def found_slices(task: Task, statistics: Statistics, test: Examples, settings: EvaluateSettings) -> dict[str, Any]:
    """The part `found_slices` of evaluation.json; empty where none are to be listed.

    Args:
        statistics: of the student's answers to all of `test`.
    """
    if not settings.num_slices:
        return {}
    errors = task.errors(statistics)
    names, masks = _looked_at(chain(_named(test.slices(settings.slices)), task.possible_slices(test)), len(test))
    alone = np.array([*_chances(errors, masks)])
    chances, excess = holm(alone), _excess(errors, masks)
    # The bound of each holds for all that were looked at together.
    sure = 1 - (1 - settings.confidence) / max(len(names), 1)
    listed = []
    for index in np.lexsort((-excess, alone))[: settings.num_slices]:
        found = excess[index] > 0 and _measured(task, statistics, errors, masks[index], sure, settings)
        if found:
            listed.append({"name": names[index], **found, "p_value": float(chances[index])})
    told = {"looked_at": len(names), "least_rows": LEAST, "correction": "Holm"}
    return {"found_slices": {**told, "sure": int((chances < 1 - settings.confidence).sum()), "slices": listed}}


def holm(chances: np.ndarray) -> np.ndarray:
    """p-values, float64 [tests], as they are where all tests were made together."""
    order, number = np.argsort(chances, kind="stable"), len(chances)
    adjusted = np.empty(number)
    adjusted[order] = np.minimum(np.maximum.accumulate(chances[order] * (number - np.arange(number))), 1.0)
    return adjusted


def _named(columns: Mapping[str, Sequence[str]]) -> Slices:
    for column, values in columns.items():
        yield from by_member(([str(value)] for value in values), f"{column}={{}}".format)


def _looked_at(slices: Slices, rows: int) -> tuple[list[str], list[np.ndarray]]:
    """Those with rows enough within and without, each set of rows once."""
    found: dict[bytes, tuple[str, np.ndarray]] = {}
    for name, mask in slices:
        if LEAST <= mask.sum() <= rows - LEAST:
            found.setdefault(mask.tobytes(), (name, mask))
    return [name for name, _ in found.values()], [mask for _, mask in found.values()]


def _chances(errors: np.ndarray, masks: Sequence[np.ndarray]) -> Iterator[float]:
    """Of each slice the probability that chance alone makes its rows so much worse than the others."""
    from scipy.stats import hypergeom, mannwhitneyu

    is_wrong = np.isin(errors, (0.0, 1.0)).all()
    for mask in masks:
        here = errors[mask]
        if is_wrong:
            yield float(hypergeom.sf(here.sum() - 1, len(errors), int(errors.sum()), len(here)))
        else:
            found = mannwhitneyu(here, errors[~mask], alternative="greater", method="asymptotic")
            yield float(np.nan_to_num(found.pvalue, nan=1.0))  # nan where all are off alike


def _excess(errors: np.ndarray, masks: Sequence[np.ndarray]) -> np.ndarray:
    """By how much the mean error is larger within each slice than in all rows, float64 [slices]."""
    return np.array([errors[mask].mean() - errors.mean() for mask in masks])


def _measured(
    task: Task,
    statistics: Statistics,
    errors: np.ndarray,
    mask: np.ndarray,
    confidence: float,
    settings: EvaluateSettings,
) -> dict[str, float | int]:
    """Rows, main metric, and what it is at best; empty where nothing there is measured by it."""
    main, rows = task.measures[0], int(mask.sum())
    here = {"slice": part_of(statistics, mask)}
    model = measured(here, [main], rows, resamples=settings.resamples, seed=settings.seed)["slice"]
    if main.name not in model.values:
        return {}
    found = bounds(main, model, errors[mask], confidence)
    best = found["upper"] if main.greater_is_better else found["lower"]
    if main.tolerance == "points":
        best = min(best, 1.0) if main.greater_is_better else max(best, 0.0)
    return {"rows": rows, "value": model.values[main.name], "bound": best}
