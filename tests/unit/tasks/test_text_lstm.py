"""LSTMs on words under the tasks on texts: whole steps, what pretraining leaves them, students of transformers."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from asking import task_of_model
from golden_losses import Losses, hold
from safetensors.numpy import load_file

from stillhouse.components.artifacts.base_facts import facts_of, look
from stillhouse.components.artifacts.chosen_base import Use
from stillhouse.components.artifacts.dataset import read_split
from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec, read_spec
from stillhouse.components.models.settings import Architecture
from stillhouse.components.pretrain.settings import PretrainSettings
from stillhouse.components.tasks import task_of
from stillhouse.components.tasks.interface.task import View
from stillhouse.components.tasks.text_classification import TextClassification
from stillhouse.components.tasks.token_classification import TokenClassification
from stillhouse.components.tracking.pyfunc_model import TextModel
from stillhouse.components.tracking.registry import _text_model
from stillhouse.components.training.loop import Training
from stillhouse.components.training.preemption import Preempted
from stillhouse.components.training.randomness import seed_everything
from stillhouse.components.training.settings import LoopSettings, OptimizerSettings
from stillhouse.errors import UserError

Workshop = Any
"""conftest.Workshop"""
Trained = Any
"""conftest.Trained"""

GOLDEN = Path(__file__).parent.parent / "training" / "golden" / "text_lstm.json"
COMMAND = "STILLHOUSE_MAKE_GOLDEN=1 .venv/bin/pytest tests/unit/tasks/test_text_lstm.py"
SHAPE = {"network": "lstm", "layers": 2, "width": 16, "vocab_size": 300, "dropout": 0.1}
LEARNING = {"loop": {"epochs": 6}, "optimizer": {"learning_rate": 1e-2}}


def run(workshop: Workshop, step: str, settings: dict[str, Any], **paths: Any) -> Any:
    """A step with small settings; pretrain and finetune of an LSTM."""
    shape = {} if step == "distill" else {"architecture": SHAPE}
    return workshop.run(step, {**shape, **LEARNING, **settings}, **paths)


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory, workshop_in: Any) -> tuple[Path, Any, Any]:
    """A dataset, a backbone and the teacher that started from it."""
    with workshop_in(tmp_path_factory.mktemp("taught")) as workshop:
        dataset = workshop.dataset()
        backbone = run(workshop, "pretrain", {"objective": "auto"}, dataset=dataset)
        return dataset, backbone, run(workshop, "finetune", {}, dataset=dataset, backbone=backbone.model)


def losses(workshop: Workshop) -> list[float]:
    """Loss of each step of a small LSTM on the texts with markers, dropout and hidden words on."""
    dataset, record = workshop.dataset(augment=0.1), Losses()
    task, train = task_of(read_spec(dataset)), read_split(dataset, "train")
    loss = task.training_loss(train, class_weights="none", label_smoothing=0.1)
    seed_everything(3)
    loaded = task.build(None, Architecture.model_validate(SHAPE), train)
    Training(
        loaded.model,
        task.samples(loaded, train, View(48, seed=3)),
        lambda network, batch: loss(task.forward(network, batch), batch),
        settings=LoopSettings(epochs=4, batch_tokens=256, micro_batch_tokens=200, seed=3),
        optimizer=OptimizerSettings(learning_rate=1e-2, layer_decay=0.9),
        num_layers=2,
        report=record,
    ).run()
    return record.losses


def test_the_losses_are_those_of_the_golden_file(workshop: Workshop) -> None:
    hold(losses(workshop), GOLDEN, COMMAND)


def test_from_random_weights_it_learns_by_the_next_word(taught: Any) -> None:
    _, backbone, _ = taught
    assert backbone.info["objective"] == "next_word"
    found = [value for name, _, value in backbone.points if name == "validation/perplexity"]
    assert 28 < found[-1] < found[0] < 30  # 28 words are drawn at random: nothing tells which
    assert json.loads((backbone.model / "config.json").read_text())["architectures"] == ["LstmForLanguageModeling"]


def test_all_that_was_pretrained_is_carried_over(taught: Any) -> None:
    dataset, backbone, _ = taught
    task = task_of(read_spec(dataset))
    loaded = task.build(str(backbone.model), None, read_split(dataset, "train"))
    weights, learnt = loaded.model.state_dict(), load_file(backbone.model / "model.safetensors")
    shared = {name for name in weights if name.startswith("lstm.")}
    assert shared == learnt.keys() - {"predictions.bias"}
    assert all(np.array_equal(weights[name].numpy(), learnt[name]) for name in shared)


def test_the_teacher_answers_and_says_how_much_it_knows(taught: Any) -> None:
    dataset, _, teacher = taught
    assert teacher.figures["validation_f1_macro"] > 0.9
    assert teacher.info["notes"]["vocabulary"].startswith("The vocabulary has 30 words, the most frequent ones of")
    test = read_split(dataset, "test")
    task = task_of_model(teacher.model)
    loaded = task.load(teacher.model)
    answers = task.answer(loaded, test)
    assert (answers.argmax(1) == test.values("label")).mean() > 0.9
    assert task.answer(loaded, test, batch_units=3) == pytest.approx(answers, abs=1e-6)


def test_the_registered_model_answers_so_too_with_its_own_code_beside_it(taught: Any) -> None:
    dataset, _, teacher = taught
    texts = [*read_split(dataset, "test").values("text"), "never seen", ""]
    task = task_of_model(teacher.model)
    expected = task.answer(task.load(teacher.model), Examples.of(text=texts))
    kept = _text_model(teacher.model, teacher.info)["artifacts"]
    assert set(kept) == {"model", "values", "cleaning", "network"}
    registered = TextModel()
    registered.load_context(SimpleNamespace(artifacts=kept))
    answers = registered.predict(None, pd.DataFrame({"text": texts}))
    assert answers[["probability_gold", "probability_iron"]].to_numpy() == pytest.approx(expected, abs=1e-5)


def test_layers_of_it_make_a_student_that_may_compare_hidden_states(workshop: Workshop, taught: Any) -> None:
    dataset, _, teacher = taught
    settings = {"student": {"layers": 1}, "hidden_weight": 1.0}
    student = run(workshop, "distill", settings, dataset=dataset, teacher=teacher.model)
    assert student.figures["validation_f1_macro"] > 0.9
    assert student.info["parameters"] < teacher.info["parameters"]


def test_it_is_the_student_of_a_transformer_with_words_of_its_own(workshop: Workshop, trained: Trained) -> None:
    settings = {"student": {"architecture": SHAPE | {"layers": 1}}}
    student = run(workshop, "distill", settings, dataset=trained.dataset, teacher=trained.teacher.model)
    assert student.figures["validation_f1_macro"] > 0.9
    assert student.info["notes"]["vocabulary"].startswith("The vocabulary has 30 words")
    known = task_of_model(student.model).load(student.model).processor.get_vocab()
    assert {"gold", "iron", "[UNK]"} <= known.keys()


def test_a_transformer_is_the_student_of_it_with_a_tokenizer_of_its_own(workshop: Workshop, taught: Any) -> None:
    dataset, _, teacher = taught
    shape = {"layers": 1, "width": 16, "heads": 2, "vocab_size": 300, "max_length": 64}
    student = run(workshop, "distill", {"student": {"architecture": shape}}, dataset=dataset, teacher=teacher.model)
    assert student.figures["validation_f1_macro"] > 0.9
    assert "[CLS]" in task_of_model(student.model).load(student.model).processor.get_vocab()


@pytest.mark.parametrize("step", ["pretrain", "finetune", "distill"])
def test_a_stopped_step_goes_on_to_the_same_bytes(workshop: Workshop, taught: Any, trained: Trained, step: str) -> None:
    _, backbone, _ = taught
    settings, paths = {
        "pretrain": ({"objective": "next_word"}, {}),
        "finetune": ({}, {"backbone": backbone.model}),
        "distill": ({"student": {"architecture": SHAPE}}, {"teacher": trained.teacher.model}),
    }[step]
    paths["dataset"] = workshop.dataset(augment=0.1)
    settings = {**settings, "loop": {"epochs": 2}}
    whole = run(workshop, step, settings, **paths)
    with pytest.raises(Preempted):
        run(workshop, step, settings, name="again", stop_after=3, **paths)
    again = run(workshop, step, settings, name="again", **paths)
    assert again.weights == whole.weights
    assert again.points == whole.points


@pytest.mark.parametrize(("freeze", "learn"), [("backbone", {"classifier"}), (1, {"classifier", "lstm.layers.1"})])
def test_what_is_frozen_stays_as_pretraining_left_it(
    workshop: Workshop, taught: Any, freeze: str | int, learn: set[str]
) -> None:
    dataset, backbone, _ = taught
    settings = {"freeze": freeze, "loop": {"epochs": 1}}
    teacher = run(workshop, "finetune", settings, dataset=dataset, backbone=backbone.model)
    before, after = (load_file(model / "model.safetensors") for model in (backbone.model, teacher.model))
    moved = {name for name in after if name not in before or not np.array_equal(before[name], after[name])}
    assert moved == {name for name in after if any(name.startswith(part) for part in learn)}


def test_a_folder_of_it_is_a_base_like_any_other(taught: Any) -> None:
    _, backbone, _ = taught
    found = look(str(backbone.model))
    facts = facts_of(str(backbone.model), "digest", found)
    assert (found.reads, facts.decoder, facts.tensors) == ("text", False, 17)
    Use(step="pretrain", max_length=100_000, objective="next_word").check("base", found)
    with pytest.raises(UserError, match=r"stillhouse_lstm, which pretraining by masked_lm is not for; set"):
        Use(step="pretrain", max_length=64, objective="masked_lm").check("base", found)


def test_masked_words_are_refused_with_the_recipe_and_in_the_step(workshop: Workshop) -> None:
    wrong = {"task": "text_classification", "objective": "masked_lm", "base": "", "architecture": SHAPE}
    with pytest.raises(ValueError, match=r"learns by next_word, and pretrain\.objective is 'masked_lm'; change one"):
        PretrainSettings.model_validate(wrong)
    with pytest.raises(UserError, match=r"network is lstm, which learns by next_word; change one of them"):
        run(workshop, "pretrain", {"objective": "masked_lm", "base": "auto"}, dataset=workshop.dataset())


@pytest.mark.parametrize(
    ("student", "weights", "sentence"),
    [
        ({"architecture": SHAPE}, {"hidden_weight": 1.0}, "the student's tokenizer is not the teacher's; set hidden_"),
        ({"layers": 1}, {"attention_weight": 1.0}, "attention maps are compared, and such models have none; set att"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_sentence(
    workshop: Workshop, taught: Any, trained: Trained, student: Any, weights: Any, sentence: str
) -> None:
    dataset, _, own = taught
    teacher = own if "layers" in student else trained.teacher
    with pytest.raises(UserError, match=f"^distill: {sentence}"):
        run(workshop, "distill", {"student": student, **weights}, dataset=dataset, teacher=teacher.model)


def test_it_tags_words_too() -> None:
    spec = Spec(format=1, task="token_classification", target="tags", labels=["O", "X"], columns={}, content_digest="")
    task = TokenClassification(spec)
    train = Examples.of(tokens=[["a", "don't", "b"], ["b"]] * 2, tags=[[0, 1, 0], [0]] * 2)
    loaded = task.build(None, Architecture.model_validate({**SHAPE, "dropout": 0.0}), train)
    samples = task.samples(loaded, train, View(16))
    batch = samples.batch(np.arange(4), 0)
    loss, count = task.loss(task.forward(loaded.model, batch), batch)
    assert (count, bool(loss > 0)) == (8, True)
    assert [len(answer.tags) for answer in task.answer_samples(loaded.model, samples)] == [3, 1, 3, 1]


def test_a_recipe_says_the_network() -> None:
    assert TextClassification.learnt_by(Architecture()) == ("masked_lm", "next_word")
    assert Architecture(network="lstm", width=50, heads=4).width == 50  # heads are a transformer's


def test_an_lstm_without_a_shape_is_smaller_than_a_transformer() -> None:
    shapes = [Architecture(network="lstm"), Architecture(network="lstm", layers=3), Architecture()]
    assert [(shape.layers, shape.width) for shape in shapes] == [(2, 64), (3, 64), (4, 192)]
