"""The baseline that may be promoted in the student's place."""

from pathlib import Path
from typing import Any

import numpy as np

from stillhouse.components.artifacts.dataset import Split
from stillhouse.components.artifacts.model import model_info, write_tfidf
from stillhouse.components.evaluate.settings import EvaluateSettings
from stillhouse.components.modalities.text.tfidf import NUM_FEATURES, tfidf_linear


def write_baseline(
    settings: EvaluateSettings, about: dict[str, Any], train: Split, seen: np.ndarray, folder: Path
) -> None:
    """Fit TF-IDF with a linear model on the training rows and write it as a model of its own.

    Args:
        about: the dataset's dataset.json.
        seen: int64 [rows], short hashes of the rows that a later run counts as seen by it: those that the student saw,
            so that either champion is compared on the same rows.
        folder: model folder to write.
    """
    fitted = tfidf_linear(about["target"], train.texts, train.targets, len(about["labels"]), settings.seed)
    made_by = {"task": settings.task, "seed": settings.seed, "num_features": NUM_FEATURES}
    write_tfidf(fitted, folder, info=model_info(about, made_by, None), hashes=seen)
