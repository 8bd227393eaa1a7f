"""Where a student comes from."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from tokenizers import Tokenizer, normalizers
from transformers import PreTrainedTokenizerFast

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.distill.settings import DistillSettings, Student
from stillhouse.components.distill.student import StudentWithProjections, check_comparable, make_student
from stillhouse.components.models.layers import num_layers, output_layer
from stillhouse.components.models.loaded import LoadedModel
from stillhouse.components.tasks.text_classification import TextClassification
from stillhouse.errors import UserError

task = TextClassification(
    Spec(format=1, task="text_classification", target="classes", labels=["gold", "iron"], columns={}, content_digest="")
)

Trained = Any
"""conftest.Trained"""
TRAIN = Examples.of(text=["gold iron", "Gold"])
SHAPE = {"layers": 1, "width": 8, "heads": 1, "vocab_size": 300, "max_length": 64}


@pytest.fixture
def teacher(trained: Trained) -> LoadedModel:
    return task.load(trained.teacher.model)


def student_of(teacher: LoadedModel, base: str | None = None, **asked: Any) -> LoadedModel:
    return make_student(task, teacher, Student.model_validate({"base": base or "", **asked}), base, TRAIN)


def test_layers_of_the_teacher(teacher: LoadedModel) -> None:
    student = student_of(teacher, layers=1)
    assert num_layers(student.model) == 1
    assert student.processor is teacher.processor
    assert output_layer(student.model).weight.equal(output_layer(teacher.model).weight)


def test_a_new_architecture_with_the_teachers_tokenizer_and_labels(teacher: LoadedModel) -> None:
    student = student_of(teacher, architecture=SHAPE)
    assert student.model.config.hidden_size == 8
    assert student.processor is teacher.processor
    assert student.model.config.id2label == {0: "gold", 1: "iron"}


def test_a_model_by_name_with_its_own_tokenizer(teacher: LoadedModel, trained: Trained) -> None:
    student = student_of(teacher, base=str(trained.backbone.model))
    assert num_layers(student.model) == 2
    assert student.processor is not teacher.processor
    assert student.model.config.num_labels == 2


def test_more_layers_than_the_teacher_has_is_one_sentence(teacher: LoadedModel) -> None:
    with pytest.raises(UserError, match=r"^model\.student\.layers is 3, and the teacher has 2; give no more\.$"):
        student_of(teacher, layers=3)


def test_without_an_origin_it_is_one_layer_of_the_teacher(teacher: LoadedModel) -> None:
    assert num_layers(student_of(teacher).model) == 1


@pytest.mark.parametrize("asked", [{"layers": 1, "base": "x"}, {"base": "x", "architecture": SHAPE}])
def test_two_origins_are_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="give one of layers, base and architecture"):
        Student.model_validate(asked)


@pytest.mark.parametrize(
    ("shape", "settings", "why"),
    [
        ({"layers": 3}, {"hidden_weight": 1.0}, "the student has 3 layers and the teacher 2"),
        ({"heads": 1}, {"attention_weight": 1.0}, "the student has 1 heads and the teacher 2"),
    ],
)
def test_inner_terms_need_two_that_can_be_compared(
    teacher: LoadedModel, shape: dict[str, int], settings: dict[str, float], why: str
) -> None:
    student = student_of(teacher, architecture={**SHAPE, **shape})
    with pytest.raises(UserError, match=rf"^distill: {why}; set hidden_weight and attention_weight to 0 or "):
        check_comparable(task, student, teacher, DistillSettings.model_validate({"task": "t", **settings}), TRAIN)


def test_hidden_states_of_other_widths_and_heads_can_be_compared(teacher: LoadedModel) -> None:
    settings = DistillSettings(task="t", hidden_weight=1.0)
    check_comparable(task, student_of(teacher, architecture=SHAPE), teacher, settings, TRAIN)


def test_an_equal_vocabulary_that_is_read_otherwise_is_another_tokenizer(teacher: LoadedModel) -> None:
    lower = Tokenizer.from_str(teacher.processor.backend_tokenizer.to_str())
    lower.normalizer = normalizers.Lowercase()
    student = replace(student_of(teacher), processor=PreTrainedTokenizerFast(tokenizer_object=lower))
    assert student.processor.get_vocab() == teacher.processor.get_vocab()
    with pytest.raises(UserError, match="the student's tokenizer is not the teacher's"):
        check_comparable(task, student, teacher, DistillSettings(task="t", hidden_weight=1.0), TRAIN)
    check_comparable(task, student, teacher, DistillSettings(task="t", hidden_weight=1.0), TRAIN.head(1))


def test_layers_of_a_narrower_student_are_projected_to_the_teachers_width(teacher: LoadedModel) -> None:
    network = StudentWithProjections(student_of(teacher, architecture=SHAPE).model, teacher.model, match_hidden=True)
    assert network.layer_pairs == [(0, 1)]
    assert [list(weight.shape) for weight in network.projections.parameters()] == [[16, 8]]


def test_projections_to_an_equal_width_begin_with_the_identity(teacher: LoadedModel) -> None:
    network = StudentWithProjections(student_of(teacher, layers=2).model, teacher.model, match_hidden=True)
    assert all(weight.equal(torch.eye(16)) for weight in network.projections.parameters())
    assert network.layer_pairs == [(0, 0), (1, 1)]
