"""What of distill follows from the data."""

from typing import TYPE_CHECKING

import numpy as np

from stillhouse.components.distill.settings import DistillSettings
from stillhouse.components.models.layers import num_parameters
from stillhouse.components.training.derived import Load, Rules, apply, derived

if TYPE_CHECKING:
    from stillhouse.components.models.loaded import LoadedModel
    from stillhouse.components.tasks import Task

FROM_TEACHER = Rules(steps=900, epochs=(4, 20), learning_rate=3e-4)
"""For a student of the teacher's own layers, or a pretrained base."""
RANDOM = Rules(steps=3000, epochs=(6, 40), learning_rate=1e-3)
"""For random weights."""


def student_from_teacher(task: "Task", settings: DistillSettings, teacher: "LoadedModel") -> DistillSettings:
    """`settings` with the student that fits the teacher, where it is left to the data."""
    if settings.derive is None or settings.origin != "teacher" or "student.layers" not in settings.derive.keys:
        return settings
    document = settings.model_dump() | {"student": task.student_of(teacher)}
    return type(settings).model_validate(document)


def from_data(
    task: "Task", settings: DistillSettings, teacher: "LoadedModel", student: "LoadedModel", lengths: np.ndarray
) -> DistillSettings:
    """`settings` with what the recipe leaves to the data.

    Args:
        lengths: int64 [rows], units of all rows that the student learns from, uncut.
    """
    assert settings.derive is not None
    weights = task.weights_per_unit(student.model)
    keeps = settings.origin != "architecture"
    asked = task.weights_per_unit(teacher.model) / weights
    learning = weights if keeps else num_parameters(student.model)
    load = Load(lengths, weights, learning, forward_passes=asked)
    limits = [task.longest(student.model), task.longest(teacher.model)]
    longest = min((*(limit for limit in limits if limit), teacher.info["max_length"])) if any(limits) else None
    values = derived(load, FROM_TEACHER if keeps else RANDOM, settings.derive.seconds, longest)
    return apply(settings, {"freeze_embeddings": keeps, **values}, settings.derive.keys)
