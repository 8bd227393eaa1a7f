"""Pictures under classes, label sets and numbers: networks made and read, samples, losses, whole steps."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import timm
import torch
from golden_losses import Losses, hold
from pictures import LABELS, SIDE, pictures_of, task_of_pictures, write_pictures
from pydantic import ValidationError
from safetensors.torch import load_file, save_file
from transformers import ResNetConfig, ResNetForImageClassification, ViTConfig, ViTForImageClassification

from stillhouse.components.artifacts.base_facts import facts_of, look
from stillhouse.components.artifacts.chosen_base import objective_of
from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.modalities.image.preprocessing import Preprocessing
from stillhouse.components.models.image_settings import ImageArchitecture
from stillhouse.components.models.layers import num_layers
from stillhouse.components.models.loaded import LoadedModel
from stillhouse.components.pretrain.settings import PretrainSettings
from stillhouse.components.tasks.image_classification import ImageClassification
from stillhouse.components.tasks.interface.settings import settings_for
from stillhouse.components.tasks.interface.task import View
from stillhouse.components.training.loop import Training
from stillhouse.components.training.optimizer import depth
from stillhouse.components.training.preemption import Preempted
from stillhouse.components.training.randomness import seed_everything
from stillhouse.components.training.settings import LoopSettings, OptimizerSettings
from stillhouse.errors import UserError

Workshop = Any
"""conftest.Workshop"""

GOLDEN = Path(__file__).parent.parent / "training" / "golden" / "image_classification.json"
ADVERSARIAL = GOLDEN.with_stem("adversarial")
COMMAND = "STILLHOUSE_MAKE_GOLDEN=1 .venv/bin/pytest tests/unit/tasks/test_image_classification.py"
SHAPE = {"layers": 2, "width": 8}
SMALL = ImageArchitecture(layers=1, width=4)
TRANSFORMER = {"network": "transformer", "layers": 2, "width": 16, "heads": 2, "patch": 4}
AUGMENTED = {"flip": True, "shift": 0.2, "light": 0.3}
FAST = {"loop": {"epochs": 6, "batch_tokens": 16}, "optimizer": {"learning_rate": 1e-2}}
TINY_VIT = {
    "hidden_size": 8,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "image_size": SIDE,
    "patch_size": 4,
}


@pytest.fixture(scope="module")
def train() -> Examples:
    return pictures_of(96, 0)


@pytest.fixture(scope="module")
def teacher(train: Examples) -> LoadedModel:
    """Untrained."""
    torch.manual_seed(0)
    loaded = task_of_pictures("classes", train).build(None, ImageArchitecture(**SHAPE), train)
    loaded.model.eval()
    return loaded


def run(workshop: Workshop, step: str, settings: dict[str, Any], **paths: Any) -> Any:
    """A step with small settings."""
    shape = {} if step == "distill" else {"architecture": SHAPE}
    return workshop.run(step, {"task": "image_classification", **shape, **FAST, **settings}, **paths)


def base_folder(folder: Path, kind: str, **preprocessing: Any) -> Path:
    """A base as transformers writes it, with seven labels of its own."""
    torch.manual_seed(1)
    if kind == "resnet":
        config = ResNetConfig(embedding_size=4, hidden_sizes=[4, 8], depths=[1, 1], layer_type="basic")
        config.num_labels = 7
        ResNetForImageClassification(config).save_pretrained(folder)
    else:
        config = ViTConfig(**TINY_VIT)
        config.num_labels = 7
        ViTForImageClassification(config).save_pretrained(folder)
    asked = {
        "do_resize": True,
        "size": {"height": SIDE, "width": SIDE},
        "image_mean": [0.4] * 3,
        "image_std": [0.2] * 3,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps({**asked, **preprocessing}))
    return folder


def test_what_is_fitted_is_json_and_makes_the_preprocessing(train: Examples) -> None:
    task = task_of_pictures("classes", train)
    assert json.loads(json.dumps(task.spec.fitted)) == task.spec.fitted
    preprocessing = task.build(None, SMALL, train).processor
    assert preprocessing.size == (SIDE, SIDE)
    pixels = task.samples(LoadedModel(None, preprocessing), train).batch(np.arange(96), 0)["pixel_values"]  # type: ignore[arg-type]
    assert pixels.mean((0, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-4)
    assert pixels.std((0, 2, 3)).tolist() == pytest.approx([1, 1, 1], abs=1e-3)


def test_the_recipes_size_counts_more_than_that_of_the_pictures(train: Examples) -> None:
    task = task_of_pictures("classes", train, size=8)
    assert task.build(None, SMALL, train).processor.output_size == (8, 8)


@pytest.mark.parametrize("asked", [{}, AUGMENTED, {**AUGMENTED, "scale": 0.5, "mix": "cutmix"}], ids=str)
def test_samples_are_equal_whatever_batch_asks_for_them(
    train: Examples, teacher: LoadedModel, asked: dict[str, Any]
) -> None:
    task, rows = task_of_pictures("classes", train, **asked), np.arange(32)
    samples = task.samples(teacher, train, View(seed=3))
    whole, back = samples.batch(rows, 1), samples.batch(rows[::-1], 1)
    alone = [samples.batch(rows[i : i + 1], 1) for i in rows]
    for name, tensor in whole.items():
        assert tensor.equal(back[name].flip(0)), name
        assert tensor.equal(torch.cat([batch[name] for batch in alone])), name
    assert whole["pixel_values"].equal(samples.batch(rows, 2)["pixel_values"]) == (not asked)
    assert task.is_augmented == bool(asked)


def test_evaluation_sees_no_augmentation_and_pretraining_no_mixing(train: Examples, teacher: LoadedModel) -> None:
    task, rows = task_of_pictures("classes", train, mix="mixup", **AUGMENTED), np.arange(8)
    plain = task_of_pictures("classes", train).samples(teacher, train).batch(rows, 0)["pixel_values"]
    assert task.samples(teacher, train).batch(rows, 5)["pixel_values"].equal(plain)
    learnt = task.pretraining_samples(teacher, train, "autoencoder", View(seed=1), mask_probability=0.1)
    assert set(learnt.batch(rows, 0)) == {"pixel_values"}


@pytest.mark.parametrize("target", LABELS)
def test_the_loss_of_mixed_pictures_is_that_of_both_labels_by_their_shares(target: str) -> None:
    examples = pictures_of(24, 1, target)
    task = task_of_pictures(target, examples, mix="mixup", mix_alpha=1.0)
    loaded = task.build(None, SMALL, examples)
    task.begin(examples, [loaded])
    batch = task.samples(loaded, examples, View(seed=1)).batch(np.arange(24), 0)
    outputs = task.forward(loaded.model, batch)
    loss, count = task.loss(outputs, batch)
    assert count == 24

    def of(row: int, labels: str) -> float:
        one = {"labels": batch[labels][row : row + 1]}
        return task.loss(type(outputs)(logits=outputs.logits[row : row + 1]), one)[0].item()

    shares = batch["own_share"].tolist()
    if target != "number":  # of a square the mean is not the square of the mean
        expected = sum(
            share * of(row, "labels") + (1 - share) * of(row, "other_labels") for row, share in enumerate(shares)
        )
        assert loss.item() == pytest.approx(expected, rel=1e-4)
    fine_tuning, rows = task.training_loss(examples, class_weights="none", label_smoothing=0.0)(outputs, batch)
    assert (fine_tuning.item(), rows) == (pytest.approx(loss.item(), rel=1e-6), 24)


def test_pictures_without_a_label_count_for_nothing_in_the_hard_loss(train: Examples, teacher: LoadedModel) -> None:
    for asked in ({}, {"mix": "cutmix"}):
        task = task_of_pictures("classes", train, **asked)
        examples = Examples.concat([train.head(4), Examples(train.head(4).table.drop("label"))])
        batch = task.samples(teacher, examples, View(seed=1)).batch(np.arange(8), 0)
        with torch.inference_mode():
            outputs = task.forward(teacher.model, batch)
            loss, count = task.loss(outputs, batch)
        assert np.isfinite(loss.item())
        assert count == 4 or asked


@pytest.mark.parametrize("target", LABELS)
def test_a_student_is_closer_to_its_teacher_the_more_alike_they_answer(target: str) -> None:
    examples = pictures_of(16, 1, target)
    task = task_of_pictures(target, examples)
    loaded = task.build(None, SMALL, examples)
    task.begin(examples, [loaded])
    batch = task.samples(loaded, examples).batch(np.arange(16), 0)
    with torch.inference_mode():
        outputs = task.forward(loaded.model.eval(), batch)
    signal = task.signal(outputs, batch, 2.0)["logits"]
    assert signal.values.shape == (16, max(1, len(LABELS[target])))
    told = {"logits": signal.values, "logits_row": torch.arange(16)}
    same, count = task.distillation_loss(outputs, told, batch, 2.0)
    other, _ = task.distillation_loss(outputs, {**told, "logits": signal.values + 1 + torch.rand(16, 1)}, batch, 2.0)
    shifted, _ = task.distillation_loss(outputs, {**told, "logits": signal.values.flip(0)}, batch, 2.0)
    assert count == 16
    assert same.item() == pytest.approx(0, abs=1e-4)
    assert max(shifted.item(), other.item()) > 1e-4


@pytest.mark.parametrize("kind", ["resnet", "vit"])
def test_a_base_of_transformers_gets_a_head_and_keeps_its_own_preprocessing(
    train: Examples, tmp_path: Path, kind: str
) -> None:
    folder = base_folder(tmp_path / kind, kind)
    task = task_of_pictures("classes", train)
    made = task.build(str(folder), None, train)
    assert made.model.config.id2label == dict(enumerate(LABELS["classes"]))
    assert made.processor == Preprocessing(size=(SIDE, SIDE), mean=(0.4,) * 3, spread=(0.2,) * 3)
    assert task.answer(LoadedModel(made.model.eval(), made.processor), train.head(5)).shape == (5, 3)
    kept = dict(made.model.named_parameters())
    original = dict(
        {"resnet": ResNetForImageClassification, "vit": ViTForImageClassification}[kind]
        .from_pretrained(folder)
        .named_parameters()
    )
    assert all(kept[name].equal(value) for name, value in original.items() if not name.startswith("classifier"))
    assert task.weights_per_unit(made.model) > 1000
    assert num_layers(made.model) == (2 if kind == "resnet" else 3)


def test_a_base_of_timm_is_looked_at_and_gets_a_head(train: Examples, tmp_path: Path) -> None:
    """As a hub has it: timm's names and config.json, which says how pictures are shown, too."""
    torch.manual_seed(1)
    network = timm.create_model("test_resnet", num_classes=7)
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    shown = {"input_size": [3, SIDE, SIDE], "crop_pct": 0.75, "mean": [0.4] * 3, "std": [0.2] * 3}
    told = {"architecture": "test_resnet", "num_classes": 7, "pretrained_cfg": shown}
    (tmp_path / "config.json").write_text(json.dumps(told))
    facts = facts_of(str(tmp_path), "", look(str(tmp_path)))
    assert (facts.architecture, facts.tensors) == ("timm_wrapper", 45)
    task = task_of_pictures("classes", train)
    made = task.build(str(tmp_path), None, train)
    assert made.processor == Preprocessing(16, None, (SIDE, SIDE), (0.4,) * 3, (0.2,) * 3)
    state = made.model.state_dict()
    assert all(state[f"timm_model.{name}"].equal(it) for name, it in network.state_dict().items() if "fc." not in name)
    assert made.model.config.id2label == dict(enumerate(LABELS["classes"]))


def test_a_base_without_its_preprocessing_is_refused(train: Examples, tmp_path: Path) -> None:
    folder = base_folder(tmp_path / "vit", "vit")
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(UserError, match=r"it has no preprocessor_config\.json; take a base that was saved with"):
        task_of_pictures("classes", train).build(str(folder), None, train)


def test_a_transformer_takes_pictures_of_its_own_size_alone(train: Examples, tmp_path: Path) -> None:
    folder = base_folder(tmp_path / "vit", "vit")
    with pytest.raises(UserError, match=r"takes pictures of 12 x 12 pixels, and input\.size .* asks for 16 x 16"):
        task_of_pictures("classes", train, size=16).build(str(folder), None, train)
    with pytest.raises(UserError, match=r"whole patches of 5 pixels, and these are of 12 x 12 pixels; set input\.size"):
        shape = ImageArchitecture(network="transformer", patch=5, width=16, heads=2)
        task_of_pictures("classes", train).build(None, shape, train)


def test_a_resnet_from_random_weights_has_torchvisions_layers(train: Examples) -> None:
    made = task_of_pictures("classes", train).build(None, ImageArchitecture(network="resnet", layers=18), train).model
    assert sum(parameter.numel() for parameter in made.parameters()) == 11_178_051  # torchvision's with 3 classes
    assert (num_layers(made), made.config.image_size) == (4, [SIDE, SIDE])
    with pytest.raises(ValueError, match="a resnet has 18, 34, 50, 101, 152 layers"):
        ImageArchitecture(network="resnet", layers=20)
    for wrong in ({"network": "timm"}, {"name": "vgg11"}):
        with pytest.raises(ValueError, match=r"write \{network: timm, name: vgg11\}"):
            ImageArchitecture.model_validate(wrong)


def test_a_base_gets_a_dense_layer_and_keeps_it(train: Examples, tmp_path: Path) -> None:
    task = task_of_pictures("classes", train)
    base = str(base_folder(tmp_path / "resnet", "resnet"))
    made = task.build(base, ImageArchitecture(head_width=6), train)
    assert made.model.get_parameter("dense.weight").shape == (6, 8)
    (tmp_path / "saved").mkdir()
    task.save(made, tmp_path / "saved")
    for architecture in (ImageArchitecture(), ImageArchitecture(head_width=6)):
        again = task.build(str(tmp_path / "saved"), architecture, train).model
        assert again.get_parameter("dense.weight").equal(made.model.get_parameter("dense.weight"))
    assert task.student_of(made) == {"architecture": {}}
    assert task.weights_per_unit(made.model) > 1000


def test_pictures_are_as_large_as_a_network_of_timm_takes_them(train: Examples) -> None:
    vit = ImageArchitecture(network="timm", name="vit_tiny_patch16_224")
    made = task_of_pictures("classes", train).build(None, vit, train)
    assert made.processor.size == (224, 224)
    assert made.notes["size"].startswith("Pictures are resized to 224 x 224 pixels: vit_tiny_patch16_224 does not take")
    with pytest.raises(UserError, match=r"input\.size is 16, and timm's vit_tiny_patch16_224 does not take such pict"):
        task_of_pictures("classes", train, size=16).build(None, vit, train)


def test_a_base_that_reads_texts_is_refused(train: Examples, tmp_path: Path) -> None:
    from transformers import BertConfig, BertModel

    BertModel(BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2)).save_pretrained(
        tmp_path
    )
    with pytest.raises(UserError, match="is a bert, which classifies no pictures; take a ResNet, a ViT"):
        task_of_pictures("classes", train).build(str(tmp_path), None, train)


def test_a_transformer_gives_its_student_layers_and_a_convolutional_network_a_shape(
    train: Examples, teacher: LoadedModel, tmp_path: Path
) -> None:
    task = task_of_pictures("classes", train)
    vit = task.build(str(base_folder(tmp_path / "vit", "vit")), None, train)
    assert task.student_of(vit) == {"layers": 1}
    assert num_layers(task.take_layers(vit.model, 2)) == 2
    assert task.student_of(teacher) == {"architecture": {"layers": 2, "width": 4}}
    with pytest.raises(UserError, match=r"model\.student\.layers: the teacher is not a plain transformer"):
        task.take_layers(teacher.model, 1)


def test_layers_of_a_vit_go_by_the_names_of_its_modules_and_its_file_keeps_the_old_ones(
    train: Examples, tmp_path: Path
) -> None:
    task = task_of_pictures("classes", train)
    vit = task.build(str(base_folder(tmp_path / "vit", "vit")), None, train)
    written = {name for name in load_file(tmp_path / "vit" / "model.safetensors") if ".layer" in name}
    named = {name: value for name, value in vit.model.named_parameters() if ".layers." in name}
    assert any("attention.query" in name for name in written)
    assert any("q_proj" in name for name in named)
    assert not written & set(named)
    assert {depth(name, 3) for name in named} == {1, 2, 3}
    student = task.take_layers(vit.model, 1)
    taken = {name: value for name, value in student.named_parameters() if ".layers.0." in name}
    assert len(taken) == len(named) / 3
    assert all(value.equal(named[name.replace(".layers.0.", ".layers.2.")]) for name, value in taken.items())
    task.save(LoadedModel(student, vit.processor), tmp_path / "student")
    again = task.build(str(tmp_path / "student"), None, train).model
    assert all(value.equal(dict(again.named_parameters())[name]) for name, value in taken.items())


@pytest.mark.parametrize("target", LABELS)
def test_principal_components_are_written_and_read_as_a_model(target: str, tmp_path: Path) -> None:
    train, test = pictures_of(96, 0, target), pictures_of(48, 5, target)
    task = task_of_pictures(target, train)
    fitted = task.fit_baseline(train, 1)
    fitted.save(tmp_path)
    info = {"task": "image_classification", "target": target, "labels": LABELS[target], "load": fitted.LOAD}
    (tmp_path / "model.json").write_text(json.dumps(info))
    answers = task.answer(task.load(tmp_path), test)
    assert np.array_equal(answers, task.baseline_answers(train, test, 1))
    errors = [task.errors(task.statistics(each, test)).mean() for each in (answers, task.trivial(train, test))]
    assert errors[0] < 0.6 * errors[1]


def test_a_picture_is_shown_by_its_pixels(train: Examples) -> None:
    shown = task_of_pictures("classes", train).show(train.example(0))
    assert str(shown).startswith('<img alt="" src="data:image/png;base64,')


def losses(train: Examples) -> list[float]:
    """Loss of each step of two convolutions with augmentation, one thread."""

    task, record = task_of_pictures("classes", train, mix="mixup", scale=0.6, **AUGMENTED), Losses()
    loss = task.training_loss(train, class_weights="balanced", label_smoothing=0.1)
    seed_everything(3)
    loaded = task.build(None, ImageArchitecture(**SHAPE), train)
    Training(
        loaded.model,
        task.samples(loaded, train, View(seed=3)),
        lambda network, batch: loss(task.forward(network, batch), batch),
        settings=LoopSettings(epochs=5, batch_tokens=24, micro_batch_tokens=16, seed=3),
        optimizer=OptimizerSettings(learning_rate=3e-3, layer_decay=0.9),
        num_layers=2,
        report=record,
    ).run()
    return record.losses


def test_the_losses_are_those_of_the_golden_file(train: Examples, one_thread: None) -> None:
    hold(losses(train), GOLDEN, COMMAND)


def test_the_losses_of_an_adversarial_training_are_those_of_the_golden_file(train: Examples, one_thread: None) -> None:
    task, record = task_of_pictures("classes", train, **AUGMENTED), Losses()
    seed_everything(3)
    loaded = task.backbone("", ImageArchitecture(**SHAPE), train, "adversarial")
    Training(
        loaded.model,
        task.pretraining_samples(loaded, train, "adversarial", View(seed=3), mask_probability=0.2),
        task.pretraining_loss,
        settings=LoopSettings(epochs=3, batch_tokens=24, micro_batch_tokens=16, seed=3),
        optimizer=OptimizerSettings(learning_rate=3e-3),
        num_layers=2,
        report=record,
    ).run()
    hold(record.losses, ADVERSARIAL, COMMAND)


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory, workshop_in: Any) -> tuple[Path, Any, Any]:
    """A dataset, its teacher and the backbone that this started from."""
    folder = tmp_path_factory.mktemp("taught")
    dataset = write_pictures(folder / "dataset", shift=0.1)
    with workshop_in(folder) as workshop:
        backbone = run(workshop, "pretrain", {"objective": "autoencoder"}, dataset=dataset)
        return dataset, run(workshop, "finetune", {}, dataset=dataset, backbone=backbone.model), backbone


def test_a_teacher_goes_on_from_an_autoencoder_and_answers_the_same_when_read_again(taught: Any) -> None:
    dataset, teacher, backbone = taught
    assert 0 < backbone.figures["mse"] < 1.5
    assert teacher.figures["validation_f1_macro"] > 0.8
    task, test = ImageClassification(Spec.of_model(teacher.info)), Examples(pq.read_table(dataset / "test.parquet"))
    loaded = task.load(teacher.model)
    answers = task.answer(loaded, test)
    assert (answers.argmax(1) == test.values("label")).mean() > 0.8
    assert task.answer(loaded, test, batch_units=3) == pytest.approx(answers, abs=1e-5)
    task.save(loaded, (again := teacher.model.parent / "again"))
    for name in ("model.json", "training_rows.safetensors"):
        (again / name).write_bytes((teacher.model / name).read_bytes())
    assert np.array_equal(task.answer(task.load(again), test), answers)


def test_a_transformer_goes_on_from_a_masked_autoencoder(workshop: Workshop, taught: Any) -> None:
    settings = {"architecture": TRANSFORMER, "loop": {"epochs": 1, "batch_tokens": 16}}
    backbone = run(workshop, "pretrain", {**settings, "objective": "masked_autoencoder"}, dataset=taught[0])
    teacher = run(workshop, "finetune", settings, dataset=taught[0], backbone=backbone.model)
    config = json.loads((teacher.model / "config.json").read_text())
    assert (config["model_type"], config["architectures"]) == ("vit", ["ViTForImageClassification"])
    assert teacher.info["parents"]


def test_an_objective_and_the_network_that_learns_it_belong_together(workshop: Workshop, taught: Any) -> None:
    with pytest.raises(UserError, match=r"which a transformer network learns, and model\.teacher\.network is conv"):
        run(workshop, "pretrain", {"objective": "masked_autoencoder"}, dataset=taught[0])


def test_a_student_learns_to_answer(workshop: Workshop, taught: Any) -> None:
    dataset, teacher, _ = taught
    student = {"architecture": {"layers": 2, "width": 6}}
    found = run(workshop, "distill", {"student": student}, dataset=dataset, teacher=teacher.model)
    assert found.figures["validation_f1_macro"] > 0.8
    assert found.info["parameters"] < teacher.info["parameters"]
    assert found.figures["teacher_cache_bytes"] == 2 * (96 + 24) * 3 * 4


def test_a_frozen_resnet_teaches_a_network_of_ours(workshop: Workshop, taught: Any, tmp_path: Path) -> None:
    base = str(base_folder(tmp_path / "resnet", "resnet"))
    settings = {"base": base, "head": "linear_probe", "freeze": "backbone", "loop": {"epochs": 1, "batch_tokens": 16}}
    teacher = run(workshop, "finetune", settings, dataset=taught[0])
    student = {"student": {"architecture": SHAPE}, "loop": {"epochs": 1, "batch_tokens": 16}}
    found = run(workshop, "distill", student, dataset=taught[0], teacher=teacher.model)
    assert np.isfinite(found.figures["validation_f1_macro"])
    assert json.loads((found.model / "preprocessor_config.json").read_text())["image_mean"] == [0.4] * 3


def test_numbers_are_learnt_and_answered_in_their_unit(workshop: Workshop, tmp_path: Path) -> None:
    dataset = write_pictures(tmp_path / "numbers", "number")
    teacher = run(workshop, "finetune", {"loop": {"epochs": 15, "batch_tokens": 16}}, dataset=dataset)
    task, test = ImageClassification(Spec.of_model(teacher.info)), Examples(pq.read_table(dataset / "test.parquet"))
    values = task.answer(task.load(teacher.model), test)[:, 0]
    assert np.abs(values - test.values("label")).mean() < 40


def test_a_teacher_goes_on_from_a_discriminator_of_the_last_step(workshop: Workshop, taught: Any) -> None:
    settings = {"objective": "adversarial", "loop": {"epochs": 3, "batch_tokens": 16, "patience": 1}}
    backbone = run(workshop, "pretrain", settings, dataset=taught[0])
    assert 1 < backbone.figures["discriminator_perplexity"] < 10
    assert backbone.figures["best_step"] == backbone.figures["steps"] == 3 * 8
    teacher = run(workshop, "finetune", {"loop": {"epochs": 1}}, dataset=taught[0], backbone=backbone.model)
    names = set(load_file(teacher.model / "model.safetensors"))
    assert {name.split(".")[0] for name in names} == {"encoder", "classifier"}
    assert teacher.info["parents"]


def test_a_collapse_of_pretraining_is_told_where_people_look(workshop: Workshop, taught: Any) -> None:
    settings = {"objective": "adversarial", "loop": {"epochs": 1, "batch_tokens": 16}}
    backbone = run(workshop, "pretrain", settings, dataset=taught[0])
    assert "tells real pictures from made ones no better than a guess" in backbone.info["notes"]["collapse"]


@pytest.mark.parametrize(
    ("step", "stop_after", "settings"),
    [
        ("pretrain", 3, {"objective": "autoencoder"}),
        ("pretrain", 11, {"objective": "adversarial"}),
        ("finetune", 9, {}),
        ("distill", 11, {"student": {"architecture": SHAPE}}),
    ],
    ids=["autoencoder", "adversarial", "finetune", "distill"],
)
def test_stopped_by_sigterm_it_goes_on_to_the_same_bits(
    workshop: Workshop, taught: Any, step: str, stop_after: int, settings: dict[str, Any]
) -> None:
    dataset, teacher, _ = taught
    paths = {"dataset": dataset} | ({"teacher": teacher.model} if step == "distill" else {})
    expected = run(workshop, step, settings, **paths, name="whole")
    with pytest.raises(Preempted):
        run(workshop, step, settings, **paths, stop_after=stop_after, name="again")
    resumed = run(workshop, step, settings, **paths, name="again")
    assert resumed.weights == expected.weights
    assert resumed.points[-1] == expected.points[-1]


def test_a_network_of_timm_with_batch_normalisation_goes_on_to_the_same_bits_and_teaches(
    workshop: Workshop, taught: Any
) -> None:
    """By SGD under a dense head, the last batch one picture."""
    settings = {
        "architecture": {"network": "timm", "name": "test_resnet", "dropout": 0.1, "head_width": 16},
        "label_smoothing": 0.1,
        "loop": {"epochs": 2, "batch_tokens": 19},
        "optimizer": {"name": "sgd", "learning_rate": 1e-2},
    }
    expected = run(workshop, "finetune", settings, dataset=taught[0], name="whole")
    with pytest.raises(Preempted):
        run(workshop, "finetune", settings, dataset=taught[0], stop_after=7, name="again")
    resumed = run(workshop, "finetune", settings, dataset=taught[0], name="again")
    assert resumed.weights == expected.weights
    student = {"student": {"architecture": {"network": "timm", "name": "test_efficientnet"}}, "loop": settings["loop"]}
    found = run(workshop, "distill", student, dataset=taught[0], teacher=resumed.model)
    task, test = ImageClassification(Spec.of_model(found.info)), Examples(pq.read_table(taught[0] / "test.parquet"))
    assert np.isfinite(task.answer(task.load(found.model), test)).all()


@pytest.mark.parametrize(
    ("network", "learnt"), [("convolutional", "autoencoder"), ("transformer", "masked_autoencoder"), ("resnet", None)]
)
def test_a_network_learns_without_labels_as_its_shape_allows(network: str, learnt: str | None) -> None:
    settings = settings_for(PretrainSettings, ImageClassification)
    architecture = {"network": network, "layers": 18} if network == "resnet" else {"network": network}

    found = ImageClassification.learnt_by(ImageArchitecture.model_validate(architecture))
    assert objective_of("auto", "", found) == (learnt or "none")

    other = "masked_autoencoder" if learnt == "autoencoder" else "autoencoder"
    with pytest.raises(ValidationError, match=rf"and pretrain\.objective is '{other}'; change one of them"):
        settings.model_validate(
            {"task": "image_classification", "base": "", "objective": other, "architecture": architecture}
        )
