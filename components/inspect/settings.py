"""The pipeline's parameters, and what each step makes of them."""

from collections.abc import Iterator
from typing import Any, Self, TypedDict, cast, get_type_hints

from pydantic import Field

from stillhouse.components.artifacts.chosen_base import AUTO
from stillhouse.components.config.settings import Settings, check
from stillhouse.components.distill.settings import DistillSettings, Student
from stillhouse.components.evaluate.settings import EvaluateSettings
from stillhouse.components.finetune.settings import FinetuneSettings
from stillhouse.components.inspect.budget import PATTERN, SHARES, Budget, read_budget
from stillhouse.components.models.settings import Architecture
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.pretrain.settings import PretrainSettings
from stillhouse.components.promote.settings import PromoteSettings
from stillhouse.components.tasks import load_task
from stillhouse.components.tasks.interface.columns import Columns
from stillhouse.components.tasks.interface.settings import settings_for, settings_for_name
from stillhouse.components.tasks.interface.task import Task
from stillhouse.components.training.derived import Rules
from stillhouse.components.training.settings import Derive
from stillhouse.errors import UserError

DERIVED: dict[str, tuple[str, ...]] = {
    "pretrain": ("loop.max_length", "loop.batch_tokens", "loop.epochs", "optimizer.learning_rate"),
    "finetune": (
        "head",
        *("loop.max_length", "loop.batch_tokens", "loop.epochs", "loop.evaluations_per_epoch", "loop.keep"),
        *("optimizer.learning_rate", "optimizer.layer_decay"),
    ),
    "distill": (
        *("student.layers", "freeze_embeddings"),
        *("loop.max_length", "loop.batch_tokens", "loop.epochs", "loop.evaluations_per_epoch", "loop.keep"),
        *("optimizer.learning_rate", "optimizer.layer_decay"),
    ),
}
"""Settings of steps that follow from the data, where the recipe does not say them; a kind of problem may have more."""


class StepSettings(TypedDict):
    """Settings of each step, by its name."""

    prepare: PrepareSettings
    pretrain: PretrainSettings
    finetune: FinetuneSettings
    distill: DistillSettings
    evaluate: EvaluateSettings
    promote: PromoteSettings


STEPS: dict[str, type[Settings]] = get_type_hints(StepSettings)
"""The steps that have settings, in the order they run."""


class Parameters(Settings):
    """What a person fills in on the pipeline's form; flat, with names that sort into groups."""

    data_columns: Columns = Columns()
    data_source: str = Field(min_length=1)
    data_task: str = "text_classification"
    model_base: str = AUTO
    model_name: str = Field(pattern=PromoteSettings.model_fields["model_name"].metadata[0].pattern)
    model_student: Student = Student()
    model_teacher: Architecture = Architecture()
    step_overrides: dict[str, dict[str, Any]] = Field(default_factory=dict)
    train_budget: str = Field(default="8m", pattern=PATTERN)
    """How long the run may take, or its GPU-hours; what the recipe leaves open follows from the data and from this.
    `none`: the defaults of the steps count, whatever the data."""
    train_pretraining: str = AUTO
    train_seed: int = Field(default=1, ge=0, lt=2**31)

    @classmethod
    def of_recipe(cls, given: dict[str, Any]) -> Self:
        """What a recipe's `parameters` are, checked."""
        return cls.of_task(given).model_validate(given)

    @classmethod
    def of_task(cls, given: Any) -> type[Self]:
        """The class with the shapes of the task that the parameters `given` name; of text where they name none.

        Raises:
            UserError: there is no such task.
        """
        name = given.get("data_task") if isinstance(given, dict) else None
        return settings_for_name(cls, name) if isinstance(name, str) else cls

    def as_recipe(self) -> dict[str, Any]:
        """The parameters under the keys that a recipe has for them; shapes and columns as far as they are given."""
        given = self.model_dump(mode="json", exclude_defaults=True)
        columns = self.data_columns.model_dump(mode="json", exclude_unset=True)
        sections = {step: dict(section) for step, section in self.step_overrides.items()}
        sections["pretrain"] = {"objective": self.train_pretraining, **sections.get("pretrain", {})}
        return {
            "name": self.model_name,
            "task": self.data_task,
            "seed": self.train_seed,
            "data": {"source": self.data_source, "columns": columns},
            "model": {
                "base": self.model_base,
                "teacher": given.get("model_teacher", {}),
                "student": given.get("model_student", {}),
            },
            **sections,
        }

    def steps(self, where: str, gpus: int | None = None) -> StepSettings:
        """Settings of each step: the parameters, and over them `step_overrides`.

        Args:
            where: the parameters are from, for the sentence.
            gpus: of each step that trains, as `read_budget` takes them.

        Raises:
            UserError: there is no such task, an override names no step, or a key or value that its step refuses; or the
                budget is in GPU-hours, and there are no GPUs.
        """
        unknown = sorted(set(self.step_overrides) - set(STEPS))
        if unknown:
            raise UserError(f"{where}: unknown step '{unknown[0]}'; use one of: {', '.join(STEPS)}.")
        task, seed = {"task": self.data_task}, {"seed": self.train_seed}
        # prepare keeps the columns that evaluate reports apart.
        slices = {"slices": self.step_overrides.get("evaluate", {}).get("slices", [])}
        architecture = self.model_teacher.model_dump()
        teacher = {"base": self.model_base, "architecture": architecture, "loop": seed}
        given: dict[str, dict[str, Any]] = {
            "prepare": {"source": self.data_source, "columns": self.data_columns.model_dump(), **slices, **task},
            "pretrain": {"objective": self.train_pretraining, **teacher, **task},
            "finetune": {**teacher, **task},
            "distill": {"student": self.model_student.model_dump(), "loop": seed, **task},
            "evaluate": {**seed, **task},
            "promote": {"model_name": self.model_name, **task},
        }
        kind = load_task(self.data_task)
        checked = {
            name: check(
                settings_for(cls, kind), _merge(given[name], self.step_overrides.get(name, {})), f"{where}, {name}"
            )
            for name, cls in STEPS.items()
        }
        budget = read_budget(self.train_budget, gpus)
        for name in DERIVED:
            if budget and (derive := self._derive(name, kind, budget)):
                checked[name] = checked[name].model_copy(update={"derive": derive})
        return cast(StepSettings, checked)

    def _derive(self, step: str, kind: type[Task], budget: Budget) -> Derive | None:
        """What of a step follows from the data; None where there is no rule for pretraining."""
        rules: Rules | None = getattr(kind.defaults, step)
        if rules is None:
            return None
        given = {".".join(path) for path in _paths(self.step_overrides.get(step, {}))}
        if step == "distill" and self.model_student.model_dump() != Student().model_dump():  # of whatever task
            given.add("student.layers")
        return Derive(
            seconds=budget.seconds * SHARES[step],
            keys=[key for key in (*DERIVED[step], *rules.further) if key not in given],
            gpu_hours=budget.gpu_hours,
        )


def _paths(values: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from ((key, *path) for path in _paths(value))
        else:
            yield (key,)


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        inner = merged.get(key)
        merged[key] = _merge(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return merged
