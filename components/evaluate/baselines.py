"""The baseline that may be promoted in the student's place."""

from pathlib import Path

import numpy as np

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.model import model_info, write_tfidf
from stillhouse.components.evaluate.settings import EvaluateSettings
from stillhouse.components.modalities.text.tfidf import NUM_FEATURES, tfidf_linear
from stillhouse.components.tasks.label_task import LabelTask


def write_baseline(
    settings: EvaluateSettings, task: LabelTask, train: Examples, seen: np.ndarray, folder: Path
) -> None:
    """Fit TF-IDF with a linear model on the training rows and write it as a model of its own.

    Args:
        seen: int64 [rows], short hashes of the rows that a later run counts as seen by it: those that the student saw,
            so that either champion is compared on the same rows.
        folder: model folder to write.
    """
    target = task.target
    fitted = tfidf_linear(target.kind, train.values("text"), task.targets(train), len(target.labels), settings.seed)
    made_by = {"task": settings.task, "seed": settings.seed, "num_features": NUM_FEATURES}
    write_tfidf(fitted, folder, info=model_info(task.spec, task.measures[0].name, made_by, None), hashes=seen)
