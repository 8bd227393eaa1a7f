"""Every contestant's measures with intervals, and the student's paired differences to the others."""

from collections.abc import Callable
from typing import Any

import numpy as np

from stillhouse.components.artifacts.dataset import Split
from stillhouse.components.evaluate.contestants import Contestant
from stillhouse.components.evaluate.ground import Ground
from stillhouse.components.evaluate.intervals import bootstrap, intervals, paired_difference
from stillhouse.components.evaluate.settings import EvaluateSettings
from stillhouse.components.tasks.metrics import measure, per_label


def compare(
    target: str,
    labels: list[str],
    contestants: dict[str, Contestant],
    test: Split,
    ground: Ground | None,
    settings: EvaluateSettings,
    progress: Callable[[int], None],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measure all contestants on the test rows, the champion on the rows and labels where it meets the student.

    Args:
        ground: Where the champion is measured; None without a champion to compare with.
        progress: is told the number of resamples measured so far.

    Returns:
        Of each model its measures (`metrics`, `per_label`), and of each model but the student the paired
        difference (see `paired_difference`).
    """
    scores = {name: contestant.scores for name, contestant in contestants.items() if name != "champion"}
    models, differences = _measured(target, labels, scores, test.targets, settings, progress)
    if ground is not None:
        both = {
            "student": ground.scores(contestants["student"].scores, labels),
            "champion": ground.scores(contestants["champion"].scores, ground.theirs),
        }
        found = _measured(target, ground.labels, both, ground.targets(test.targets), settings, progress)
        models["champion"], differences["champion"] = found[0]["champion"], found[1]["champion"]
    return {name: models[name] for name in contestants}, differences


def _measured(
    target: str,
    labels: list[str],
    scores: dict[str, np.ndarray],
    targets: np.ndarray,
    settings: EvaluateSettings,
    progress: Callable[[int], None],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measures and differences of models that answered the same rows."""
    samples = bootstrap(
        target, scores, targets, labels, resamples=settings.resamples, seed=settings.seed, progress=progress
    )
    models, differences = dict[str, Any](), dict[str, Any]()
    for name in scores:
        values = measure(target, scores[name], targets, labels)
        models[name] = {
            "metrics": intervals(values, samples[name], settings.confidence),
            "per_label": per_label(target, scores[name], targets, labels),
        }
        if name != "student":
            student, other = ((scores[m], samples[m]) for m in ("student", name))
            differences[name] = paired_difference(target, student, other, targets, labels, settings.confidence)
    return models, differences
