"""Kinds of problems: one file each, built on `interface/`. `task: name` in a recipe is a file here, or an entry point
`stillhouse.tasks`."""

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from stillhouse.components.artifacts.evaluation import TRIVIAL
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.tasks.interface.label_task import LabelTask
from stillhouse.components.tasks.interface.task import Task
from stillhouse.components.tasks.interface.text_models import TextModels
from stillhouse.errors import UserError

GROUP = "stillhouse.tasks"
"""Entry points of packages that have tasks of their own."""
ATTRIBUTES = ("fields", "unit")
"""What a task must say beside its methods."""
BASES = {Task, LabelTask, TextModels}
"""What tasks are built on."""
NEEDED = f"write a subclass of {Task.__module__}.Task with all its abstract methods, {' and '.join(ATTRIBUTES)}."


def load_task(name: str) -> type[Task]:
    """The task `name`: a file of this folder, else an entry point of the group `stillhouse.tasks` (a module with one
    subclass of `Task`, or the class itself); nothing else is importable.

    Raises:
        UserError: there is no such task, or what stands under the name is not one; the sentence says what it lacks.
    """
    if name in _own_tasks():
        return _task_in(import_module(f"{__name__}.{name}"), f"task '{name}'")
    found = entry_points(group=GROUP, name=name)
    if not found:
        raise UserError(f"task '{name}' is unknown; use one of: {', '.join(known_tasks())}.")
    point = next(iter(found))
    return _task_in(_import(point), f"task '{name}' (entry point {point.value})")


def task_of(spec: Spec) -> Task:
    """The task of a dataset or a model, bound to it.

    Raises:
        UserError: as `load_task`.
    """
    return load_task(spec.task)(spec)


def baselines_of(name: str | None) -> list[str]:
    """The baselines that a task's models are held against, as promote.must_beat names them; empty where there is no
    such task here: an image of the light steps may lack its package."""
    try:
        task = load_task(name or "")
    except UserError:
        return []
    return [TRIVIAL, *([task.baseline] if task.baseline else [])]


def hub_task_of(spec: Spec) -> str:
    """What Hugging Face's hub calls a model of a dataset; empty where it has no word for it, or there is no such task
    here."""
    try:
        names = load_task(spec.task).hub_tasks
    except UserError:
        return ""
    return names.get(spec.target, names.get("", ""))


def known_tasks() -> list[str]:
    """Names that `load_task` takes."""
    return sorted({*_own_tasks(), *(point.name for point in entry_points(group=GROUP))})


def _own_tasks() -> set[str]:
    return {path.stem for path in Path(__file__).parent.glob("[a-z]*.py")}


def _import(point: EntryPoint) -> Any:
    """What an entry point names.

    Raises:
        UserError: it cannot be imported, whatever its code did.
    """
    try:
        return point.load()
    except Exception as error:
        reason = " ".join(str(error).split()) or "no reason given"
        raise UserError(
            f"task '{point.name}' cannot be imported from {point.value}: {type(error).__name__}: {reason.rstrip('.')}; "
            f"fix it, or name another module under {GROUP} in its package."
        ) from error


def _task_in(found: Any, place: str) -> type[Task]:
    """The class that a module holds or that `found` is.

    Raises:
        UserError: there is none, there are several, or it lacks something.
    """
    if isinstance(found, ModuleType):
        kinds = _kinds_of(found)
        if not kinds:
            raise UserError(f"{place} is not a task: the module {found.__name__} has no subclass of Task; {NEEDED}")
        if len(kinds) > 1:
            names = sorted(kind.__name__ for kind in kinds)
            raise UserError(
                f"{place} is not one task: the module {found.__name__} has {len(kinds)} ({', '.join(names)}); "
                f"name one of them in the entry point, as {found.__name__}:{names[0]}."
            )
        found = kinds[0]
    if not (isinstance(found, type) and issubclass(found, Task)):
        what = f"the class {found.__name__}" if isinstance(found, type) else f"a value of type {type(found).__name__}"
        raise UserError(f"{place} is not a task: {what} is not a subclass of Task; {NEEDED}")
    lacks = sorted(found.__abstractmethods__) + [name for name in ATTRIBUTES if not hasattr(found, name)]
    if lacks:
        raise UserError(f"{place} is not a task yet: the class {found.__name__} lacks {', '.join(lacks)}; {NEEDED}")
    return found


def _kinds_of(module: ModuleType) -> list[type[Task]]:
    """Subclasses of Task that a module is about: those it defines, else those it imports; not those it builds on."""
    named = {each for each in vars(module).values() if isinstance(each, type) and issubclass(each, Task)} - BASES
    leaves = [kind for kind in named if not any(issubclass(other, kind) for other in named - {kind})]
    return [kind for kind in leaves if kind.__module__ == module.__name__] or leaves
