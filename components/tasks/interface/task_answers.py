"""The half of a task that deals with answers: measured, compared, shown to people."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.model import model_info, write_baseline
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.models.baseline import BaselineModel
from stillhouse.components.models.loaded import LoadedModel
from stillhouse.components.targets.measure import Measure, Statistics
from stillhouse.components.tasks.interface.results import Answers, Classification, Ground, Results
from stillhouse.spelling import listed

if TYPE_CHECKING:
    import pyarrow as pa
    from markupsafe import Markup

    from stillhouse.components.reporting.page import Badge, Section

_AT_ONCE = 256
"""Examples that are measured alone in one call."""


class TaskAnswers(ABC):
    """What evaluate, predict and the report ask of a task."""

    spec: Spec
    measures: Sequence[Measure]
    """Of the answers, the main one first: early stopping, gates and the live table go by it."""
    served_by: ClassVar[Literal["text", "task"]] = "task"
    """What answers for a registered model in MLflow: code that text classifiers have of their own, or the task."""
    hub_tasks: ClassVar[Mapping[str, str]] = {}
    """What Hugging Face's hub calls such a model (`pipeline_tag`), by the kind of target; under "" that of all others.
    Empty where it has no word for it."""
    baseline: ClassVar[str] = ""
    """Name of the strong baseline, as evaluation.json and promote.must_beat spell it; empty where there is none."""
    baseline_settings: ClassVar[Mapping[str, Any]] = {}
    """What model.json says of how it was fitted."""

    @property
    def has_probabilities(self) -> bool:
        """Whether logits become probabilities that a temperature makes more or less sure: then `loss` is a log-loss of
        `logits` and `labels` alone, and `training_loss` takes a smoothing. False by default."""
        return False

    @property
    def trivial_title(self) -> str:
        """The baseline without a model, as people read it."""
        return "Trivial answer"

    @property
    def baseline_title(self) -> str:
        """The strong baseline, as people read it."""
        return self.baseline.replace("_", " ").capitalize()

    @property
    def mistakes_are(self) -> str:
        """The lead of the gallery of mistakes."""
        return "The examples that the student answers worst."

    @property
    def told_measures(self) -> Sequence[str]:
        """Names of the measures that the report's table has, in the order of its columns."""
        return [measure.name for measure in self.measures]

    # Measured.

    @abstractmethod
    def answer(
        self, loaded: LoadedModel, examples: Examples, *, progress: Callable[[int], None] | None = None
    ) -> Answers:
        """Answers of a trained model, in the user's units."""

    @abstractmethod
    def load(self, folder: str | Path, device: str = "cpu") -> LoadedModel:
        """A trained model or a baseline, ready to answer."""

    @abstractmethod
    def unanswered(self, answers: Answers) -> np.ndarray:
        """bool [examples]: for which there is no answer, as where it is not a finite number."""

    def with_wrong_answers(self, answers: Answers, examples: Examples) -> Answers:
        """The answers with a wrong one for each example that has none; a task whose statistics count none as wrong
        leaves them as they are."""
        return answers

    @abstractmethod
    def statistics(self, answers: Answers, examples: Examples) -> Statistics:
        """All that the measures need of each example."""

    def at_temperature(self, answers: Answers, temperature: float) -> Answers | None:
        """What a model whose logits were divided by `temperature` would answer; None, the default, where answers do not
        tell."""
        return None

    def errors(self, statistics: Statistics) -> np.ndarray:
        """How wrong each example is, float64 [examples]; 0 is right. By it examples are counted for one of two models,
        and the worst ones are shown. By default what the main measure says of the example alone."""
        main, examples = self.measures[0], len(next(v for n, v in statistics.items() if not n.startswith("flat_")))
        alone = [
            main.value(statistics, np.eye(min(_AT_ONCE, examples - first), examples, first, np.int32))
            for first in range(0, examples, _AT_ONCE)
        ]
        values = np.nan_to_num(np.concatenate([np.zeros(0), *alone]), nan=float(main.greater_is_better))
        return 1.0 - values if main.greater_is_better else values

    def right(self, statistics: Statistics) -> np.ndarray | None:
        """bool [examples]: which are answered right. None, the default, where answers are nearer or further off and not
        right or wrong: then no flips are counted against the champion."""
        return None

    def badness(self, statistics: Statistics) -> np.ndarray:
        """The order of the gallery of mistakes, float64 [examples]; 0 is not shown. By default the errors."""
        return self.errors(statistics)

    def per_label(self, statistics: Statistics) -> list[dict[str, Any]]:
        """Of each label: label, precision, recall, f1 and rows, the number of examples that have it; empty where there
        are none."""
        return []

    def never_answered(self, statistics: Statistics) -> list[str]:
        """Labels that examples have and the model gives none of them; the most frequent first."""
        return []

    # Baselines.

    @abstractmethod
    def trivial(self, train: Examples, examples: Examples) -> Answers:
        """Answers without a model, that every model has to beat: the most frequent one of the training rows."""

    def fit_baseline(self, train: Examples, seed: int) -> BaselineModel | None:
        """The strong baseline, where it is a model that may be promoted in the student's place; else None."""
        return None

    def baseline_answers(self, train: Examples, examples: Examples, seed: int) -> Answers:
        """What the strong baseline answers that was fitted on `train`. A task that names one has this or
        `fit_baseline`."""
        with TemporaryDirectory() as temporary:
            folder = Path(temporary, "model")
            self.write_baseline(self.fit_baseline(train, seed), folder, settings={})
            return self.answer(self.load(folder), examples)

    def write_baseline(self, fitted: BaselineModel | None, folder: Path, *, settings: Mapping[str, Any]) -> None:
        """Write what `fit_baseline` fitted as a model folder, which `load` reads.

        Args:
            settings: of the step that fitted it.
        """
        if fitted is None:
            raise NotImplementedError(f"{type(self).__name__} names the baseline {self.baseline}, and has none")
        info = model_info(self.spec, self.measures[0].name, {**settings, **self.baseline_settings}, None)
        write_baseline(fitted, folder, info=info)

    # Compared with a champion.

    @property
    def names(self) -> Sequence[str]:
        """What answers are indices of: labels, items. Models are compared where both mean the same."""
        return self.spec.labels

    def unusable(self, answers: Answers) -> str:
        """Why a champion cannot be measured by its answers, as what follows a colon; empty where it can."""
        strange = int(self.unanswered(answers).sum())
        return f"its answers to {strange:,} of the test rows are not finite numbers" if strange else ""

    def ground(self, champion: "TaskAnswers", examples: Examples) -> Ground:
        """Where models of this dataset and a champion meet: by default on all examples, if both answer the same
        question.

        Args:
            champion: the task, bound to what the champion was trained on.
            examples: those of the test split.
        """
        why_not = ""
        if list(champion.names) != list(self.names):
            theirs, ours = (listed(task.names) or "none" for task in (champion, self))
            why_not = f"it answers with {theirs}, the data hold {ours}"
        everywhere = np.ones(len(examples), dtype=bool)
        return Ground(everywhere, self.statistics, self.statistics, self.per_label, why_not=why_not)

    # Shown to people.

    def rows(self, answers: Answers, examples: Examples) -> Iterator[dict[str, Any]]:
        """The columns that predict adds to each example: JSON values."""
        return ({"answer": each} for each in (answers.tolist() if isinstance(answers, np.ndarray) else answers))

    def answer_types(self) -> "dict[str, pa.DataType]":
        """Types of the columns that `rows` adds, as far as they are known before there are rows."""
        return {}

    def show(self, example: Mapping[str, Any], answer: Any = None) -> "Markup":
        """An example as HTML, with a model's answer where there is one; by default its columns as text."""
        from markupsafe import Markup

        lines = [Markup("<b>{}</b> {}").format(name, str(value)[:_SHOWN]) for name, value in self.told(example).items()]
        if answer is not None:
            lines.append(Markup("<b>answered</b> {}").format(str(answer)[:_SHOWN]))
        return Markup("<br>").join(lines)

    def told(self, example: Mapping[str, Any]) -> dict[str, Any]:
        """The columns of an example that are the task's."""
        fields = getattr(self, "fields", {})
        return {name: value for name, value in example.items() if name in fields}

    def badges(self, example: Mapping[str, Any], student: Any, teacher: Any, badness: float) -> list["Badge"]:
        """What stands over an example in the gallery of mistakes: the truth, and the answers of both."""
        from stillhouse.components.reporting.page import Badge

        return [Badge(f"student's error: {badness:.3f}", "bad")]

    def sections(self, results: Results) -> list["Section"]:
        """Where the student errs, in the report."""
        return []

    def classification(self, results: Results) -> Classification | None:
        """What the pipelines interface draws of it; None: nothing."""
        return None


_SHOWN = 280
"""Characters shown of a column, where a task has nothing better."""
