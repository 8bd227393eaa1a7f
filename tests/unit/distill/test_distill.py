"""distill makes a student that answers as the teacher does."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
from asking import ask

from stillhouse.components.artifacts.dataset import read_split
from stillhouse.components.artifacts.trainings import trainings_of
from stillhouse.components.storage.digests import digest_folder
from stillhouse.errors import UserError

Workshop = Any
"""conftest.Workshop"""
Trained = Any
"""conftest.Trained"""
FAST = {"loop": {"epochs": 8}, "optimizer": {"learning_rate": 1e-2}}
SHAPE = {"layers": 1, "width": 8, "heads": 2, "vocab_size": 300, "max_length": 64}


def losses(done: Any) -> list[float]:
    return [value for name, _, value in done.points if name == "train/loss"]


@pytest.mark.parametrize(
    "student",
    [{"layers": 1}, {"architecture": SHAPE}, {"base": "the backbone"}],
    ids=["layers", "architecture", "base"],
)
def test_a_student_of_any_origin_learns_to_answer(
    workshop: Workshop, trained: Trained, student: dict[str, Any]
) -> None:
    if "base" in student:
        student = {**student, "base": str(trained.backbone.model)}
    settings = {**FAST, "loop": {"epochs": 16}, "student": student}
    done = workshop.run("distill", settings, dataset=workshop.dataset(), teacher=trained.teacher.model)
    assert done.figures["validation_f1_macro"] > 0.85
    split = read_split(trained.dataset, "test")
    scores = ask(done.model, split.values("text"))
    assert (scores.argmax(1) == split.values("label")).mean() > 0.8


def test_model_json_names_the_teacher_as_parent(workshop: Workshop, trained: Trained) -> None:
    done = workshop.run("distill", {}, dataset=workshop.dataset(), teacher=trained.teacher.model)
    assert done.info["parents"] == [digest_folder(trained.teacher.model)]
    assert done.info["parameters"] < trained.teacher.info["parameters"]
    assert done.info["labels"] == ["gold", "iron"]


def test_its_folder_tells_how_all_trainings_of_the_run_went(workshop: Workshop, trained: Trained) -> None:
    done = workshop.run("distill", {}, dataset=workshop.dataset(), teacher=trained.teacher.model)
    pretrained, finetuned, distilled = trainings_of(done.model)
    assert [t["step"] for t in (pretrained, finetuned, distilled)] == ["pretrain", "finetune", "distill"]
    assert (pretrained["metric"], finetuned["metric"]) == ("perplexity", "f1_macro")
    assert [value for _, value in distilled["losses"]] == losses(done)
    assert max(value for _, value in distilled["points"]) == distilled["best"] == done.figures["validation_f1_macro"]


def test_the_teacher_stays_as_it_is(workshop: Workshop, trained: Trained) -> None:
    before = digest_folder(trained.teacher.model)
    workshop.run("distill", {}, dataset=workshop.dataset(), teacher=trained.teacher.model)
    assert digest_folder(trained.teacher.model) == before


def test_with_soft_answers_alone_the_student_needs_no_label(workshop: Workshop, trained: Trained) -> None:
    settings = {**FAST, "loop": {"epochs": 16}, "soft_weight": 1.0, "student": {"architecture": SHAPE}}
    done = workshop.run("distill", settings, dataset=workshop.dataset(), teacher=trained.teacher.model)
    texts = read_split(trained.dataset, "test").values("text")
    answers = [ask(folder, texts) for folder in (trained.teacher.model, done.model)]
    assert np.abs(answers[0] - answers[1]).mean() < 0.15
    assert losses(done)[-1] < 0.3 * losses(done)[0]


@pytest.mark.parametrize("augment", [0.0, 0.2])
def test_kept_and_live_answers_of_the_teacher_give_the_same_losses(
    workshop: Workshop, trained: Trained, augment: float
) -> None:
    paths = {"dataset": workshop.dataset(augment=augment), "teacher": trained.teacher.model}
    loop = {"epochs": 3}
    kept = workshop.run("distill", {"loop": loop}, **paths)
    live = workshop.run("distill", {"loop": loop, "max_cache_bytes": 0}, **paths)
    assert losses(kept) == pytest.approx(losses(live), abs=1e-4)
    num_views = 2 if augment else 1
    assert kept.figures["teacher_cache_bytes"] == num_views * 120 * 2 * 4
    assert kept.figures["teacher_hit_share"] == pytest.approx(1 - num_views / 3)
    assert (live.figures["teacher_cache_bytes"], live.figures["teacher_hit_share"]) == (0, 0)


def test_unlabelled_rows_are_learnt_from_unless_told_not_to(workshop: Workshop, trained: Trained) -> None:
    paths = {"dataset": workshop.dataset(), "teacher": trained.teacher.model}
    both, labelled = (workshop.run("distill", {"use_unlabelled": use}, **paths) for use in (True, False))
    assert both.figures["tokens"] > 1.2 * labelled.figures["tokens"]


@pytest.mark.parametrize("term", ["hidden_weight", "attention_weight"])
def test_an_inner_term_is_lowered(workshop: Workshop, trained: Trained, term: str) -> None:
    shape = {**SHAPE, "layers": 2}
    settings = {**FAST, term: 100.0, "student": {"architecture": shape}}
    done = workshop.run("distill", settings, dataset=workshop.dataset(), teacher=trained.teacher.model)
    assert losses(done)[-1] < 0.5 * losses(done)[0]
    assert done.figures["teacher_hit_share"] == 0


def test_attention_terms_leave_no_trace_in_the_student(workshop: Workshop, trained: Trained) -> None:
    settings = {"attention_weight": 1.0, "hidden_weight": 1.0}
    done = workshop.run("distill", settings, dataset=workshop.dataset(), teacher=trained.teacher.model)
    assert "eager" not in (done.model / "config.json").read_text()
    names = set(safetensors.torch.load_file(done.model / "model.safetensors"))
    assert names < set(safetensors.torch.load_file(trained.teacher.model / "model.safetensors"))


def test_inner_terms_of_another_tokenizer_are_refused(workshop: Workshop, trained: Trained, tmp_path: Path) -> None:
    other = workshop.run("pretrain", {"loop": {"epochs": 1}}, dataset=workshop.dataset("number"))
    settings = {"hidden_weight": 1.0, "student": {"base": str(other.model)}}
    with pytest.raises(UserError, match="the student's tokenizer is not the teacher's"):
        workshop.run("distill", settings, dataset=workshop.dataset(), teacher=trained.teacher.model)


def test_a_student_with_another_tokenizer_learns_from_kept_answers(workshop: Workshop, trained: Trained) -> None:
    other = workshop.run("pretrain", {"loop": {"epochs": 1}}, dataset=workshop.dataset("multi_label"))
    settings = {**FAST, "loop": {"epochs": 16}, "student": {"base": str(other.model)}}
    done = workshop.run("distill", settings, dataset=workshop.dataset(), teacher=trained.teacher.model)
    assert (done.model / "tokenizer.json").read_bytes() == (other.model / "tokenizer.json").read_bytes()
    assert done.figures["validation_f1_macro"] > 0.75


@pytest.fixture
def number_teacher(workshop: Workshop) -> Any:
    """Answers about 1,000."""
    nothing = workshop.folder / "nothing"
    nothing.mkdir()
    settings = {"loop": {"epochs": 16}, "optimizer": {"learning_rate": 1e-2}}
    return workshop.run("finetune", settings, dataset=workshop.dataset("number"), backbone=nothing)


@pytest.mark.parametrize("student", [{"layers": 1}, {"architecture": SHAPE}], ids=["layers", "new"])
def test_numbers_far_from_zero_are_distilled_in_their_unit(
    workshop: Workshop, number_teacher: Any, student: dict[str, Any]
) -> None:
    settings = {**FAST, "loop": {"epochs": 16}, "student": student}
    done = workshop.run("distill", settings, dataset=workshop.dataset("number"), teacher=number_teacher.model)
    assert done.figures["validation_r2"] > 0.6
    texts = ["up a up b up", "a b c d", "down a down b down"]
    answers = ask(done.model, texts)[:, 0]
    assert answers == pytest.approx([1200, 1000, 800], abs=90)


def test_label_sets_are_distilled(workshop: Workshop) -> None:
    nothing = workshop.folder / "nothing"
    nothing.mkdir()
    dataset = workshop.dataset("multi_label")
    learning = {"loop": {"epochs": 16, "batch_tokens": 128}, "optimizer": {"learning_rate": 5e-3}}
    settings = {**learning, "class_weights": "balanced", "architecture": {"width": 32}}
    teacher = workshop.run("finetune", settings, dataset=dataset, backbone=nothing)
    settings = {**learning, "soft_weight": 1.0, "student": {"layers": 1}}
    student = workshop.run("distill", settings, dataset=dataset, teacher=teacher.model)
    texts = read_split(dataset, "test").values("text")
    scores = [ask(done.model, texts) for done in (teacher, student)]
    assert scores[0].std() > 0.1
    assert np.abs(scores[0] - scores[1]).mean() < 0.05


@pytest.mark.parametrize("settings", [{}, {"hidden_weight": 1.0, "attention_weight": 1.0}], ids=["kept", "inner terms"])
@pytest.mark.parametrize("stop_after", [5, 11])
def test_stopped_by_sigterm_it_goes_on_to_the_same_bits(
    workshop: Workshop, trained: Trained, settings: dict[str, Any], stop_after: int
) -> None:
    paths = {"dataset": workshop.dataset(augment=0.1), "teacher": trained.teacher.model}
    settings = {**settings, "loop": {"epochs": 3}}
    unbroken, resumed = workshop.whole_and_resumed(partial(workshop.run, "distill", settings, **paths), stop_after)

    assert resumed.weights == unbroken.weights
    assert resumed.points == unbroken.points


def test_no_checkpoint_is_left_when_it_has_ended(workshop: Workshop, trained: Trained) -> None:
    settings = {"loop": {"checkpoint_seconds": 1e-6}}
    workshop.run("distill", settings, dataset=workshop.dataset(), teacher=trained.teacher.model)
    assert list((workshop.folder / "home" / "store").rglob("*.safetensors")) == []


def test_too_many_layers_leave_nothing_behind(workshop: Workshop, trained: Trained) -> None:
    with pytest.raises(UserError, match="layers is 9, and the teacher has 2"):
        workshop.run(
            "distill",
            {"student": {"layers": 9}},
            dataset=workshop.dataset(),
            teacher=trained.teacher.model,
            name="none",
        )
    assert not (workshop.folder / "none").exists()


def test_with_a_budget_settings_follow_from_the_data_and_the_model_says_which(
    trained: Trained, workshop: Workshop
) -> None:
    derive = {"seconds": 1e6, "keys": ["student.layers", "freeze_embeddings", "loop.epochs", "loop.max_length"]}
    done = workshop.run("distill", {"derive": derive}, dataset=trained.dataset, teacher=trained.teacher.model)
    used = done.info["settings"]
    assert (used["student"]["layers"], used["freeze_embeddings"]) == (1, True)
    assert (used["loop"]["epochs"], used["loop"]["max_length"]) == (20, 32)
    student, teacher = (
        safetensors.torch.load_file(done.model / "model.safetensors"),
        safetensors.torch.load_file(trained.teacher.model / "model.safetensors"),
    )
    name = "bert.embeddings.word_embeddings.weight"
    assert (student[name] == teacher[name]).all()
