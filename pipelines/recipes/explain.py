"""Where each setting of a recipe comes from."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from stillhouse.components.config.settings import Settings, all_fields
from stillhouse.components.inspect.settings import STEPS, Parameters
from stillhouse.pipelines.recipes.recipe import Recipe, read_recipe
from stillhouse.pipelines.recipes.yaml_document import Document, Key

DEFAULT = "default"
FROM_DATA = "the data and the budget"
"""Where what a recipe leaves to the run comes from."""
SHARED: dict[Key, Key] = {
    ("task",): ("task",),
    ("seed",): ("seed",),
    ("loop", "seed"): ("seed",),
    ("base",): ("model", "base"),
    ("architecture",): ("model", "teacher"),
    ("student",): ("model", "student"),
    ("source",): ("data", "source"),
    ("columns",): ("data", "columns"),
    ("model_name",): ("name",),
}
"""Settings of steps that follow a key at the top of the recipe, unless their own section says otherwise."""
HIDDEN = ("inspected", "derive")
"""What a run fills in by itself."""


@dataclass(frozen=True)
class Setting:
    """One setting of a step."""

    key: str
    """As a recipe writes it: finetune.loop.epochs."""
    value: Any
    origin: str
    """The file and line, the --set, `default`, or the data; with the key in front where that is another one."""

    @property
    def is_default(self) -> bool:
        return self.origin.endswith(DEFAULT) or self.origin == FROM_DATA


def effective_settings(name: str, overrides: Iterable[str] = ()) -> Iterator[Setting]:
    """Every setting of every step, in the order of the steps.

    Raises:
        UserError: the recipe has a mistake.
    """
    recipe, document = read_recipe(name, overrides)
    steps: dict[str, Any] = dict(Parameters.of_recipe(recipe.parameters()).steps(str(document.path)))
    for step, cls in STEPS.items():
        derive = getattr(steps[step], "derive", None)
        for path, _ in all_fields(cls):
            if path[0] not in HIDDEN:
                value = _value(steps[step], path)
                origin = _origin(document, recipe, step, path)
                follows = derive is not None and ".".join(path) in derive.keys
                yield Setting(".".join((step, *path)), None if follows else value, FROM_DATA if follows else origin)


def _value(settings: Settings, path: Key) -> Any:
    value: Any = settings.model_dump(mode="json")
    for part in path:
        value = value[part] if value is not None else None
    return value


def _origin(document: Document, recipe: Recipe, step: str, path: Key) -> str:
    if place := _place(document, (step, *path)):
        return place
    if (step, path) == ("prepare", ("slices",)):
        return _named(document, ("evaluate", "slices"))
    for own, shared in SHARED.items():
        if path[: len(own)] == own:
            return _named(document, (*shared, *path[len(own) :]))
    return DEFAULT


def _named(document: Document, key: Key) -> str:
    return f"{'.'.join(key)}: {_place(document, key) or DEFAULT}"


def _place(document: Document, key: Key) -> str:
    """Where the key, or one around it that says it all, is given; empty where it is not."""
    for end in range(len(key), 0, -1):
        part = key[:end]
        if part in document.settings or (part in document.lines and (end == len(key) or _is_whole(document, part))):
            return document.place(part).replace(str(document.path), document.path.name)
    return ""


def _is_whole(document: Document, key: Key) -> bool:
    """Whether the value there is none that leaves keys below it to their defaults."""
    value: Any = document.values
    for part in key:
        value = value.get(part) if isinstance(value, dict) else None
    return not isinstance(value, dict) and value is not None
