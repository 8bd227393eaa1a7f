"""A recipe: what to train on what; read from YAML and checked before anything is written."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from stillhouse.components.artifacts.chosen_base import AUTO
from stillhouse.components.config.settings import Settings, all_fields, explain, fields_at, refuse_secrets, replaced_by
from stillhouse.components.distill.settings import Student
from stillhouse.components.formats.settings import CsvSettings
from stillhouse.components.inspect.settings import STEPS, Parameters, StepSettings
from stillhouse.components.models.settings import Architecture
from stillhouse.components.promote.settings import PromoteSettings
from stillhouse.components.storage.urls import local_path
from stillhouse.components.tasks import known_tasks
from stillhouse.components.tasks.interface.columns import Columns
from stillhouse.components.tasks.interface.settings import settings_for_name
from stillhouse.components.tasks.interface.task_data import NoSettings
from stillhouse.errors import UserError
from stillhouse.pipelines.recipes.check_base import settle_base
from stillhouse.pipelines.recipes.check_source import check_source
from stillhouse.pipelines.recipes.yaml_document import Document, Key, read_document
from stillhouse.spelling import closest, did_you_mean

SHIPPED = Path(__file__).parent
"""Folder of the recipes that are known by name."""

MOST_MEANT = 3
"""Keys that a sentence offers for an unknown one."""

Section = Annotated[dict[str, Any], BeforeValidator(lambda value: {} if value is None else value)]
"""Settings of one step; a section whose keys are all commented out is an empty one."""


class Data(Settings):
    """What to train on."""

    source: str = Field(min_length=1)
    """A file or folder (relative to the recipe), s3://bucket/prefix or hf://name. `{scheduled_time:%Y-%m-%d}` in it is
    when the run was due; `{since_last_promoted:%Y-%m-%d}` is every date with data from where those of the model in
    production end up to when the run was due, before the first promotion every date until then. Both are in UTC."""
    columns: Columns = Columns()
    csv: CsvSettings = CsvSettings()
    """How CSV and TSV files are written; what is left out is found out for each file (docs/data.md)."""
    missing: list[str] | None = None
    """Words that stand for no value, instead of the usual ones (docs/data.md, Values)."""


class Models(Settings):
    """What to train."""

    base: str = AUTO
    """Model to start from. `auto` is the first that fits of: the model in production; for English texts the packaged
    base; in `auto, else MODEL` that MODEL; random weights. Otherwise a folder (relative to the recipe), package://,
    s3://, hf:// or models:/, or `ADAPTERS, on BASE`; empty starts from random weights, and so does a recipe that gives
    the shape of the teacher and no base. `champion` is the model in production and, before there is one, random
    weights; `champion, else MODEL` starts from MODEL then."""
    teacher: Architecture = Architecture()
    """Shape of a teacher that starts from random weights."""
    student: Student = Student()

    @model_validator(mode="before")
    @classmethod
    def _shape_asks_for_random_weights(cls, given: Any) -> Any:
        """A shape is the shape of a new model: what a recipe says wins over what would be chosen."""
        shaped = isinstance(given, dict) and given.get("teacher") and "base" not in given
        return {**given, "base": ""} if shaped else given


class Recipe(Settings):
    """The whole recipe; a step's section holds what `stillhouse step NAME --help` lists."""

    name: str = Field(pattern=PromoteSettings.model_fields["model_name"].metadata[0].pattern)
    """Name in the model registry, and first part of the names of its runs."""
    task: str = "text_classification"
    """Kind of problem, a file of components/tasks."""
    seed: int = Field(default=1, ge=0, lt=2**31)
    budget: str = Field(default="8m", pattern=Parameters.model_fields["train_budget"].metadata[0].pattern)
    """How long a run may take (10m, 2h), or on a cluster its GPU-hours (0.5 gpu-hours); settings that are left out
    follow from the data and from this (docs/settings.md). none: each step's own defaults."""
    data: Data
    input: Annotated[NoSettings, BeforeValidator(lambda value: {} if value is None else value)] = NoSettings()
    """What the kind of problem lets one set of the form that its examples have; of text nothing."""
    model: Models = Models()
    prepare: Section = Field(default_factory=dict)
    pretrain: Section = Field(default_factory=dict)
    """Also `objective`: masked_lm, next_word, none or auto."""
    finetune: Section = Field(default_factory=dict)
    distill: Section = Field(default_factory=dict)
    evaluate: Section = Field(default_factory=dict)
    promote: Section = Field(default_factory=dict)

    def parameters(self) -> dict[str, Any]:
        """The pipeline's parameters, as the recipe gives them: what it leaves out, or gives no value, stays out of the
        dicts, for KFP's parameters know no null."""
        sections = {step: _with_values(getattr(self, step)) for step in STEPS}
        if self.data.missing is not None:
            sections["prepare"]["missing"] = self.data.missing
        if csv := self.data.csv.model_dump(exclude_unset=True):
            sections["prepare"]["csv"] = csv
        if form := self.input.model_dump(mode="json", exclude_unset=True):
            sections["prepare"]["input"] = form
        objective = sections["pretrain"].pop("objective", Parameters.model_fields["train_pretraining"].default)
        return {
            "data_columns": _with_values(self.data.columns.model_dump(exclude_unset=True)),
            "data_source": self.data.source,
            "data_task": self.task,
            "model_base": self.model.base,
            "model_name": self.name,
            "model_student": _with_values(self.model.student.model_dump(exclude_unset=True)),
            "model_teacher": _with_values(self.model.teacher.model_dump(exclude_unset=True)),
            "step_overrides": {step: section for step, section in sections.items() if section},
            "train_budget": self.budget,
            "train_pretraining": str(objective),
            "train_seed": self.seed,
        }


def _with_values(section: dict[str, Any]) -> dict[str, Any]:
    """A section without keys that have no value, on all levels."""
    return {
        key: _with_values(value) if isinstance(value, dict) else value
        for key, value in section.items()
        if value is not None
    }


def load_recipe(name: str, overrides: Iterable[str] = ()) -> Recipe:
    """Read a recipe by its name or path, with `key=value` overrides, and check all of it.

    The source and folders of base models become absolute paths; a relative one is meant from the recipe's folder, or
    from the working directory when an override gives it.

    Raises:
        UserError: names the file, the line and the key of the first mistake, and the fix; a key or password in the
            recipe is one, for its values are compiled, logged and recorded.
    """
    return read_recipe(name, overrides)[0]


def read_recipe(name: str, overrides: Iterable[str] = ()) -> tuple[Recipe, Document]:
    """The same, with the document that knows where each key stands.

    Raises:
        UserError: as above.
    """
    document = read_document(_find(name))
    document.override(overrides)
    refuse_secrets(document.values, document.place)
    recipe = _with_settled_bases(_with_absolute_source(_read(document), document), document)
    check_source(_check_steps(recipe, document)["prepare"], document.place)
    return recipe, document


def shipped_recipes() -> list[str]:
    """Names of the recipes that ship."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def _find(name: str) -> Path:
    if name in shipped_recipes():
        return SHIPPED / f"{name}.yaml"
    path = local_path(name)
    if path.is_file():
        return Path(name).expanduser()
    if path.suffix in (".yaml", ".yml") or path.name != name:
        raise UserError(f"{name}: there is no such recipe file; give the path of one, or one of: {_known()}.")
    mend = did_you_mean(name, shipped_recipes(), f"give the path of a YAML file or one of: {_known()}.")
    raise UserError(f"There is no recipe '{name}'; {mend}")


def _known() -> str:
    return ", ".join(shipped_recipes())


def _read(document: Document) -> Recipe:
    task = document.values.get("task")
    cls = settings_for_name(Recipe, task) if isinstance(task, str) and task in known_tasks() else Recipe
    try:
        recipe = cls.model_validate(document.values)
    except ValidationError as error:
        raise _mistake(error, cls, (), document) from None
    if recipe.task not in known_tasks():
        mend = did_you_mean(recipe.task, known_tasks(), f"use one of: {', '.join(known_tasks())}.")
        raise UserError(f"{document.place(('task',))}: there is no task '{recipe.task}'; {mend}")
    return recipe


def _with_absolute_source(recipe: Recipe, document: Document) -> Recipe:
    source = recipe.data.source
    if "://" in source:
        return recipe
    folder = Path() if document.is_set(("data", "source")) else document.path.parent
    absolute = str(local_path(str(folder / source if not source.startswith("~") else source)).resolve())
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"source": absolute})})


def _with_settled_bases(recipe: Recipe, document: Document) -> Recipe:
    def settled(base: str, *key: str) -> dict[str, Any]:
        folder = Path() if document.is_set(key) else document.path.parent
        return {"update": {"base": settle_base(base, folder, ".".join(key), document.place(key))} if base else {}}

    model = recipe.model.model_copy(**settled(recipe.model.base, "model", "base"))
    student = model.student.model_copy(**settled(model.student.base, "model", "student", "base"))
    return recipe.model_copy(update={"model": model.model_copy(update={"student": student}) if student.base else model})


def _check_steps(recipe: Recipe, document: Document) -> StepSettings:
    parameters = Parameters.of_recipe(recipe.parameters())
    try:
        return parameters.steps(str(document.path))
    except UserError as error:
        found = error.__context__  # what pydantic found says more exactly where than the sentence does
        assert isinstance(found, ValidationError)
        step = next(step for step, cls in STEPS.items() if cls.__name__ == found.title)
        raise _mistake(found, settings_for_name(STEPS[step], recipe.task), (step,), document) from None


def _mistake(error: ValidationError, cls: type[Settings], section: Key, document: Document) -> UserError:
    first = error.errors()[0]
    key = (*section, *(str(part) for part in first["loc"]))
    place = document.place(key)
    is_unknown = first["type"] == "extra_forbidden" and not replaced_by(cls, first["loc"])
    if is_unknown and (meant := _meant(key, fields_at(cls, first["loc"][:-1]))):
        return UserError(f"{place}: unknown key '{'.'.join(key)}'; did you mean {meant}?")
    return UserError(explain(error, cls, ", ".join([place, *section])))


def _meant(key: Key, beside: Iterable[str]) -> str:
    """The keys that an unknown one was probably meant to be, quoted; empty when nothing is like it.

    A key of the right name in the wrong place is looked for in its section and then everywhere, in its own name before
    those that are spelt like it: `finetune.epochs` is `finetune.loop.epochs`.
    """
    name, section = key[-1], key[:1] if len(key) > 1 else ()
    # Of text; what is unknown to another kind of problem may be there.
    everywhere = [path for step, cls in _SECTIONS.items() for path, _ in all_fields(cls, step) if path[-2:] != key[-2:]]
    inside = [path for path in everywhere if path[: len(section)] == section]
    near = closest(name, beside)
    alike = closest(name, {path[-1] for path in inside})
    for found in (
        [".".join(path) for path in inside if path[-1] == name],
        [near] if near else [],
        [".".join(path) for path in everywhere if path[-1] == name],
        [".".join(path) for path in inside if path[-1] == alike],
    ):
        if found:
            return " or ".join(f"'{each}'" for each in found[:MOST_MEANT])
    return ""


_SECTIONS: dict[Key, type[Settings]] = {
    ("data",): Data,
    ("model",): Models,
    **{(step,): cls for step, cls in STEPS.items()},
}
"""What stands below which key of a recipe."""
