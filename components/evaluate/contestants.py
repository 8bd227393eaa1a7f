"""The models that are compared: each answers all test rows once, against the clock."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.model import read_model_json
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.evaluate.latency import Scorer
from stillhouse.components.tasks import Task, task_of
from stillhouse.components.tasks.interface.results import Answers

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Contestant:
    """A model with its answers."""

    answers: Answers
    """To all test rows."""
    scorer: Scorer | None = None
    """Answers examples; None for one that needs no time."""
    about: dict[str, Any] = field(default_factory=dict)
    """parameters, bytes, rows_per_second, <unit>s_per_second as far as they apply, and unanswered_rows if any are."""
    title: str = ""
    """Of a baseline, as people read it."""

    @property
    def may_be_promoted(self) -> bool:
        """Whether it is a model that answers later, too."""
        return self.scorer is not None

    def answered(self, task: Task, examples: Examples) -> "Contestant":
        """With a wrong answer in each row that has none, and a count of these."""
        missing = int(task.unanswered(self.answers).sum())
        if not missing:
            return self
        wrong = task.with_wrong_answers(self.answers, examples)
        return replace(self, answers=wrong, about={**self.about, "unanswered_rows": missing})

    def called(self, title: str) -> "Contestant":
        """The same under a title."""
        return replace(self, title=title)

    def described(self) -> dict[str, Any]:
        """What evaluation.json says of it beyond its measures."""
        return {**({"title": self.title} if self.title else {}), **self.about}


def trained(folder: str | Path, test: Examples, device: str, progress: Progress) -> Contestant:
    """A model folder, loaded and asked through its task; `progress` is told the rows of each batch."""
    from torch import nn

    task = task_of(Spec.of_model(read_model_json(Path(folder))))
    loaded = task.load(folder, device)

    def scorer(examples: Examples) -> Answers:
        return task.answer(loaded, examples)

    scorer(test.head(8))  # the first call on a device pays for its set-up
    start = time.perf_counter()
    answers = task.answer(loaded, test, progress=progress)
    seconds = time.perf_counter() - start
    about = {
        "parameters": loaded.info["parameters"],
        "bytes": (Path(folder) / "model.safetensors").stat().st_size,
        "rows_per_second": len(test) / seconds,
    }
    if isinstance(loaded.model, nn.Module):  # others take examples whole, and count nothing smaller
        about[f"{task.unit.name}s_per_second"] = int(task.samples(loaded, test).lengths.sum()) / seconds
    return Contestant(answers, scorer, about)
