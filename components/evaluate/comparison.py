"""Every contestant's measures with intervals, and the paired differences of those that may be promoted."""

from collections.abc import Callable
from typing import Any

import numpy as np

from stillhouse.components.evaluate.contestants import Contestant
from stillhouse.components.evaluate.ground import Ground
from stillhouse.components.evaluate.intervals import intervals, mcnemar, measured, paired_difference
from stillhouse.components.evaluate.settings import EvaluateSettings
from stillhouse.components.evaluate.wording import RUNG
from stillhouse.components.targets.labels import LabelTarget, label_target

CANDIDATES: dict[str, set[str] | None] = {"student": None, RUNG: {"majority", "champion"}}
"""Models that may be promoted, each with those that it is held against; None for all."""


def compare(
    target: LabelTarget,
    contestants: dict[str, Contestant],
    targets: np.ndarray,
    ground: Ground | None,
    settings: EvaluateSettings,
    progress: Callable[[int], None],
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Measure all contestants on the test rows, the champion on the rows and labels where it meets the candidates.

    Args:
        ground: Where the champion is measured; None without a champion to compare with.
        progress: is told the number of resamples measured so far.

    Returns:
        Of each model its measures (`metrics`, `per_label`), and of each candidate the paired difference to each model
        that it is held against (rows, `paired_difference` in the main measure, p_value of `mcnemar`).
    """
    scores = {name: contestant.scores for name, contestant in contestants.items() if name != "champion"}
    models, differences = _held_together(target, scores, targets, settings, progress)
    if ground is not None:
        both = {name: ground.scores(contestants[name].scores, target.labels) for name in CANDIDATES}
        both["champion"] = ground.scores(contestants["champion"].scores, ground.theirs)
        here = label_target(target.kind, ground.labels)
        found = _held_together(here, both, ground.targets(targets), settings, progress)
        models["champion"] = found[0]["champion"]
        for name in CANDIDATES:
            differences[name]["champion"] = found[1][name]["champion"]
    return {name: models[name] for name in contestants}, differences


def _held_together(
    target: LabelTarget,
    scores: dict[str, np.ndarray],
    targets: np.ndarray,
    settings: EvaluateSettings,
    progress: Callable[[int], None],
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Measures and differences of models that answered the same rows; `scores` are float [rows, labels] of each."""
    statistics = {name: target.statistics(of_model, targets) for name, of_model in scores.items()}
    found = measured(
        statistics,
        target.measures,
        len(targets),
        resamples=settings.resamples,
        seed=settings.seed,
        progress=progress,
    )
    models = {
        name: {
            "metrics": intervals(found[name], settings.confidence),
            "per_label": target.per_label(statistics[name]),
        }
        for name in scores
    }
    errors = {name: target.errors(of_model) for name, of_model in statistics.items()}
    main = target.measures[0].name
    differences = {
        candidate: {
            other: {
                "rows": len(targets),
                **paired_difference(main, found[candidate], found[other], settings.confidence),
                "p_value": mcnemar(errors[candidate], errors[other]),
            }
            for other in scores
            if other != candidate and (against is None or other in against)
        }
        for candidate, against in CANDIDATES.items()
    }
    return models, differences
