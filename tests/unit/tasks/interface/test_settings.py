"""A task has its own shapes, objectives and units in the settings of every step."""

from typing import ClassVar

import pytest
from pydantic import Field, ValidationError

from stillhouse.components.config.settings import Settings
from stillhouse.components.distill.settings import DistillSettings
from stillhouse.components.finetune.settings import FinetuneSettings
from stillhouse.components.inspect.settings import Parameters
from stillhouse.components.pretrain.settings import PretrainSettings
from stillhouse.components.tasks.interface.settings import settings_for
from stillhouse.components.tasks.interface.task import Unit
from stillhouse.components.tasks.text_classification import TextClassification
from stillhouse.pipelines.recipes.recipe import Recipe


class Mill(Settings):
    """The shape of a mill's model."""

    wheels: int = Field(default=3, ge=1)


class Flour(TextClassification):
    """Another unit, another shape, an objective of its own."""

    unit = Unit("sack", batch=32, micro_batch=128)
    Architecture: ClassVar = Mill
    objectives = ("sifting",)


@pytest.mark.parametrize("cls", [PretrainSettings, FinetuneSettings, DistillSettings, Parameters, Recipe])
def test_for_text_they_are_as_they_are_declared(cls: type[Settings]) -> None:
    assert settings_for(cls, TextClassification) is cls


def test_batches_are_counted_in_the_tasks_unit() -> None:
    settings = settings_for(FinetuneSettings, Flour)(task="flour")
    assert (settings.loop.batch_tokens, settings.loop.micro_batch_tokens) == (32, 128)
    assert settings_for(FinetuneSettings, Flour).model_validate({"task": "f", "loop": {"epochs": 2}}).loop.epochs == 2


def test_shapes_are_the_tasks_own_wherever_a_recipe_gives_one() -> None:
    given = {"name": "flour", "data": {"source": "a"}, "model": {"teacher": {"wheels": 7}}}
    recipe = settings_for(Recipe, Flour).model_validate(given)
    assert recipe.model_dump()["model"]["teacher"] == {"wheels": 7}
    student = settings_for(DistillSettings, Flour).model_validate(
        {"task": "flour", "student": {"architecture": {"wheels": 1}}}
    )
    assert student.model_dump()["student"]["architecture"] == {"wheels": 1}
    with pytest.raises(ValidationError, match="layers"):
        settings_for(FinetuneSettings, Flour).model_validate({"task": "flour", "architecture": {"layers": 2}})


def test_objectives_are_the_tasks_own() -> None:
    cls = settings_for(PretrainSettings, Flour)
    assert cls.model_validate({"task": "flour", "objective": "sifting"}).objective == "sifting"
    with pytest.raises(ValidationError, match="'auto', 'none' or 'sifting'"):
        cls.model_validate({"task": "flour", "objective": "masked_lm"})
