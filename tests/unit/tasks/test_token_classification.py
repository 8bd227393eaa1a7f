"""Token classification on transformers' models: learnt, distilled, stopped and gone on with, answered, measured."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from golden_losses import Losses, hold
from tagged_words import SPEC, TAGS, tagged, write_tagged_dataset
from torch.nn.functional import cross_entropy

from stillhouse.components.artifacts.dataset import read_split
from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.distill.loss import _flat
from stillhouse.components.distill.signal import AnsweredSamples
from stillhouse.components.distill.teacher import Asking
from stillhouse.components.models.loaded import LoadedModel
from stillhouse.components.models.settings import Architecture
from stillhouse.components.targets.measure import values_of
from stillhouse.components.targets.tokens import TagAnswer
from stillhouse.components.tasks import task_of
from stillhouse.components.tasks.interface.task import View
from stillhouse.components.tasks.token_classification import TokenClassification
from stillhouse.components.training.loop import Training
from stillhouse.components.training.preemption import Preempted
from stillhouse.components.training.randomness import seed_everything
from stillhouse.components.training.settings import LoopSettings, OptimizerSettings
from stillhouse.errors import UserError

Workshop = Any
"""conftest.Workshop"""
Done = Any
"""conftest.Done"""
GOLDEN = Path(__file__).parents[1] / "training" / "golden" / "token_classification.json"
COMMAND = "STILLHOUSE_MAKE_GOLDEN=1 .venv/bin/pytest tests/unit/tasks/test_token_classification.py"
SHAPE = Architecture(layers=1, width=16, heads=2, vocab_size=300, max_length=32)
LEARNING = {
    "task": "token_classification",
    "loop": {"epochs": 8, "batch_tokens": 64, "max_length": 32},
    "optimizer": {"learning_rate": 1e-2},
}
SMALL = {"architecture": {**SHAPE.model_dump(), "layers": 2}}

task = TokenClassification(SPEC)
examples = tagged(12)


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    """An untrained network whose weights are so large that its answers differ."""
    seed_everything(3)
    made = task.build(None, SHAPE, examples)
    with torch.no_grad():
        for parameter in made.model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.5)
    made.model.eval()
    return LoadedModel(made.model, made.processor, {"max_length": 32})


def batch_of(loaded: LoadedModel, rows: list[int]) -> dict[str, torch.Tensor]:
    return task.samples(loaded, examples, View(32)).batch(np.array(rows), 0)


def assert_same(found: list[TagAnswer], expected: list[TagAnswer]) -> None:
    """Equal tags, and confidences but for the last bits: padding moves them."""
    assert [answer.tags.tolist() for answer in found] == [answer.tags.tolist() for answer in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.confidence == pytest.approx(other.confidence, abs=1e-5)


# Samples and losses


def test_examples_are_counted_whole_before_they_are_cut(loaded: LoadedModel) -> None:
    uncut = task.samples(loaded, examples, View(SHAPE.max_length)).lengths
    assert task.whole_sizes(loaded, examples).tolist() == uncut.tolist()
    assert uncut.max() > task.samples(loaded, examples, View(8)).lengths.max()


def test_a_new_head_has_the_tags_and_transformers_knows_their_names(loaded: LoadedModel) -> None:
    assert loaded.model.config.id2label == dict(enumerate(TAGS))
    assert loaded.model.config.num_labels == 5


def test_a_sample_is_the_same_in_every_batch(loaded: LoadedModel) -> None:
    samples = task.samples(loaded, examples, View(32))
    together = samples.batch(np.arange(12), 0)
    for row, length in enumerate(samples.lengths.tolist()):
        alone = samples.batch(np.array([row]), 0)
        for name, tensor in alone.items():
            assert tensor.equal(together[name][row : row + 1, :length]), name


def test_labels_stand_on_the_first_sub_word_of_each_word(loaded: LoadedModel) -> None:
    batch = batch_of(loaded, list(range(12)))
    truths = [tag for tags in examples.values("tags") for tag in tags]
    assert batch["labels"][batch["is_word"]].tolist() == truths
    assert (batch["labels"][~batch["is_word"]] == -100).all()
    assert batch["is_word"].sum() < batch["attention_mask"].sum() - 2 * 12  # some words are several tokens


def test_a_word_without_a_tag_is_not_learnt_from_and_is_answered(loaded: LoadedModel) -> None:
    some = Examples.of(tokens=[["ann", "in", "rome"]], tags=[[3, None, 1]])
    batch = task.samples(loaded, some, View(32)).batch(np.array([0]), 0)
    assert batch["labels"][batch["is_word"]].tolist() == [3, -100, 1]
    assert task.loss(task.forward(loaded.model, batch), batch)[1] == 2
    assert len(task.answer(loaded, some)[0].tags) == 3


def test_the_loss_is_the_cross_entropy_of_the_tagged_words(loaded: LoadedModel) -> None:
    batch = batch_of(loaded, [0, 1, 2, 3])
    outputs = task.forward(loaded.model, batch)
    loss, count = task.loss(outputs, batch)
    logits, labels = outputs.logits.flatten(0, 1), batch["labels"].flatten()
    assert loss.item() == pytest.approx(cross_entropy(logits, labels, reduction="sum").item(), rel=1e-6)
    assert count == sum(map(len, examples.values("tokens")[:4]))
    smooth = task.training_loss(examples, class_weights="none", label_smoothing=0.1)(outputs, batch)[0]
    expected = cross_entropy(logits, labels, reduction="sum", label_smoothing=0.1)
    assert smooth.item() == pytest.approx(expected.item(), rel=1e-6)


def test_weights_of_classes_are_refused_in_one_sentence() -> None:
    with pytest.raises(UserError, match="class_weights is for classes of whole examples, not of words; leave it out"):
        task.training_loss(examples, class_weights="balanced", label_smoothing=0.0)


def test_augmentation_hides_other_words_in_each_epoch_and_the_same_ones_again(loaded: LoadedModel) -> None:
    augmenting = TokenClassification(SPEC.model_copy(update={"augment": 0.5}))
    samples = augmenting.samples(loaded, examples, View(32, seed=1))
    views = [samples.batch(np.arange(12), epoch) for epoch in (0, 1, 0)]
    assert views[0]["input_ids"].equal(views[2]["input_ids"])
    assert not views[0]["input_ids"].equal(views[1]["input_ids"])
    assert views[0]["labels"].equal(views[1]["labels"])
    assert (
        augmenting.samples(loaded, examples, View(32))
        .batch(np.arange(12), 1)["input_ids"]
        .equal(task.samples(loaded, examples, View(32)).batch(np.arange(12), 0)["input_ids"])
    )


def test_a_student_that_answers_as_its_teacher_has_no_loss_and_another_has(loaded: LoadedModel) -> None:
    batch = batch_of(loaded, [0, 5, 7])
    outputs = task.forward(loaded.model, batch)
    signal = _flat(task.signal(outputs, batch, 2.0))
    loss, count = task.distillation_loss(outputs, signal, batch, 2.0)
    assert loss.item() == pytest.approx(0, abs=1e-4)
    assert count == int(batch["is_word"].sum())
    other = {**signal, "logits": signal["logits"].flip(-1)}
    assert task.distillation_loss(outputs, other, batch, 2.0)[0].item() > 1


def test_what_the_teacher_told_is_kept_for_each_word_of_each_example(loaded: LoadedModel) -> None:
    samples = task.samples(loaded, examples, View(32))

    def signal(model: Any, batch: Any) -> Any:
        return task.signal(task.forward(model, batch), batch, 2.0)

    asking = Asking(
        loaded.model, signal, samples, num_views=1, budget=60, get_or_make=lambda name, make: make(), progress=print
    )
    answered = AnsweredSamples(samples, asking.signals()).batch(np.array([7, 0, 5]), 0)
    live = _flat(task.signal(task.forward(loaded.model, batch_of(loaded, [7, 0, 5])), answered, 2.0))
    assert torch.allclose(answered["teacher_logits"], live["logits"], atol=1e-4)
    assert answered["teacher_logits_row"].equal(live["logits_row"])
    size = answered["teacher_logits"].nbytes
    assert size <= task.signal_bytes(samples)


def test_a_text_longer_than_the_model_takes_is_an_error_of_the_setting(loaded: LoadedModel) -> None:
    with pytest.raises(UserError, match="max_length is 33, but the model has 32 positions"):
        task.samples(loaded, examples, View(33))


# Answers


@pytest.mark.parametrize("batch_units", [1, 40, 10_000])
def test_answers_come_in_the_order_of_the_examples_one_for_each_word(loaded: LoadedModel, batch_units: int) -> None:
    answers = task.answer(loaded, examples, batch_units=batch_units)
    assert [len(answer.tags) for answer in answers] == list(map(len, examples.values("tokens")))
    alone = [task.answer(loaded, examples.take([row]))[0] for row in range(12)]
    assert_same(answers, alone)
    assert len({tag for answer in answers for tag in answer.tags.tolist()}) > 1


def test_words_beyond_max_length_have_no_answer_and_count_as_wrong(loaded: LoadedModel) -> None:
    short = LoadedModel(loaded.model, loaded.processor, {"max_length": 6})
    answers = task.answer(short, examples)
    cut = sum(map(len, examples.values("tokens"))) - sum(len(answer.tags) for answer in answers)
    assert cut > 0
    statistics = task.statistics(answers, examples)
    assert statistics["words"].sum() - statistics["words_right"].sum() >= cut
    assert not task.unanswered(answers).any()  # it has not read them; that is no answer that is not a number


def test_an_answer_that_is_not_a_finite_number_is_none(loaded: LoadedModel) -> None:
    batch = batch_of(loaded, [0, 1])
    with torch.no_grad():
        outputs = task.forward(loaded.model, batch)
    outputs.logits[1, 1, 2] = torch.nan
    answers = task.answers(outputs, batch)
    assert task.unanswered(answers).tolist() == [False, True]
    assert answers[1].tags[0] == -1


def test_the_trivial_answer_is_the_tag_that_a_word_has_most_often() -> None:
    train = Examples.of(tokens=[["ann", "saw", "ann"], ["ann"]], tags=[[3, 0, 3], [0]])
    (answer,) = task.trivial(train, Examples.of(tokens=[["saw", "ann", "new"]]))
    assert answer.tags.tolist() == [0, 3, 0]
    assert answer.confidence == pytest.approx([1, 2 / 3, 0.5])


def test_measures_are_those_of_entities_where_tags_spell_some_and_else_of_words() -> None:
    right = [TagAnswer(np.array(tags, np.int32), np.ones(len(tags), np.float32)) for tags in examples.values("tags")]
    found = values_of(task.statistics(right, examples), task.measures, len(examples))
    assert next(iter(found)) == "entity_f1"
    assert set(found.values()) == {1.0}
    plain = TokenClassification(SPEC.model_copy(update={"target": "plain"}))
    assert [measure.name for measure in plain.measures] == ["token_accuracy", "token_f1_macro", "example_accuracy"]


# Steps


class Course:
    """All trainings on the dataset, and where they are."""

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self.dataset = write_tagged_dataset(workshop.folder / "tagged", augment=0.1)
        self.backbone = workshop.run("pretrain", {**LEARNING, **SMALL}, dataset=self.dataset)
        self.teacher = self.finetune()
        self.student = self.distill()

    def finetune(self, **options: Any) -> Done:
        paths = {"dataset": self.dataset, "backbone": self.backbone.model}
        return self.workshop.run("finetune", {**LEARNING, **SMALL}, **paths, **options)

    def distill(self, **options: Any) -> Done:
        settings = {**LEARNING, "student": {"layers": 1}}
        return self.workshop.run("distill", settings, dataset=self.dataset, teacher=self.teacher.model, **options)


@pytest.fixture
def course(workshop: Workshop) -> Course:
    return Course(workshop)


def test_it_is_pretrained_learnt_distilled_and_goes_on_bit_equal_after_a_stop(course: Course) -> None:
    assert course.backbone.figures["perplexity"] > 1
    assert course.teacher.figures["validation_entity_f1"] > 0.95
    assert course.student.figures["validation_entity_f1"] > 0.9
    assert course.student.figures["teacher_hit_share"] > 0
    assert course.student.info["labels"] == TAGS
    assert course.student.info["main_metric"] == "entity_f1"

    bound = task_of(SPEC)
    test = read_split(course.dataset, "test")
    answers = bound.answer(bound.load(course.student.model), test)
    assert values_of(bound.statistics(answers, test), bound.measures, len(test))["entity_f1"] > 0.9

    for unbroken, again in ((course.teacher, course.finetune), (course.student, course.distill)):
        with pytest.raises(Preempted):
            again(stop_after=5, name=f"again-{unbroken.model.name}")
        resumed = again(name=f"again-{unbroken.model.name}")
        assert resumed.weights == unbroken.weights
        assert resumed.points == unbroken.points


def test_a_model_that_was_written_and_read_answers_the_same(loaded: LoadedModel, tmp_path: Path) -> None:
    expected = task.answer(loaded, examples)
    info = task.save(loaded, tmp_path)
    (tmp_path / "model.json").write_text(json.dumps({**info, **SPEC.model_dump(), "max_length": 32}))
    assert_same(task.answer(task.load(tmp_path), examples), expected)
    assert not list(tmp_path.glob("*.bin"))


def losses() -> list[float]:
    """Loss of each step of a small training; one thread."""
    rows = tagged(80, seed=1)
    seed_everything(5)
    model = task.build(None, SHAPE.model_copy(update={"layers": 2, "dropout": 0.1}), rows)
    loss = task.training_loss(rows, class_weights="none", label_smoothing=0.1)
    record = Losses()
    Training(
        model.model,
        TokenClassification(SPEC.model_copy(update={"augment": 0.1})).samples(model, rows, View(32, 5)),
        lambda network, batch: loss(task.forward(network, batch), batch),
        settings=LoopSettings(epochs=3, batch_tokens=200, micro_batch_tokens=150, seed=5),
        optimizer=OptimizerSettings(learning_rate=3e-3, layer_decay=0.9),
        num_layers=2,
        report=record,
    ).run()
    return record.losses


def test_the_losses_are_those_of_the_golden_file(one_thread: None) -> None:
    hold(losses(), GOLDEN, COMMAND)
