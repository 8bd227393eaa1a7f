"""The models that are compared: each answers all test rows once, against the clock."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.model import read_model_json
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.evaluate.latency import Scorer
from stillhouse.components.models.tfidf_linear import LOAD as TFIDF
from stillhouse.components.targets.unanswered import unanswered, with_wrong_answers
from stillhouse.components.tasks import Task, task_of

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Contestant:
    """A model with its answers."""

    scores: np.ndarray
    """float [test rows, labels]."""
    scorer: Scorer | None
    """Answers examples; None for one that needs no time."""
    about: dict[str, Any]
    """parameters, bytes, rows_per_second and tokens_per_second as far as they apply, and unanswered_rows if any are."""

    def answered(self, target: str, targets: np.ndarray) -> "Contestant":
        """With a wrong answer in each row that has none, and a count of these."""
        missing = int(unanswered(self.scores).sum())
        if not missing:
            return self
        wrong = with_wrong_answers(target, self.scores, targets)
        return replace(self, scores=wrong, about={**self.about, "unanswered_rows": missing})


def trained(folder: str | Path, test: Examples, device: str, progress: Progress) -> Contestant:
    """A model folder, loaded and asked through its task; `progress` is told the rows of each batch."""
    task = task_of(Spec.of_model(read_model_json(Path(folder))))
    loaded = task.load(folder, device)

    def scorer(examples: Examples) -> np.ndarray:
        return task.answer(loaded, examples)

    scorer(test.head(8))  # the first call on a device pays for its set-up
    start = time.perf_counter()
    scores = task.answer(loaded, test, progress=progress)
    seconds = time.perf_counter() - start
    about = {
        "parameters": loaded.info["parameters"],
        "bytes": (Path(folder) / "model.safetensors").stat().st_size,
        "rows_per_second": len(test) / seconds,
    }
    if loaded.info.get("load") != TFIDF:
        about[f"{task.unit.name}s_per_second"] = int(task.samples(loaded, test).lengths.sum()) / seconds
    return Contestant(scores, scorer, about)


def majority_answer(task: Task, train: Examples, test: Examples) -> Contestant:
    """The baseline that looks at no example."""
    return Contestant(task.trivial(train, test), None, {})
