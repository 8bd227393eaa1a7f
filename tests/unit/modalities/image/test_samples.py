"""Pictures in batches: the same whatever the batch, another look in each epoch."""

import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from stillhouse.components.modalities.image.preprocessing import Preprocessing
from stillhouse.components.modalities.image.samples import Augment, ImageSamples
from stillhouse.components.modalities.randomness import uniform

AS_IT_IS = Preprocessing(mean=(0, 0, 0), spread=(1, 1, 1))


def _file(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3))
FILES = [_file(pixels) for pixels in PIXELS]
LABELS = np.arange(6)
ALL = np.arange(6)


def _batch(augment: Augment | None, rows: np.ndarray = ALL, epoch: int = 0, size: int = 8) -> dict[str, torch.Tensor]:
    preprocessing = Preprocessing(size=(size, size), mean=(0, 0, 0), spread=(1, 1, 1))
    return ImageSamples(FILES, preprocessing, LABELS, augment).batch(rows, epoch)


def test_evaluation_sees_pictures_as_they_are() -> None:
    samples = ImageSamples(FILES, AS_IT_IS, LABELS)
    batch = samples.batch(np.array([4, 1]), 3)
    assert samples.lengths.tolist() == [1] * 6
    assert batch["labels"].tolist() == [4, 1]
    assert torch.allclose(batch["pixel_values"][0] * 255, torch.from_numpy(PIXELS[4].transpose(2, 0, 1)).float())


@pytest.mark.parametrize("mix", [None, "mixup", "cutmix"])
def test_a_view_derives_from_seed_epoch_and_row_alone(mix: str | None) -> None:
    augment = Augment(5, True, 0.2, 0.5, 0.3, mix)  # pyrefly: ignore[bad-argument-type]
    whole = _batch(augment)
    for rows in (np.array([3]), np.array([5, 3, 0])):
        part = _batch(augment, rows)
        assert all(torch.equal(part[name], whole[name][rows]) for name in whole)
    assert not torch.equal(_batch(augment, epoch=1)["pixel_values"], whole["pixel_values"])


def test_a_flip_swaps_left_and_right_in_half_of_the_views() -> None:
    seen = [_batch(Augment(1), np.array([2]), epoch)["pixel_values"][0] for epoch in range(40)]
    plain = _batch(None, np.array([2]))["pixel_values"][0]
    flipped = sum(torch.equal(view, plain.flip(2)) for view in seen)
    assert flipped + sum(torch.equal(view, plain) for view in seen) == 40
    assert 10 < flipped < 30


def test_a_shift_moves_by_whole_pixels_and_draws_out_the_edge() -> None:
    augment = Augment(1, flip=False, shift=0.25)
    plain = _batch(None, np.array([0]))["pixel_values"][0]
    padded = torch.nn.functional.pad(plain[None], (2, 2, 2, 2), mode="replicate")[0]
    possible = {(y, x): padded[:, y : y + 8, x : x + 8] for y in range(5) for x in range(5)}
    met = set()
    for epoch in range(60):
        view = _batch(augment, np.array([0]), epoch)["pixel_values"][0]
        met |= {place for place, one in possible.items() if torch.equal(one, view)}
    assert len(met) > 15


def test_a_part_has_the_size_that_the_model_takes_and_stays_inside() -> None:
    ramp = np.repeat(np.arange(0, 240, 3)[None, :, None], 80, axis=0).repeat(3, axis=2)
    samples = ImageSamples([_file(ramp)], Preprocessing(size=(4, 6)), None, Augment(1, False, scale=0.3))
    batches = [samples.batch(np.array([0]), epoch)["pixel_values"][0] for epoch in range(20)]
    assert all(batch.shape == (3, 4, 6) and (batch[0, 0].diff() >= 0).all() for batch in batches)
    assert len({tuple(batch[0, 0].tolist()) for batch in batches}) > 15


def test_light_stays_between_black_and_white() -> None:
    found = _batch(Augment(1, flip=False, light=0.9))["pixel_values"]
    assert found.min() >= 0 and found.max() <= 1
    assert not torch.allclose(found, _batch(None)["pixel_values"], atol=0.05)


def test_light_is_torchvisions_brightness_and_then_contrast() -> None:
    from torchvision.transforms.v2 import functional

    drawn = uniform(1, 0, np.array([2]), 8)[0, 7]
    bright, contrast = (1 + 0.5 * (2 * draw - 1) for draw in (drawn, drawn * 1024 % 1))
    image: Any = Image.fromarray(PIXELS[2].astype(np.uint8))
    expected = functional.adjust_contrast(functional.adjust_brightness(image, bright), contrast)
    found = _batch(Augment(1, flip=False, light=0.5), np.array([2]))["pixel_values"][0]
    assert np.allclose(found.permute(1, 2, 0).numpy() * 255, np.asarray(expected), atol=1e-3)


def test_mixup_is_a_weighted_mean_of_two_views() -> None:
    mixed = _batch(Augment(3, flip=False, mix="mixup", mix_alpha=1.0))
    plain, share = _batch(None)["pixel_values"], mixed["own_share"][:, None, None, None]
    expected = share * plain + (1 - share) * plain[mixed["other_labels"]]
    assert torch.allclose(mixed["pixel_values"], expected, atol=1e-6)
    assert mixed["own_share"].unique().numel() == 6


def test_cutmix_puts_in_a_rectangle_and_its_share_counts_pixels() -> None:
    mixed = _batch(Augment(3, flip=False, mix="cutmix", mix_alpha=1.0))
    plain = _batch(None)["pixel_values"]
    for row in range(6):
        own = (mixed["pixel_values"][row] == plain[row]).all(0)
        theirs = (mixed["pixel_values"][row] == plain[mixed["other_labels"][row]]).all(0)
        assert bool((own | theirs).all())
        assert row == mixed["other_labels"][row] or own.float().mean() == mixed["own_share"][row]
