"""The models that are compared: each answers all test rows once, against the clock."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from stillhouse.components.artifacts.dataset import Split
from stillhouse.components.evaluate.latency import Scorer
from stillhouse.components.models.tfidf_linear import LOAD as TFIDF
from stillhouse.components.targets.majority import majority
from stillhouse.components.targets.unanswered import unanswered, with_wrong_answers
from stillhouse.components.tasks import Task

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Contestant:
    """A model with its answers."""

    scores: np.ndarray
    """float [test rows, labels]."""
    scorer: Scorer | None
    """Answers texts; None for one that needs no time."""
    about: dict[str, Any]
    """parameters, bytes, rows_per_second and tokens_per_second as far as they apply, and unanswered_rows if any are."""

    def answered(self, target: str, targets: np.ndarray) -> "Contestant":
        """With a wrong answer in each row that has none, and a count of these."""
        missing = int(unanswered(self.scores).sum())
        if not missing:
            return self
        wrong = with_wrong_answers(target, self.scores, targets)
        return replace(self, scores=wrong, about={**self.about, "unanswered_rows": missing})


def trained(task: Task, folder: str | Path, test: Split, device: str, progress: Progress) -> Contestant:
    """A model folder, loaded and scored through its task; `progress` is told the rows of each batch."""
    loaded = task.load_model(folder, device)

    def scorer(texts: Any) -> np.ndarray:
        return task.score(loaded, texts)

    scorer(test.texts[:8])  # the first call on a device pays for its set-up
    start = time.perf_counter()
    scores = task.score(loaded, test.texts, progress=progress)
    seconds = time.perf_counter() - start
    about = {
        "parameters": loaded.info["parameters"],
        "bytes": (Path(folder) / "model.safetensors").stat().st_size,
        "rows_per_second": len(test) / seconds,
    }
    if loaded.info.get("load") != TFIDF:
        from stillhouse.components.modalities.text.tokenizer import encode

        tokens = encode(loaded.tokenizer, test.texts, loaded.info["max_length"])[1][-1]
        about["tokens_per_second"] = int(tokens) / seconds
    return Contestant(scores, scorer, about)


def majority_answer(target: str, labels: list[str], train: Split, test: Split) -> Contestant:
    """The baseline that looks at no text."""
    return Contestant(majority(target, train.targets, len(labels), len(test)), None, {})
