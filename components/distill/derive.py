"""What of distill follows from the data."""

from dataclasses import replace
from typing import TYPE_CHECKING

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.distill.settings import DistillSettings
from stillhouse.components.models.layers import num_parameters
from stillhouse.components.training.derived import Load, Rules, follow
from stillhouse.components.training_step.validation import sizes_of

if TYPE_CHECKING:
    from stillhouse.components.models.loaded import LoadedModel
    from stillhouse.components.tasks import Task

FROM_TEACHER = Rules(steps=900, epochs=(4, 20), learning_rate=3e-4)
"""For a student of the teacher's own layers, or a pretrained base."""


def student_from_teacher(task: "Task", settings: DistillSettings, teacher: "LoadedModel") -> DistillSettings:
    """`settings` with the student that fits the teacher, where it is left to the data."""
    if settings.derive is None or settings.origin != "teacher" or "student.layers" not in settings.derive.keys:
        return settings
    keys = ["student" if key == "student.layers" else key for key in settings.derive.keys]
    derive = settings.derive.model_copy(update={"keys": keys})
    document = settings.model_dump() | {"student": task.student_of(teacher), "derive": derive.model_dump()}
    return type(settings).model_validate(document)


def from_data(
    task: "Task", settings: DistillSettings, teacher: "LoadedModel", student: "LoadedModel", examples: Examples
) -> DistillSettings:
    """`settings` with what the recipe leaves to the data.

    Args:
        examples: all that the student learns from.
    """
    weights = task.weights_per_unit(student.model)
    keeps = settings.origin != "architecture"
    asked = task.weights_per_unit(teacher.model) / weights
    learning = weights if keeps else num_parameters(student.model)
    lengths = sizes_of(task, teacher, examples)
    load = Load(lengths, weights, learning, forward_passes=asked, overhead=task.overhead(examples))
    limits = [task.longest(student.model), task.longest(teacher.model)]
    longest = min((*(limit for limit in limits if limit), teacher.info["max_length"])) if any(limits) else None
    own = task.defaults.distill
    rules = replace(FROM_TEACHER, further=own.further) if keeps else own
    chosen = {"student": settings.student.model_dump(), "freeze_embeddings": keeps}
    return follow(settings, load, rules, longest, chosen)
