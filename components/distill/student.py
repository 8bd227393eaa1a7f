"""Where the student comes from: the teacher's layers, a model by name, or a new architecture."""

from torch import nn
from transformers import PreTrainedModel

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.distill.settings import DistillSettings, Student
from stillhouse.components.models.layers import kept_layers, num_layers
from stillhouse.components.models.loaded import LoadedModel
from stillhouse.components.tasks import Task
from stillhouse.errors import UserError


def make_student(task: Task, teacher: LoadedModel, asked: Student, base: str | None, train: Examples) -> LoadedModel:
    """The untrained student; `base` is the folder of the model that it asks for by name, `train` what it will learn.

    Raises:
        UserError: it asks for more layers than the teacher has, or the base cannot be loaded.
    """
    if base:
        return task.build(base, None, train)
    if asked.architecture is not None:
        return task.build(None, asked.architecture, train, like=teacher)
    keep = asked.layers or 1
    if keep > num_layers(teacher.model):
        raise UserError(
            f"model.student.layers is {keep}, and the teacher has {num_layers(teacher.model)}; give no more."
        )
    return LoadedModel(task.take_layers(teacher.model, keep), teacher.processor)


def check_comparable(
    task: Task, student: LoadedModel, teacher: LoadedModel, settings: DistillSettings, train: Examples
) -> None:
    """Hidden states and attention maps are compared token by token and layer by layer, maps head by head.

    Raises:
        UserError: these two have nothing to compare so.
    """
    mend = "set hidden_weight and attention_weight to 0 or take the student from the teacher's layers."
    layers = num_layers(student.model), num_layers(teacher.model)
    heads = [getattr(model.config, "num_attention_heads", 0) for model in (student.model, teacher.model)]
    if not task.same_inputs(student, teacher, train):
        raise UserError(f"distill: the student's tokenizer is not the teacher's; {mend}")
    if layers[0] > layers[1]:
        raise UserError(f"distill: the student has {layers[0]} layers and the teacher {layers[1]}; {mend}")
    if settings.attention_weight and not all(heads):
        raise UserError("distill: attention maps are compared, and such models have none; set attention_weight to 0.")
    if settings.attention_weight and heads[0] != heads[1]:
        raise UserError(f"distill: the student has {heads[0]} heads and the teacher {heads[1]}; {mend}")


class StudentWithProjections(nn.Module):
    """A student with what it needs only while it learns: projections of its hidden states to the teacher's width.

    Args:
        student: the model that stays.
        teacher: gives the width and number of layers; it is not part of the module.
        match_hidden: whether hidden states are compared.
    """

    def __init__(self, student: PreTrainedModel, teacher: PreTrainedModel, *, match_hidden: bool) -> None:
        super().__init__()
        self.student = student
        self.layer_pairs = list(enumerate(kept_layers(num_layers(teacher), num_layers(student))))
        self.projections = nn.ModuleList()
        if match_hidden:
            widths = student.config.hidden_size, teacher.config.hidden_size
            self.projections.extend(_projection(*widths) for _ in self.layer_pairs)


def _projection(width: int, teacher_width: int) -> nn.Linear:
    """From the student's width to the teacher's; equal widths begin with the identity."""
    linear = nn.Linear(width, teacher_width, bias=False)
    if width == teacher_width:
        nn.init.eye_(linear.weight)
    return linear
