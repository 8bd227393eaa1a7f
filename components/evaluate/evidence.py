"""What a run knows of how to get a better model: more rows, a base, more training."""

from pathlib import Path
from typing import Any

import numpy as np

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.model import read_model_json
from stillhouse.components.artifacts.trainings import trainings_of
from stillhouse.components.evaluate.intervals import measured, paired_difference
from stillhouse.components.evaluate.settings import EvaluateSettings
from stillhouse.components.modalities.text.tfidf import tfidf_linear
from stillhouse.components.targets.label_metrics import greater_is_better
from stillhouse.components.tasks.label_task import LabelTask


def evidence(
    settings: EvaluateSettings,
    task: LabelTask,
    train: Examples,
    test: Examples,
    full: np.ndarray,
    folders: dict[str, Path],
) -> dict[str, Any]:
    """What evaluation.json says under that name.

    Args:
        full: scores [test rows, labels] of TF-IDF with a linear model, trained on all training rows.
        folders: of the student and of the teacher.

    Returns:
        `half_rows`: by how much that baseline is better than one that is trained on half of the rows (`rows` of `of`):
        where it is, more rows will help. `random_start`: whether the teacher started from random weights.
        `still_gaining`: steps whose training gained until its last evaluation.
    """
    return {
        "half_rows": _half_rows(settings, task, train, test, full),
        "random_start": read_model_json(folders["teacher"]).get("settings", {}).get("base") == "",
        "still_gaining": _still_gaining(folders["student"]),
    }


def _half_rows(
    settings: EvaluateSettings, task: LabelTask, train: Examples, test: Examples, full: np.ndarray
) -> dict[str, Any]:
    rows = np.sort(np.random.default_rng(settings.seed).permutation(len(train))[: (len(train) + 1) // 2])
    some = train.take(rows)
    half = tfidf_linear(
        task.target.kind, some.values("text"), task.targets(some), len(task.target.labels), settings.seed
    )
    statistics = {
        name: task.statistics(scores, test)
        for name, scores in {"full": full, "half": half.score(test.values("text"))}.items()
    }
    main = task.measures[0]
    found = measured(statistics, [main], len(test), resamples=settings.resamples, seed=settings.seed)
    difference = paired_difference(main.name, found["full"], found["half"], settings.confidence)
    return {"rows": len(rows), "of": len(train), **difference}


def _still_gaining(student: Path) -> list[str]:
    """Trainings on labels that ended while each evaluation was still better than the one before it."""
    found = []
    for training in trainings_of(student):
        values = [value for _, value in training["points"]]
        if training["step"] == "pretrain" or len(values) < 2 or training["stopped"]:
            continue
        gain = values[-1] - max(values[:-1]) if greater_is_better(training["metric"]) else min(values[:-1]) - values[-1]
        if gain > 0:
            found.append(training["step"])
    return found
