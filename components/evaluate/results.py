"""What evaluate found, as the report shows it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from stillhouse.components.artifacts.trainings import Trained
from stillhouse.components.evaluate.confusions import Confused
from stillhouse.components.evaluate.curves import RocCurve
from stillhouse.components.evaluate.mistakes import Mistake
from stillhouse.components.evaluate.settings import EvaluateSettings
from stillhouse.components.evaluate.wording import model_name


@dataclass(frozen=True)
class Findings:
    """All that the report shows."""

    evaluation: dict[str, Any]
    """As written to evaluation.json."""
    target: str
    labels: list[str]
    settings: EvaluateSettings
    source: str
    mistakes: list[Mistake]
    confusion: np.ndarray | None
    """int64 [labels, labels] of the student, for classes."""
    confused: list[Confused]
    """The labels that the student confuses most; empty for number."""
    trainings: list[Trained]
    """Those of the run, as far as the student's folder tells of them."""
    roc: dict[str, RocCurve]
    """Of each model; empty for number."""
    reliability: list[tuple[float, float, int]]
    """Mean confidence, share right, answers of each bin of the student; empty for number."""
    answers: np.ndarray
    """float64 [rows, 2] of true and answered numbers; empty for classes and labels."""

    @property
    def metric(self) -> str:
        """The main metric."""
        return self.evaluation["main_metric"]

    @property
    def models(self) -> dict[str, Any]:
        return self.evaluation["models"]

    def value(self, model: str) -> float:
        """A model's main metric."""
        return self.models[model]["metrics"][self.metric]["value"]

    def name(self, model: str) -> str:
        return model_name(model, self.target)

    def short(self, model: str) -> str:
        """A name for beside a bar."""
        return self.name(model).removesuffix(" regression")
