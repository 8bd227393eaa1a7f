"""Small pictures to learn from: a bright spot in a corner on noise, and which corner it is."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.formats.pictures import as_file
from stillhouse.components.tasks.image_classification import ImageClassification

CORNERS = ["top left", "bottom right", "bottom left"]
LABELS = {"classes": CORNERS, "multi_label": ["low", "right"], "number": []}
SIDE = 12
STILL = {"flip": False, "shift": 0.0}
"""Input settings without augmentation."""
SHAPE = {"layers": 2, "width": 8}
"""Of a small convolutional network."""
TINY_VIT = {
    "hidden_size": 8,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "image_size": SIDE,
    "patch_size": 4,
}


def picture(corner: int, draw: np.random.Generator) -> bytes:
    """A file with a spot in a corner, of one of two formats."""
    pixels = draw.integers(0, 120, (SIDE, SIDE), dtype=np.uint8)
    top, left = (SIDE // 2 if corner else 0), (SIDE // 2 if corner == 1 else 0)
    pixels[top : top + SIDE // 2, left : left + SIDE // 2] += 90
    return as_file(pixels)


def answer_to(corner: int, target: str) -> Any:
    """What is to be learnt of a picture."""
    if target == "multi_label":
        return [float(corner > 0), float(corner == 1)]
    return 1000.0 + 100 * corner if target == "number" else corner


def pictures_of(number: int, seed: int, target: str = "classes") -> Examples:
    """Pictures with their answers."""
    draw = np.random.default_rng(seed)
    corners = draw.integers(3, size=number).tolist()
    labels = [answer_to(corner, target) for corner in corners]
    return Examples.of(image=pa.array([picture(corner, draw) for corner in corners], pa.binary()), label=labels)


def task_of_pictures(target: str, train: Examples, **asked: Any) -> ImageClassification:
    """The task, bound to a dataset of these training rows; `asked` are input settings."""
    digest = target + str(sorted(asked.items()))
    spec = Spec(
        format=1,
        task="image_classification",
        target=target,
        labels=LABELS[target],
        columns={"image": "image", "label": "label"},
        content_digest=digest,
        input={**STILL, **asked},
    )
    return ImageClassification(spec.model_copy(update={"fitted": ImageClassification.fit(spec, train)}))


def write_pictures(folder: Path, target: str = "classes", **asked: Any) -> Path:
    """A dataset's folder as prepare writes it."""
    folder.mkdir()
    for seed, (split, rows) in enumerate({"train": 96, "validation": 32, "test": 48, "unlabelled": 24}.items()):
        table = pictures_of(rows, seed, target).table
        table = table.append_column("hash", pa.array([f"{seed * 1000 + i:032x}" for i in range(rows)]))
        pq.write_table(table if split != "unlabelled" else table.drop("label"), folder / f"{split}.parquet")
    spec = task_of_pictures(target, Examples(pq.read_table(folder / "train.parquet")), **asked).spec
    (folder / "dataset.json").write_text(spec.model_dump_json())
    return folder


def base_folder(folder: Path, kind: str, **preprocessing: Any) -> Path:
    """A base as transformers writes it, with seven labels of its own."""
    import torch
    from transformers import ResNetConfig, ResNetForImageClassification, ViTConfig, ViTForImageClassification

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
