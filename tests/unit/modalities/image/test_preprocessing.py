"""What a model is given of a picture: as transformers' own processors do it."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stillhouse.components.formats.pictures import as_file
from stillhouse.components.modalities.image.preprocessing import Preprocessing, channel_statistics, learnt

IMAGENET: dict[str, Any] = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}


def _load(folder: Path, told: dict) -> Preprocessing:
    (folder / "preprocessor_config.json").write_text(json.dumps(told))
    return Preprocessing.load(folder)


@pytest.mark.parametrize(
    "told",
    [
        {
            "size": {"shortest_edge": 25},
            "do_center_crop": True,
            "crop_size": {"height": 22, "width": 22},
            "resample": 3,
        },
        {"size": {"height": 20, "width": 30}},
        {"size": {"height": 20, "width": 30}, "do_normalize": False},
        {"size": {"shortest_edge": 16}, "do_center_crop": True, "crop_size": {"height": 21, "width": 18}},
        {"do_resize": False},
    ],
)
@pytest.mark.parametrize("size", [(40, 53), (53, 40), (17, 31)])
def test_values_are_those_of_transformers(told: dict[str, Any], size: tuple[int, int], tmp_path: Path) -> None:
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    told = IMAGENET | told
    expected = ViTImageProcessorPil(**told)(Image.fromarray(pixels), return_tensors="np")["pixel_values"][0]
    ours = _load(tmp_path, told)
    found = ours.normalised(ours.resized(pixels))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("side", [14, 384])
def test_resnets_come_with_a_share_to_crop(side: int, tmp_path: Path) -> None:
    from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil

    pixels = np.random.default_rng(0).integers(0, 256, (31, 40, 3), dtype=np.uint8)
    told: dict[str, Any] = IMAGENET | {"size": {"shortest_edge": side}, "crop_pct": 0.875, "resample": 3}
    expected = ConvNextImageProcessorPil(**told)(Image.fromarray(pixels), return_tensors="np")["pixel_values"][0]
    ours = _load(tmp_path, told)
    np.testing.assert_allclose(ours.normalised(ours.resized(pixels)), expected, atol=1e-6)


@pytest.mark.parametrize("asked", [{}, {"interpolation": "bilinear", "crop_pct": 1.0}])
def test_a_config_of_timm_is_read_as_timms_own_transform(asked: dict[str, Any], tmp_path: Path) -> None:
    from timm.data import create_transform, resolve_data_config

    told = {"input_size": [3, 32, 32], "interpolation": "bicubic", "crop_pct": 0.8, "mean": [0.4] * 3, "std": [0.2] * 3}
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "vgg11", "pretrained_cfg": {**told, **asked}}))
    pixels = np.random.default_rng(0).integers(0, 256, (47, 59, 3), dtype=np.uint8)
    options: Any = resolve_data_config({**told, **asked})
    expected: Any = create_transform(**options)
    ours = Preprocessing.load(tmp_path)
    np.testing.assert_allclose(
        ours.normalised(ours.resized(pixels)), expected(Image.fromarray(pixels)).numpy(), atol=1e-5
    )


@pytest.mark.parametrize("odd", [{"crop_mode": "squash"}, {"input_size": [3, 32, 48]}, {"interpolation": "box"}])
def test_what_timm_alone_knows_is_refused(odd: dict[str, Any], tmp_path: Path) -> None:
    told = {"input_size": [3, 32, 32], "mean": [0.4] * 3, "std": [0.2] * 3, **odd}
    (tmp_path / "config.json").write_text(json.dumps({"pretrained_cfg": told}))
    with pytest.raises(ValueError, match=r"its config\.json asks for"):
        Preprocessing.load(tmp_path)


def test_what_is_saved_comes_back_and_transformers_reads_it(tmp_path: Path) -> None:
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    for ours in (Preprocessing(shortest=256, crop=(224, 224), mean=(0.1, 0.2, 0.3)), Preprocessing(size=(28, 28))):
        ours.save(tmp_path)
        assert Preprocessing.load(tmp_path) == ours
    theirs = ViTImageProcessorPil.from_pretrained(tmp_path)
    assert (theirs.size["height"], theirs.size["width"]) == (28, 28)


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"size": {"longest_edge": 9}}, "asks for a size of longest_edge, which is not known"),
        ({"rescale_factor": 1 / 127.5}, "scales pixels otherwise than from 0 to 1"),
        ({"image_mean": [0.5]}, "has 1 channels where pictures have 3"),
    ],
)
def test_what_is_not_known_is_refused(told: dict, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=sentence):
        _load(tmp_path, told)


def test_channel_statistics_count_every_pixel_once() -> None:
    files = []
    for size, colour in (((1, 3), (255, 0, 51)), ((1, 1), (255, 204, 51))):
        file = io.BytesIO()
        Image.new("RGB", size, colour).save(file, "PNG")
        files.append(file.getvalue())
    mean, spread = channel_statistics(files)
    assert mean == pytest.approx((1, 0.2, 0.2))
    assert spread == pytest.approx((1 / 255, 0.2 * 3**0.5, 1 / 255))
    assert channel_statistics(files[::-1]) == (mean, spread)


def _grey(height: int, width: int) -> bytes:
    return as_file(np.full((height, width), 51, np.uint8))


def test_pictures_of_one_size_keep_it_up_to_128_pixels() -> None:
    assert Preprocessing.of(learnt([_grey(20, 30)] * 3), None).output_size == (20, 30)
    assert Preprocessing.of(learnt([_grey(128, 512)]), None).output_size == (32, 128)


def test_of_pictures_that_differ_the_middle_is_cut_out_at_the_size_that_half_of_them_have() -> None:
    found = Preprocessing.of(learnt([_grey(20, 30), _grey(40, 24), _grey(28, 90)]), None)
    assert (found.shortest, found.crop, found.size) == (24, (24, 24), None)
    assert found.mean == (0.2, 0.2, 0.2)


def test_the_size_of_a_recipe_wins_over_what_is_learnt() -> None:
    found = Preprocessing.of(learnt([_grey(20, 30), _grey(40, 24)]), 16)
    assert (found.shortest, found.crop, found.size) == (None, None, (16, 16))
