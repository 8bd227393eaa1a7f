"""The columns of a source, by the part that each plays for a kind of problem."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, create_model
from pydantic import Field as SettingsField

from stillhouse.components.config.settings import Settings

if TYPE_CHECKING:
    from stillhouse.components.tasks.interface.task_data import TaskData

FILE_NAME = "<file name>"
"""In place of a split column: the names of the files tell."""


def _listed(value: object) -> object:
    """A single name as a list of it."""
    return [value] if isinstance(value, str) else value


Names = Annotated[list[str], BeforeValidator(_listed)]
"""Names of columns; a single one may stand without brackets."""

Roles = Mapping[str, str | list[str] | None]
"""The columns of each field: one, several where the field may have them, or None. An empty list stands for all that
play no other part."""


def named_in(roles: Roles) -> list[str]:
    """All columns that are named, each once."""
    named = (names if isinstance(names, list) else [names] for names in roles.values() if names is not None)
    return list(dict.fromkeys(name for some in named for name in some))


def with_rest(roles: Roles, rest: list[str]) -> Roles:
    """The roles, with the columns that play no other part where those are meant."""
    return {field: rest if names == [] else names for field, names in roles.items()}


class Field(NamedTuple):
    """A column of the source: what it holds, and whether it is what is learnt."""

    kind: Literal["text", "image", "audio", "number", "label", "tokens", "boxes", "mask", "id", "time", "list", "cells"]
    target: bool = False
    required: bool = True
    """Where nobody names its column, that is the one of the field's name; of another field none."""
    many: bool = False
    """Several columns may play the part; where it is not required and nobody names any, all that play no other one."""
    unless: str = ""
    """Nobody needs it where a column is named for that field, which stands in its place."""


class Columns(Settings):
    """Which columns of the source play which part; the first two are those of text, and another kind of problem has its
    own in their place (see `columns_for`)."""

    text: Names = SettingsField(default=["text"], min_length=1)
    """Columns that are joined, in order, into the text."""
    label: str | None = "label"
    """Column of the target; rows without a value there are unlabelled."""
    group: str | None = None
    """Column whose equal values always fall into the same split (a thread, a customer)."""
    split: str | None = None
    """Column that gives the split of each row: train, validation, test or unlabelled. `<file name>` takes it
    from the name of the row's file, as in train.csv or mails-test-00000-of-00002.parquet."""
    time: str | None = None
    """Column of a date, a moment or a number that grows with time: the newest share of the rows is test, and the one
    before it validation."""

    def of(self, fields: Mapping[str, Field]) -> dict[str, str | list[str] | None]:
        """The columns of each field."""
        given = {name: getattr(self, name) for name in fields}
        return {
            name: None if field.unless and given[field.unless] and name not in self.model_fields_set else given[name]
            for name, field in fields.items()
        }

    @property
    def split_column(self) -> str | None:
        """The column of the split, where it is one."""
        return None if self.split == FILE_NAME else self.split


class _OtherColumns(Settings):
    """Base of the columns of other kinds of problems than text."""

    of = Columns.of
    split_column = Columns.split_column


@cache
def columns_for(task: "type[TaskData]") -> type[Settings]:
    """The class whose keys are the fields of a task, with group, split and time, unless it has a field of that name."""
    shared = {name: Columns.model_fields[name] for name in PLACES if name not in task.fields}
    places: dict[str, Any] = {name: (field.annotation, field) for name, field in shared.items()}
    if {*task.fields, *places} == {*Columns.model_fields}:
        return Columns
    own: dict[str, Any] = {name: _setting(name, field) for name, field in task.fields.items()}
    return create_model("Columns", __base__=_OtherColumns, __doc__=Columns.__doc__, **{**own, **places})


PLACES = ("group", "split", "time")
"""Columns that every kind of problem may have."""


def _setting(name: str, field: Field) -> tuple[Any, Any]:
    if field.many:
        default = [name] if field.required else []
        described = f"Columns of {name}{'' if field.required else '; left out, all that play no other part'}."
        return Names, SettingsField(default=default, description=described)
    described = f"Column of {name}{'; rows without a value there are unlabelled' if field.target else ''}."
    kind = str if field.required and not field.target else str | None
    return kind, SettingsField(default=name if field.required else None, description=described)
