"""Where the student comes from: the teacher's layers, a model by name, or a new architecture."""

import torch
from torch import nn
from transformers import PreTrainedModel

from stillhouse.components.artifacts.fetch import fetch_model
from stillhouse.components.distill.settings import DistillSettings
from stillhouse.components.models.layers import kept_layers, num_layers, take_layers
from stillhouse.components.tasks import LoadedModel, Task
from stillhouse.errors import UserError


def make_student(task: Task, teacher: LoadedModel, settings: DistillSettings) -> LoadedModel:
    """The untrained student.

    Raises:
        UserError: it asks for more layers than the teacher has, or for a model that cannot be had.
    """
    asked = settings.student
    if asked.base:
        return task.with_new_head(str(fetch_model(asked.base)), [], None, teacher.info, None)
    if asked.architecture is not None:
        return task.with_new_head(None, [], asked.architecture, teacher.info, None, teacher.tokenizer)
    assert asked.layers is not None
    if asked.layers > num_layers(teacher.model):
        raise UserError(
            f"model_student asks for {asked.layers} layers and the teacher has {num_layers(teacher.model)}; ask for fewer."
        )
    return LoadedModel(take_layers(teacher.model, asked.layers), teacher.tokenizer, teacher.info)


class Pupil(nn.Module):
    """A student with what it needs only while it learns: maps of its hidden states into the teacher's width.

    Args:
        student: the model that stays.
        teacher: gives the width and number of layers; it is not part of the module.
        match_hidden: whether hidden states are compared.
    """

    def __init__(self, student: PreTrainedModel, teacher: PreTrainedModel, *, match_hidden: bool) -> None:
        super().__init__()
        self.student = student
        self.layer_pairs = list(enumerate(kept_layers(num_layers(teacher), num_layers(student))))
        widths = student.config.hidden_size, teacher.config.hidden_size
        self.maps = nn.ModuleList()
        if match_hidden:
            self.maps.extend(nn.Linear(*widths, bias=False) for _ in self.layer_pairs)
            if widths[0] == widths[1]:
                for linear in self.maps:
                    torch.nn.init.eye_(linear.weight)
