"""A ResNet of torchvision and what becomes of it answer the same; what is not one is refused in a sentence."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torchvision.models import resnet50
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet
from transformers import AutoModelForImageClassification, ResNetConfig

from stillhouse.components.models.torchvision_resnet import NotAResNet, read_state_dict, resnet_of

NETWORKS: dict[str, Any] = {
    "resnet50": resnet50,
    "two convolutions in a block": lambda: ResNet(BasicBlock, [2, 1, 1, 1], num_classes=5),
}


def trained(make: Any) -> nn.Module:
    """Random weights, and running statistics that are not those of the beginning."""
    torch.manual_seed(0)
    network = make()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean = torch.randn(module.num_features) / 10
            module.running_var = torch.rand(module.num_features) + 0.5
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return network.eval()


@pytest.mark.parametrize("name", NETWORKS)
def test_logits_are_torchvisions_before_and_after_saving(name: str, tmp_path: Path) -> None:
    network = trained(NETWORKS[name])
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    model = resnet_of(read_state_dict(tmp_path / "weights.pth"))
    pixels = torch.randn(2, 3, 70, 64)
    with torch.inference_mode():
        expected = network(pixels)
        assert (model(pixels).logits - expected).abs().max() <= 1e-5 * expected.abs().max().clamp(min=1)
        model.save_pretrained(tmp_path / "saved")
        again = AutoModelForImageClassification.from_pretrained(tmp_path / "saved").eval()
        assert again(pixels).logits.equal(model(pixels).logits)


def depth_of(config: ResNetConfig) -> int:
    """Layers with weights, by which a ResNet is called: 18, 34, 50, 101, 152."""
    return 2 + sum(config.depths or ()) * (2 if config.layer_type == "basic" else 3)


def test_its_shape_is_read_off_its_tensors() -> None:
    found = resnet_of(ResNet(Bottleneck, [1, 2, 1, 1], num_classes=5).state_dict()).config
    assert isinstance(found, ResNetConfig)
    assert (found.layer_type, list(found.depths or ()), list(found.hidden_sizes or ())) == (
        "bottleneck",
        [1, 2, 1, 1],
        [256, 512, 1024, 2048],
    )
    assert (found.num_labels, depth_of(found), depth_of(ResNetConfig())) == (5, 17, 50)


@pytest.fixture(scope="module")
def small() -> dict[str, torch.Tensor]:
    """A state_dict of few layers."""
    return ResNet(BasicBlock, [1, 1, 1, 1], num_classes=3).state_dict()


def test_files_of_data_parallel_and_of_half_precision_are_read(small: dict[str, torch.Tensor]) -> None:
    changed = {f"module.{name}": tensor.half() for name, tensor in small.items() if "num_batches" not in name}
    found = resnet_of(changed).state_dict()
    assert found["classifier.1.weight"].equal(small["fc.weight"].half().float())
    assert found["resnet.embedder.embedder.normalization.num_batches_tracked"].item() == 0


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"layer2.0.conv2.weight": None}, r"stages\.1\.layers\.0\.layer\.1\.convolution|lacks conv1, fc or"),
        ({"layer3.0.bn1.bias": None}, r"normalization\.bias is not there"),
        ({"layer1.0.conv1.weight": torch.zeros(64, 2, 3, 3)}, r"has the shape \[64, 2, 3, 3\]"),
        ({"fc.scale": torch.zeros(3)}, r"classifier\.1\.scale is left over"),
        ({"features.0.weight": torch.zeros(3)}, r"a ResNet has no features\.0\.weight"),
    ],
)
def test_another_network_is_refused(small: dict[str, torch.Tensor], change: dict[str, Any], why: str) -> None:
    tensors = {name: tensor for name, tensor in {**small, **change}.items() if tensor is not None}
    with pytest.raises(NotAResNet, match=why):
        resnet_of(tensors)


class Evil:
    """Runs code where it is unpickled without care."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.mark,))


def test_what_is_not_tensors_alone_is_never_unpickled(small: dict[str, torch.Tensor], tmp_path: Path) -> None:
    path, evil = tmp_path / "weights.pth", Evil(tmp_path / "ran")
    for held in ({**small, "epoch": evil}, ResNet(BasicBlock, [1, 1, 1, 1])):
        torch.save(held, path)
        with pytest.raises(
            NotAResNet, match="is not a file of tensors alone, and what else it holds may run code when it is"
        ):
            read_state_dict(path)
    path.write_bytes(pickle.dumps(evil, 2))
    with pytest.raises(NotAResNet):
        read_state_dict(path)
    assert not evil.mark.exists()


@pytest.mark.parametrize(
    ("held", "why"),
    [
        ({"epoch": 3, "state_dict": {}}, r"it holds epoch, state_dict\); save that of the model, by torch\.save"),
        ([1, 2], r"it holds list\)"),
        ({}, r"it holds dict\)"),
    ],
)
def test_a_file_of_something_else_says_what_it_holds(held: Any, why: str, tmp_path: Path) -> None:
    torch.save(held, tmp_path / "weights.pth")
    with pytest.raises(NotAResNet, match=why):
        read_state_dict(tmp_path / "weights.pth")


@pytest.mark.parametrize("data", [b"", b"not a file of weights", b"PK\x03\x04cut off"])
def test_broken_bytes_are_one_sentence(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "weights.pth").write_bytes(data)
    with pytest.raises(NotAResNet, match=r"^it (cannot be read as a state_dict|is not a file of tensors alone)"):
        read_state_dict(tmp_path / "weights.pth")
