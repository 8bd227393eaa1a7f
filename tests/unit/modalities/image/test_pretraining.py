"""What pictures teach without labels."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import ViTMAEConfig, ViTMAEForPreTraining

from stillhouse.components.modalities.image.preprocessing import Preprocessing
from stillhouse.components.modalities.image.pretraining import pretraining_loss, pretraining_samples
from stillhouse.components.modalities.image.samples import Augment
from stillhouse.components.models.conv_autoencoder import (
    ConvAutoencoder,
    ConvAutoencoderConfig,
    ConvEncoder,
    ConvForImageClassification,
)

TINY = ConvAutoencoderConfig(hidden_size=4, num_hidden_layers=2)


def _files(count: int = 6) -> list[bytes]:
    files = []
    for pixels in np.random.default_rng(0).integers(0, 256, (count, 2, 2, 3), dtype=np.uint8):
        file = io.BytesIO()
        Image.fromarray(pixels).resize((8, 8)).save(file, "PNG")
        files.append(file.getvalue())
    return files


def _batch(objective: str, rows: list[int], epoch: int = 0) -> dict[str, torch.Tensor]:
    preprocessing = Preprocessing(size=(8, 8))
    return pretraining_samples(objective, _files(), preprocessing, Augment(7), patch_size=4).batch(
        np.array(rows), epoch
    )


def _masked() -> ViTMAEForPreTraining:
    torch.manual_seed(0)
    config = ViTMAEConfig(
        image_size=8,
        patch_size=4,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        decoder_hidden_size=8,
        decoder_num_hidden_layers=1,
        decoder_num_attention_heads=2,
        decoder_intermediate_size=8,
        mask_ratio=0.5,
    )
    return ViTMAEForPreTraining(config).eval()


def test_an_autoencoder_learns_to_give_pictures_back() -> None:
    torch.manual_seed(0)
    model = ConvAutoencoder(TINY)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    losses = []
    for step in range(60):
        total, count = pretraining_loss(model, _batch("autoencoder", list(range(6)), step))
        optimizer.zero_grad()
        (total / count).backward()
        optimizer.step()
        losses.append(float(total.detach()) / count)
    assert losses[-1] < losses[0] / 3


@pytest.mark.parametrize("size", [(8, 8), (7, 13)])
def test_pictures_come_back_in_their_size(size: tuple[int, int]) -> None:
    assert ConvAutoencoder(TINY)(torch.zeros(2, 3, *size)).reconstruction.shape == (2, 3, *size)


@pytest.mark.parametrize("objective", ["autoencoder", "masked_autoencoder"])
def test_the_loss_is_a_sum_over_pictures_whatever_the_batch(objective: str) -> None:
    torch.manual_seed(0)
    model = ConvAutoencoder(TINY).eval() if objective == "autoencoder" else _masked()
    whole, count = pretraining_loss(model, _batch(objective, [0, 1, 2, 3]))
    parts = [pretraining_loss(model, _batch(objective, rows))[0] for rows in ([0, 1, 2], [3])]
    assert count == 4
    assert float(whole.detach()) == pytest.approx(float(sum(part.detach() for part in parts)), rel=1e-5)


def test_what_is_hidden_derives_from_seed_epoch_and_row_alone() -> None:
    whole = _batch("masked_autoencoder", [0, 1, 2])
    assert whole["noise"].shape == (3, 4)
    assert torch.equal(_batch("masked_autoencoder", [2])["noise"][0], whole["noise"][2])
    assert not torch.equal(_batch("masked_autoencoder", [2], 1)["noise"][0], whole["noise"][2])


def test_the_encoder_stands_under_a_classifier(tmp_path: Path) -> None:
    model = ConvAutoencoder(TINY)
    model.save_pretrained(tmp_path)
    classifier = ConvForImageClassification.from_pretrained(tmp_path, num_labels=3)
    encoder = ConvEncoder.from_pretrained(tmp_path)
    pixels = torch.rand(2, 3, 8, 8)
    for other in (classifier.encoder, encoder):
        assert torch.equal(other(pixels).last_hidden_state, model.encoder(pixels).last_hidden_state)
    assert classifier(pixels).logits.shape == (2, 3)
