"""A ResNet's state_dict as torchvision publishes it (He et al., 2015, arXiv:1512.03385), as a model of transformers.

Both halve height and width in a bottleneck's 3 x 3 convolution, and normalise with an epsilon of 1e-5: the same weights
under other names answer the same.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from torch import Tensor
from transformers import ResNetConfig, ResNetForImageClassification

from stillhouse.components.models.quiet import quiet

BLOCK = re.compile(
    r"layer(?P<stage>\d+)\.(?P<block>\d+)\.(?P<part>(conv|bn)(?P<place>\d+)|downsample\.[01])\.(?P<last>\w+)"
)
PARTS = {"conv": "convolution", "bn": "normalization", "downsample.0": "convolution", "downsample.1": "normalization"}
"""Of a block, under torchvision's names and transformers'."""
ENDS = {"conv1": "resnet.embedder.embedder.convolution", "bn1": "resnet.embedder.embedder.normalization"}
ENDS["fc"] = "classifier.1"
"""What stands before the blocks and after them."""
COUNT = "num_batches_tracked"
"""A buffer that files from before 2018 lack, and that tells nothing."""
REASON_LENGTH = 200


class NotAResNet(Exception):
    """The file does not hold a ResNet's state_dict alone; its text says what it holds, and what to do."""


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The tensors in a file that `torch.save(model.state_dict(), path)` wrote; nothing else is unpickled.

    Raises:
        NotAResNet: it holds something else beside them, or is not such a file.
    """
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever broken bytes lead to
        if type(error).__name__ == "UnpicklingError":  # whose module is imported nowhere here
            raise NotAResNet(
                "it is not a file of tensors alone, and what else it holds may run code when it is opened; save the "
                "weights alone, by torch.save(model.state_dict(), 'weights.pth')"
            ) from None
        reason = shorten(str(error), REASON_LENGTH, placeholder=" …").rstrip(".") or type(error).__name__
        raise NotAResNet(f"it cannot be read as a state_dict ({reason}); save or copy it again") from None
    if not isinstance(found, dict) or not found or not all(isinstance(value, Tensor) for value in found.values()):
        held = ", ".join(map(str, list(found)[:3])) if isinstance(found, dict) and found else type(found).__name__
        raise NotAResNet(
            f"it is not a state_dict, which is tensors by name (it holds {held}); save that of the model, by "
            "torch.save(model.state_dict(), 'weights.pth')"
        )
    return found


def resnet_of(tensors: Mapping[str, Tensor]) -> ResNetForImageClassification:
    """The same network in transformers, float32, with the last layer that the file has.

    Args:
        tensors: torchvision's names, with or without `module.` before them all.

    Raises:
        NotAResNet: they are not those of a ResNet, or not all of them.
    """
    quiet()
    renamed = {_renamed(name.removeprefix("module.")): tensor.float() for name, tensor in tensors.items()}
    with torch.device("meta"):  # no weights are drawn that are put aside at once
        model = ResNetForImageClassification(ResNetConfig(**_shape(renamed)))
    wanted = model.state_dict()
    for name, tensor in wanted.items():
        if name.endswith(COUNT):
            renamed[name] = torch.zeros((), dtype=tensor.dtype)
        if name not in renamed or renamed[name].shape != tensor.shape:
            there = f"has the shape {list(renamed[name].shape)}" if name in renamed else "is not there"
            raise _other(f"what a ResNet calls {name} {there}")
    if left := sorted(renamed.keys() - wanted.keys()):
        raise _other(f"{left[0]} is left over")
    model.load_state_dict(renamed, assign=True)
    return model.eval()


def _renamed(name: str) -> str:
    first, _, last = name.partition(".")
    if first in ENDS:
        return f"{ENDS[first]}.{last}"
    found = BLOCK.fullmatch(name)
    if not found:
        raise _other(f"a ResNet has no {name}")
    kind = PARTS[found["part"].rstrip("0123456789") if found["place"] else found["part"]]
    inner = f"layer.{int(found['place']) - 1}" if found["place"] else "shortcut"
    stage = int(found["stage"]) - 1
    return f"resnet.encoder.stages.{stage}.layers.{found['block']}.{inner}.{kind}.{found['last']}"


def _shape(renamed: Mapping[str, Tensor]) -> dict[str, Any]:
    """Options of the configuration, from names and shapes."""
    stem, head = renamed.get(f"{ENDS['conv1']}.weight"), renamed.get(f"{ENDS['fc']}.weight")
    blocks: dict[int, set[int]] = {}
    for name in renamed:
        if found := re.match(r"resnet\.encoder\.stages\.(\d+)\.layers\.(\d+)\.", name):
            blocks.setdefault(int(found[1]), set()).add(int(found[2]))
    is_basic = "resnet.encoder.stages.0.layers.0.layer.2.convolution.weight" not in renamed
    last = "resnet.encoder.stages.{}.layers.0.layer." + f"{1 if is_basic else 2}.convolution.weight"
    widths = [renamed.get(last.format(stage)) for stage in range(len(blocks))]
    if stem is None or head is None or not widths or any(width is None for width in widths):
        raise _other("it lacks conv1, fc or the blocks between them")
    return {
        "embedding_size": len(stem),
        "hidden_sizes": [len(width) for width in widths if width is not None],
        "depths": [len(blocks[stage]) for stage in range(len(blocks))],
        "layer_type": "basic" if is_basic else "bottleneck",
        "num_labels": len(head),
    }


def _other(why: str) -> NotAResNet:
    return NotAResNet(
        f"its tensors are not those of torchvision's ResNet-18, 34, 50, 101 or 152 ({why}); of another network take a "
        "folder that save_pretrained of transformers wrote"
    )
