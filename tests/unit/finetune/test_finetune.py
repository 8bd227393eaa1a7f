"""finetune puts a new head on a backbone and trains what is not frozen."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
from asking import ask
from safetensors.numpy import load_file

from stillhouse.components.artifacts.dataset import read_split
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.finetune.finetune import start_of, unfreezing_of
from stillhouse.components.finetune.linear_probe import fit_head
from stillhouse.components.finetune.settings import FinetuneSettings
from stillhouse.components.storage.digests import digest_folder
from stillhouse.components.tasks.interface.task import View
from stillhouse.components.tasks.text_classification import TextClassification
from stillhouse.components.training.checkpoints import Checkpoints
from stillhouse.components.training.derived import Defaults
from stillhouse.components.training.loop import Unfreezing
from stillhouse.components.training.preemption import Preempted

Workshop = Any
"""conftest.Workshop"""
Trained = Any
"""conftest.Trained"""

FAST = {"loop": {"epochs": 16}, "optimizer": {"learning_rate": 1e-2}}


@pytest.fixture
def nothing(workshop: Workshop) -> Path:
    """What pretrain leaves when it is skipped."""
    folder = workshop.folder / "nothing"
    folder.mkdir()
    (folder / "model.json").write_text('{"format": 1, "load": "nothing"}')
    return folder


def test_it_learns_the_classes(trained: Trained) -> None:
    assert trained.teacher.figures["validation_f1_macro"] > 0.9


def test_it_answers_on_texts_it_never_saw(trained: Trained) -> None:
    split = read_split(trained.dataset, "test")
    scores = ask(trained.teacher.model, split.values("text"))
    assert (scores.argmax(1) == split.values("label")).mean() > 0.85


def test_model_json_names_labels_settings_and_the_parent(trained: Trained) -> None:
    info = trained.teacher.info
    assert (info["task"], info["target"], info["labels"]) == ("text_classification", "classes", ["gold", "iron"])
    assert (info["main_metric"], info["max_length"]) == ("f1_macro", 48)
    assert info["settings"]["loop"]["epochs"] == 8
    assert info["parents"] == [digest_folder(trained.backbone.model)]


def test_it_starts_from_what_pretrain_wrote_else_from_the_base_else_from_nothing(
    trained: Trained, nothing: Path
) -> None:
    assert start_of(None, "base") == "base"
    assert start_of(None, None) is None
    assert start_of(trained.backbone.model, "base") == str(trained.backbone.model)
    assert start_of(nothing, "base") == "base"
    assert start_of(nothing, None) is None


def test_a_fine_tuned_base_hands_on_its_backbone(trained: Trained, workshop: Workshop, nothing: Path) -> None:
    settings = {"base": str(trained.teacher.model), "freeze": "backbone", "loop": {"epochs": 1}}
    done = workshop.run("finetune", settings, dataset=trained.dataset, backbone=nothing)
    before, after = (load_file(model / "model.safetensors") for model in (trained.teacher.model, done.model))
    backbone = [name for name in before if ".embeddings." in name or ".encoder." in name]
    assert all((before[name] == after[name]).all() for name in backbone)
    assert done.info["parents"] == [digest_folder(trained.teacher.model)]


def test_a_base_with_the_same_labels_answers_well_from_the_start(
    trained: Trained, workshop: Workshop, nothing: Path
) -> None:
    untaught = {"loop": {"epochs": 1}, "optimizer": {"learning_rate": 1e-9}}
    settings = {"base": str(trained.teacher.model), **untaught}
    done = workshop.run("finetune", settings, dataset=trained.dataset, backbone=nothing)
    assert done.figures["validation_f1_macro"] > 0.9


def test_without_a_backbone_it_learns_from_random_weights(workshop: Workshop) -> None:
    done = workshop.run("finetune", FAST, dataset=workshop.dataset())
    assert done.figures["validation_f1_macro"] > 0.9
    assert done.info["parents"] == []


def changed(trained: Trained, done: Any) -> set[str]:
    """Parts of the backbone that differ from the pretrained ones."""
    before, after = (safetensors.torch.load_file(path / "model.safetensors") for path in (trained.backbone.model, done))
    shared = [name for name in after if name in before]
    assert len(shared) > 20
    differing = {name for name in shared if not after[name].equal(before[name])}
    return {"layer " + name.split(".")[3] if ".layer." in name else name.split(".")[1] for name in differing}


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({"freeze": "nothing"}, {"embeddings", "layer 0", "layer 1"}),
        ({"freeze": "backbone"}, set()),
        ({"freeze": 1}, {"layer 1"}),
    ],
    ids=["nothing", "backbone", "one layer"],
)
def test_frozen_parts_stay_as_they_were_pretrained(
    workshop: Workshop, trained: Trained, settings: dict[str, Any], parts: set[str]
) -> None:
    done = workshop.run("finetune", settings, dataset=workshop.dataset(), backbone=trained.backbone.model)
    assert changed(trained, done.model) == parts


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, Unfreezing(0, 0)),
        ({"freeze": "backbone"}, Unfreezing(5, 0)),
        ({"freeze": "backbone", "unfreeze_every": 2}, Unfreezing(5, 2)),
        ({"freeze": 0}, Unfreezing(1, 0)),
        ({"freeze": 2}, Unfreezing(3, 0)),
    ],
)
def test_a_number_freezes_the_embeddings_and_so_many_layers(settings: dict[str, Any], expected: Unfreezing) -> None:
    assert unfreezing_of(FinetuneSettings.model_validate({"task": "t", **settings}), 4) == expected


@pytest.mark.parametrize(
    "settings",
    [{"class_weights": "balanced"}, {"label_smoothing": 0.3}, {"dropout": 0.0}, {"optimizer": {"layer_decay": 0.5}}],
    ids=lambda settings: next(iter(settings)),
)
def test_every_option_has_an_effect(workshop: Workshop, trained: Trained, settings: dict[str, Any]) -> None:
    paths = {"dataset": workshop.dataset(), "backbone": trained.backbone.model}
    loop = {"epochs": 1}
    plain, other = (workshop.run("finetune", {**given, "loop": loop}, **paths) for given in ({}, settings))
    losses = [[value for name, _, value in done.points if name == "train/loss"] for done in (plain, other)]
    assert np.isfinite(losses).all()
    assert losses[0] != losses[1]


def test_several_labels_at_once_are_learnt(workshop: Workshop, nothing: Path) -> None:
    dataset = workshop.dataset("multi_label")
    settings = {"class_weights": "balanced", "loop": {"epochs": 16, "batch_tokens": 128}, "architecture": {"width": 32}}
    done = workshop.run(
        "finetune", {**settings, "optimizer": {"learning_rate": 5e-3}}, dataset=dataset, backbone=nothing
    )
    share = np.mean(read_split(dataset, "validation").values("label"))
    always_yes = 2 * share / (1 + share)
    assert done.figures["validation_f1_micro"] > always_yes + 0.1
    scores = ask(done.model, ["red red a b red red", "green green a b green green"])
    assert np.abs(scores[0] - scores[1]).max() > 0.5


def test_numbers_far_from_zero_are_learnt_and_answered_in_their_unit(workshop: Workshop, nothing: Path) -> None:
    done = workshop.run("finetune", FAST, dataset=workshop.dataset("number"), backbone=nothing)
    assert done.figures["validation_r2"] > 0.8
    answers = ask(done.model, ["up a up b up", "a b c d", "down a down b down"])[:, 0]
    assert answers == pytest.approx([1200, 1000, 800], abs=60)


@pytest.mark.parametrize("stop_after", [4, 9])
def test_stopped_by_sigterm_it_goes_on_to_the_same_bits(workshop: Workshop, nothing: Path, stop_after: int) -> None:
    settings = {"loop": {"epochs": 3, "patience": 3, "evaluations_per_epoch": 2}}
    paths = {"dataset": workshop.dataset("number", augment=0.1), "backbone": nothing}
    unbroken, resumed = workshop.whole_and_resumed(partial(workshop.run, "finetune", settings, **paths), stop_after)

    assert resumed.weights == unbroken.weights
    assert resumed.points == unbroken.points


def test_stopped_after_its_model_was_written_it_writes_the_same_again(
    workshop: Workshop, nothing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(self: Checkpoints) -> None:
        raise KeyboardInterrupt

    paths = {"dataset": workshop.dataset(), "backbone": nothing}
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Checkpoints, "clear", stop)
        workshop.run("finetune", {}, **paths, name="again")
    written = (workshop.folder / "again" / "model.safetensors").read_bytes()
    again = workshop.run("finetune", {}, **paths, name="again")
    assert again.weights == written
    assert len(again.points) == len(set(again.points))


def test_no_checkpoint_is_left_when_it_has_ended(workshop: Workshop, trained: Trained) -> None:
    settings = {"loop": {"checkpoint_seconds": 1e-6}}
    workshop.run("finetune", settings, dataset=workshop.dataset(), backbone=trained.backbone.model)
    assert list((workshop.folder / "home" / "store").rglob("*.safetensors")) == []


def test_another_backbone_does_not_go_on_from_this_ones_checkpoint(
    workshop: Workshop, trained: Trained, nothing: Path
) -> None:
    dataset = workshop.dataset()
    expected = workshop.run("finetune", {}, dataset=dataset, backbone=trained.backbone.model)
    with pytest.raises(Preempted):
        workshop.run("finetune", {}, dataset=dataset, backbone=nothing, stop_after=4, name="stopped")
    done = workshop.run("finetune", {}, dataset=dataset, backbone=trained.backbone.model)
    assert done.weights == expected.weights


DERIVED = ["head", "loop.max_length", "loop.batch_tokens", "loop.epochs", "optimizer.learning_rate"]


def derive(*without: str) -> dict[str, Any]:
    return {"seconds": 1e6, "keys": [key for key in DERIVED if key not in without]}


def test_with_a_budget_settings_follow_from_the_data_and_the_model_says_which(
    workshop: Workshop, trained: Trained
) -> None:
    settings = {"base": str(trained.teacher.model), "derive": derive()}
    used = workshop.run("finetune", settings, dataset=trained.dataset).info["settings"]
    assert used["head"] == "linear_probe"
    assert used["loop"]["max_length"] == 32  # texts have up to 14 tokens
    assert used["loop"]["epochs"] == 12
    assert used["optimizer"]["learning_rate"] == 2e-4
    assert "derive" not in used


def test_what_a_kind_of_problem_sets_further_holds_from_a_base_too(
    workshop: Workshop, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = replace(Defaults().finetune, further={"class_weights": "balanced"})
    monkeypatch.setattr(TextClassification, "defaults", Defaults(finetune=rules))
    left = derive() | {"keys": ["class_weights", "optimizer.learning_rate"]}
    settings = {"base": str(trained.teacher.model), "loop": {"epochs": 1}, "derive": left}
    used = workshop.run("finetune", settings, dataset=trained.dataset).info["settings"]
    assert (used["class_weights"], used["optimizer"]["learning_rate"]) == ("balanced", 2e-4)


def test_what_the_recipe_says_wins(workshop: Workshop, trained: Trained) -> None:
    settings = {"base": str(trained.teacher.model), "loop": {"epochs": 2}, "derive": derive("loop.epochs")}
    assert workshop.run("finetune", settings, dataset=trained.dataset).info["settings"]["loop"]["epochs"] == 2


def test_a_training_that_learns_nothing_is_made_again_at_a_lower_rate(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = replace(Defaults().finetune, learning_rate=1.0, epochs=(2, 2))
    monkeypatch.setattr(TextClassification, "defaults", Defaults(finetune=rules))
    used = workshop.run("finetune", {"derive": derive("loop.max_length")}, dataset=workshop.dataset()).info["settings"]
    assert used["optimizer"]["learning_rate"] == pytest.approx(0.2)


@pytest.mark.parametrize("labels", [["gold", "iron"], ["gold", "iron", "tin"]])
def test_a_linear_probe_answers_before_anything_else_has_learnt(trained: Trained, labels: list[str]) -> None:
    train = read_split(trained.dataset, "train")
    task = TextClassification(Spec.of_model(trained.teacher.info | {"labels": labels}))
    loaded = task.build(str(trained.backbone.model), None, train)
    samples = task.samples(loaded, train, View(48))
    fit_head(task, loaded.model, samples, task.targets(train))
    scores = task.answer_samples(loaded.model.eval(), samples)
    assert (scores.argmax(1) == task.targets(train)).mean() > 0.7
    assert scores.shape == (len(train), len(labels))
    assert scores[:, 2:].max(initial=0.0) < 1e-3  # no row of it
