"""Every contestant's measures with intervals, and the paired differences of those that may be promoted."""

from collections.abc import Callable
from typing import Any

import numpy as np

from stillhouse.components.artifacts.dataset import Split
from stillhouse.components.evaluate.contestants import Contestant
from stillhouse.components.evaluate.ground import Ground
from stillhouse.components.evaluate.intervals import bootstrap, intervals, paired_difference
from stillhouse.components.evaluate.settings import EvaluateSettings
from stillhouse.components.evaluate.wording import RUNG
from stillhouse.components.targets.label_metrics import measure, per_label

CANDIDATES: dict[str, set[str] | None] = {"student": None, RUNG: {"majority", "champion"}}
"""Models that may be promoted, each with those that it is held against; None for all."""


def compare(
    target: str,
    labels: list[str],
    contestants: dict[str, Contestant],
    test: Split,
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
        that it is held against (see `paired_difference`).
    """
    scores = {name: contestant.scores for name, contestant in contestants.items() if name != "champion"}
    models, differences = _measured(target, labels, scores, test.targets, settings, progress)
    if ground is not None:
        both = {name: ground.scores(contestants[name].scores, labels) for name in CANDIDATES}
        both["champion"] = ground.scores(contestants["champion"].scores, ground.theirs)
        found = _measured(target, ground.labels, both, ground.targets(test.targets), settings, progress)
        models["champion"] = found[0]["champion"]
        for name in CANDIDATES:
            differences[name]["champion"] = found[1][name]["champion"]
    return {name: models[name] for name in contestants}, differences


def _measured(
    target: str,
    labels: list[str],
    scores: dict[str, np.ndarray],
    targets: np.ndarray,
    settings: EvaluateSettings,
    progress: Callable[[int], None],
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Measures and differences of models that answered the same rows."""
    samples = bootstrap(
        target, scores, targets, labels, resamples=settings.resamples, seed=settings.seed, progress=progress
    )
    models = {
        name: {
            "metrics": intervals(measure(target, scores[name], targets, labels), samples[name], settings.confidence),
            "per_label": per_label(target, scores[name], targets, labels),
        }
        for name in scores
    }
    measured = {name: (scores[name], samples[name]) for name in scores}
    differences = {
        candidate: {
            other: paired_difference(target, measured[candidate], measured[other], targets, labels, settings.confidence)
            for other in scores
            if other != candidate and (against is None or other in against)
        }
        for candidate, against in CANDIDATES.items()
    }
    return models, differences
