"""Settings of steps in which a kind of problem has a say: shapes of models, objectives, the unit of batches."""

import copy
import json
from functools import cache
from typing import Any, Literal, TypeVar, get_args

from pydantic import create_model
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from stillhouse.components.artifacts.chosen_base import Objective
from stillhouse.components.config.settings import Settings
from stillhouse.components.models.settings import Architecture
from stillhouse.components.tasks import load_task
from stillhouse.components.tasks.interface.columns import Columns, columns_for
from stillhouse.components.tasks.interface.task import Task
from stillhouse.components.tasks.interface.task_data import NoSettings
from stillhouse.components.training.settings import LoopSettings

SettingsT = TypeVar("SettingsT", bound=Settings)


def parse_for_task(cls: type[SettingsT], text: str) -> SettingsT:
    """Read the JSON that inspect hands on as the settings of the task that it names.

    Raises:
        UserError: there is no such task.
    """
    return settings_for_name(cls, json.loads(text)["task"]).parse(text)


def settings_for_name(cls: type[SettingsT], name: str) -> type[SettingsT]:
    """`settings_for` the task of this name.

    Raises:
        UserError: there is no such task.
    """
    return settings_for(cls, load_task(name))


@cache
def settings_for(cls: type[SettingsT], task: type[Task]) -> type[SettingsT]:
    """`cls` with what is the task's own in the place of what is declared for text; `cls` itself where nothing is."""
    own = {name: found for name, field in cls.model_fields.items() if (found := _own(cls, name, field, task))}
    if not own:
        return cls
    fields: dict[str, Any] = {name: (field.annotation, field) for name, field in own.items()}
    return create_model(cls.__name__, __base__=cls, __doc__=cls.__doc__, __module__=cls.__module__, **fields)


def _own(cls: type[Settings], name: str, field: FieldInfo, task: type[Task]) -> FieldInfo | None:
    """The field as the task has it; None where that is as it is declared."""
    if cls is LoopSettings and name in _units(task):
        return _changed(field, field.annotation, _units(task)[name])
    annotation: Any = field.annotation
    if annotation is Objective:
        known: Any = ("auto", "none", *task.objectives)
        return _changed(field, Literal[known], field.default)  # pyrefly: ignore[invalid-literal]
    parts = get_args(annotation) or (annotation,)
    inner = next((part for part in parts if isinstance(part, type) and issubclass(part, Settings)), None)
    if inner is None or inner is cls:  # what holds its own kind has no end
        return None
    own: dict[type[Settings], type[Settings]] = {
        Architecture: task.Architecture,
        Columns: columns_for(task),
        NoSettings: task.Input,
    }
    new = own.get(inner) or settings_for(inner, task)
    if new is inner:
        return None
    default = new() if isinstance(field.default, inner) else field.default
    return _changed(field, new | None if type(None) in parts else new, default)


def _units(task: type[Task]) -> dict[str, int]:
    """Defaults that are counted in the task's unit."""
    return {"batch_tokens": task.unit.batch, "micro_batch_tokens": task.unit.micro_batch}


def _changed(field: FieldInfo, annotation: Any, default: Any) -> FieldInfo | None:
    if annotation == field.annotation and default == field.default:
        return None
    changed = copy.copy(field)
    changed.annotation = annotation
    if default is not PydanticUndefined:
        changed.default = default
    return changed
