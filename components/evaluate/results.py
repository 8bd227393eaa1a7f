"""What evaluate found, as the report shows it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from stillhouse.components.artifacts.trainings import Trained
from stillhouse.components.evaluate.mistakes import Mistake
from stillhouse.components.evaluate.settings import EvaluateSettings
from stillhouse.components.evaluate.wording import model_name, short_name
from stillhouse.components.targets.measure import Measure
from stillhouse.components.tasks import Task
from stillhouse.components.tasks.interface.results import Results


@dataclass(frozen=True)
class Findings:
    """All that the report shows."""

    task: Task
    results: Results
    settings: EvaluateSettings
    source: str
    mistakes: list[Mistake]
    flips: list[Mistake]
    """Of the mistakes on rows that the champion has right the worst ones."""
    trainings: list[Trained]
    """Those of the run, as far as the student's folder tells of them."""

    @property
    def evaluation(self) -> dict[str, Any]:
        """As written to evaluation.json."""
        return self.results.evaluation

    @property
    def metric(self) -> str:
        """The main metric."""
        return self.evaluation["main_metric"]

    @property
    def what(self) -> str:
        """The same as people read it."""
        return self.measures[self.metric].title

    @cached_property
    def measures(self) -> dict[str, Measure]:
        """The task's measures by name."""
        return {measure.name: measure for measure in self.task.measures}

    @property
    def models(self) -> dict[str, Any]:
        return self.evaluation["models"]

    def value(self, model: str) -> float:
        """A model's main metric."""
        return self.models[model]["metrics"][self.metric]["value"]

    def name(self, model: str) -> str:
        return model_name(model, self.models)

    def short(self, model: str) -> str:
        """A name for beside a bar."""
        return short_name(model, self.models)
