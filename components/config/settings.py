"""What all settings have in common: typed, checked at the door, unknown keys refused."""

import reprlib
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from stillhouse.errors import UserError
from stillhouse.redaction import secrets_in

MAX_SHOWN = 80
"""Characters of a wrong value that a sentence quotes."""


class Settings(BaseModel):
    """Base of every settings class; instances do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    REPLACED: ClassVar[dict[str, str]] = {}
    """Keys that an earlier release had, each with what to write in its place."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the JSON that inspect hands on (KFP turns whole numbers in dicts to floats; pydantic takes 3.0 as 3)."""
        return cls.model_validate_json(text)


def check(cls: type[Settings], values: dict[str, Any], where: str) -> Any:
    """Validate `values` as `cls`.

    Raises:
        UserError: names the first wrong key, what it holds and what may stand there; `where` is the file or
            the parameter they came from.
    """
    try:
        return cls.model_validate(values)
    except ValidationError as error:
        raise UserError(explain(error, cls, where)) from None


def refuse_secrets(values: Any, place: Callable[[tuple[str, ...]], str]) -> None:
    """Look through nested settings for keys and passwords; `place` tells where a key of them stands.

    Raises:
        UserError: names the first key that holds one and the fix, never the value.
    """
    for key, kind in secrets_in(values):
        raise UserError(
            f"{place(key)}: '{'.'.join(key)}' holds what looks like {kind}; take it out and give it as an environment "
            "variable (on a cluster as a Secret): a recipe's values are compiled, logged and recorded."
        )


def explain(error: ValidationError, cls: type[BaseModel], where: str) -> str:
    """One sentence for the first of pydantic's findings."""
    first = error.errors()[0]
    path = ".".join(str(part) for part in first["loc"]) or "the document"
    if first["type"] == "extra_forbidden":
        if mend := replaced_by(cls, first["loc"]):
            return f"{where}: '{path}' is a key of earlier releases; {mend}."
        known = ", ".join(sorted(fields_at(cls, first["loc"][:-1])))
        mend = f"use one of: {known}" if known else "there is nothing to set there: take it out"
        return f"{where}: unknown key '{path}'; {mend}."
    if first["type"] == "missing":
        return f"{where}: '{path}' is missing; add it."
    return f"{where}: '{path}' is {shown(first.get('input'))}, but {_lower(first['msg'])}."


def shown(value: Any) -> str:
    """`value` as Python writes it, cut to what fits into a sentence."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = short.maxlong = MAX_SHOWN
    try:
        return short.repr(value)
    except ValueError:  # a whole number of more digits than Python writes out
        return "a number of thousands of digits"


def fields_at(cls: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """Names of the fields that may stand at `path` below `cls`."""
    return list(_class_at(cls, path).model_fields)


def replaced_by(cls: type[BaseModel], path: tuple[int | str, ...]) -> str | None:
    """What to write in place of the key at `path` below `cls`, if an earlier release had it."""
    return getattr(_class_at(cls, path[:-1]), "REPLACED", {}).get(path[-1])


def _class_at(cls: type[BaseModel], path: tuple[int | str, ...]) -> type[BaseModel]:
    for part in path:
        inner = _inner(cls, str(part))
        if inner is None:
            break
        cls = inner
    return cls


def all_fields(cls: type[BaseModel], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    """Each field below `cls` that holds a value and no further fields, by its path."""
    for name, field in cls.model_fields.items():
        inner = _inner(cls, name)
        if inner is None:
            yield (*above, name), field
        elif inner is not cls:  # what holds its own kind has no end
            yield from all_fields(inner, (*above, name))


def _inner(cls: type[BaseModel], name: str) -> type[BaseModel] | None:
    """The settings that the field `name` of `cls` holds."""
    field = cls.model_fields.get(name)
    candidates = [] if field is None else [field.annotation, *getattr(field.annotation, "__args__", ())]
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)


def _lower(message: str) -> str:
    message = message.removeprefix("Value error, ").rstrip(".")
    return message[0].lower() + message[1:]
