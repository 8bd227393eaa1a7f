"""Networks on pictures, made or read from a base: heads, preprocessing, names of their layers, what they learn by."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import timm
import torch
from pictures import LABELS, SHAPE, SIDE, base_folder, pictures_of, task_of_pictures
from pydantic import ValidationError
from safetensors.torch import load_file, save_file
from transformers import ResNetForImageClassification, ViTForImageClassification

from stillhouse.components.artifacts.base_facts import facts_of, look
from stillhouse.components.artifacts.chosen_base import objective_of
from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.modalities.image.preprocessing import Preprocessing
from stillhouse.components.models.image_settings import ImageArchitecture
from stillhouse.components.models.layers import num_layers
from stillhouse.components.models.loaded import LoadedModel
from stillhouse.components.pretrain.settings import PretrainSettings
from stillhouse.components.tasks.image_classification import ImageClassification
from stillhouse.components.tasks.interface.settings import settings_for
from stillhouse.components.training.optimizer import depth
from stillhouse.errors import UserError


@pytest.fixture(scope="module")
def train() -> Examples:
    return pictures_of(96, 0)


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


def write_timm(folder: Path) -> torch.nn.Module:
    """A base as a hub has it: timm's names and config.json, which says how pictures are shown, too."""
    torch.manual_seed(1)
    network = timm.create_model("test_resnet", num_classes=7)
    save_file(network.state_dict(), folder / "model.safetensors")
    shown = {"input_size": [3, SIDE, SIDE], "crop_pct": 0.75, "mean": [0.4] * 3, "std": [0.2] * 3}
    told = {"architecture": "test_resnet", "num_classes": 7, "pretrained_cfg": shown}
    (folder / "config.json").write_text(json.dumps(told))
    return network


def test_a_base_of_timm_is_looked_at_and_gets_a_head(train: Examples, tmp_path: Path) -> None:
    network = write_timm(tmp_path)
    facts = facts_of(str(tmp_path), "", look(str(tmp_path)))
    assert (facts.architecture, facts.tensors) == ("timm_wrapper", 45)
    task = task_of_pictures("classes", train)
    made = task.build(str(tmp_path), None, train)
    assert made.processor == Preprocessing(16, None, (SIDE, SIDE), (0.4,) * 3, (0.2,) * 3)
    state = made.model.state_dict()
    assert all(state[f"timm_model.{name}"].equal(it) for name, it in network.state_dict().items() if "fc." not in name)
    assert made.model.config.id2label == dict(enumerate(LABELS["classes"]))


def test_a_step_that_looked_at_no_base_builds_on_one_of_timm(tmp_path: Path) -> None:
    """In a process of its own, where nothing has made timm's networks known before."""
    write_timm(tmp_path)
    code = (
        "import sys; from stillhouse.components.models.image_networks import from_folder;"
        "print(type(from_folder(sys.argv[1], ignore_mismatched_sizes=True, num_labels=3)).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False)
    assert done.stdout == "TimmForImageClassification\n", done.stderr


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
    train: Examples, tmp_path: Path
) -> None:
    task = task_of_pictures("classes", train)
    teacher = task.build(None, ImageArchitecture(**SHAPE), train)
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
