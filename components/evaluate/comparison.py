"""Every contestant's measures with intervals, and the student's paired differences to the others."""

from collections.abc import Callable
from typing import Any

import numpy as np

from stillhouse.components.artifacts.dataset import Split
from stillhouse.components.evaluate.contestants import Contestant
from stillhouse.components.evaluate.intervals import bootstrap, intervals, paired_difference
from stillhouse.components.evaluate.settings import EvaluateSettings
from stillhouse.components.tasks.metrics import measure, per_label


def compare(
    target: str,
    labels: list[str],
    contestants: dict[str, Contestant],
    test: Split,
    unseen: np.ndarray | None,
    settings: EvaluateSettings,
    progress: Callable[[int], None],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measure all contestants on the test rows, the champion on the rows it never saw.

    Args:
        unseen: bool [test rows], those the champion is measured on; None without a champion.
        progress: is told the number of resamples measured so far.

    Returns:
        Of each model its measures (`metrics`, `per_label`), and of each model but the student the paired
        difference (see `paired_difference`).
    """
    everywhere = np.ones(len(test), dtype=bool)
    groups = [(everywhere, [name for name in contestants if name != "champion"])]
    if unseen is not None:
        groups.append((unseen, ["student", "champion"]))
    models: dict[str, Any] = {}
    differences: dict[str, Any] = {}
    for rows, names in groups:
        scores, targets = {name: contestants[name].scores[rows] for name in names}, test.targets[rows]
        samples = bootstrap(
            target,
            scores,
            targets,
            labels,
            resamples=settings.resamples,
            seed=settings.seed,
            progress=progress,
        )
        for name in names:
            if name in models:
                continue
            values = measure(target, scores[name], targets, labels)
            models[name] = {
                "metrics": intervals(values, samples[name], settings.confidence),
                "per_label": per_label(target, scores[name], targets, labels),
            }
            if name != "student":
                student, other = ((scores[m], samples[m]) for m in ("student", name))
                differences[name] = paired_difference(target, student, other, targets, labels, settings.confidence)
    return {name: models[name] for name in contestants}, differences
