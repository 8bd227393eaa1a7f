"""What a run knows of how to get a better model: more rows, a base, more training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.model import read_model_json
from stillhouse.components.artifacts.trainings import trainings_of
from stillhouse.components.evaluate.intervals import measured, paired_difference
from stillhouse.components.evaluate.settings import EvaluateSettings
from stillhouse.components.targets.measure import Measure, Statistics
from stillhouse.components.tasks import Task


def evidence(
    settings: EvaluateSettings,
    task: Task,
    train: Examples,
    test: Examples,
    full: Statistics | None,
    folders: dict[str, Path],
) -> dict[str, Any]:
    """What evaluation.json says under that name.

    Args:
        full: of the strong baseline, trained on all training rows; None where there is none.
        folders: of the student and of the teacher.

    Returns:
        `half_rows`: by how much that baseline is better than one that is trained on half of the rows (`rows` of `of`):
        where it is, more rows will help; None without such a baseline. `random_start`: whether the teacher started from
        random weights. `still_gaining`: steps whose training gained until its last evaluation.
    """
    return {
        "half_rows": _half_rows(settings, task, train, test, full) if full is not None else None,
        "random_start": read_model_json(folders["teacher"]).get("settings", {}).get("base") == "",
        "still_gaining": _still_gaining(folders["student"], task.measures),
    }


def _half_rows(
    settings: EvaluateSettings, task: Task, train: Examples, test: Examples, full: Statistics
) -> dict[str, Any]:
    rows = np.sort(np.random.default_rng(settings.seed).permutation(len(train))[: (len(train) + 1) // 2])
    half = task.statistics(task.baseline_answers(train.take(rows), test, settings.seed), test)
    main = task.measures[0]
    found = measured({"full": full, "half": half}, [main], len(test), resamples=settings.resamples, seed=settings.seed)
    difference = paired_difference(main.name, found["full"], found["half"], settings.confidence)
    return {"rows": len(rows), "of": len(train), **difference}


def _still_gaining(student: Path, measures: Sequence[Measure]) -> list[str]:
    """Trainings on labels that ended while each evaluation was still better than the one before it."""
    found, greater_is_better = [], {measure.name: measure.greater_is_better for measure in measures}
    for training in trainings_of(student):
        values = [value for _, value in training["points"]]
        if training["step"] == "pretrain" or len(values) < 2 or training["stopped"]:
            continue
        gain = values[-1] - max(values[:-1]) if greater_is_better[training["metric"]] else min(values[:-1]) - values[-1]
        if gain > 0:
            found.append(training["step"])
    return found
