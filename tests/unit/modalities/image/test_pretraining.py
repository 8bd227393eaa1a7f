"""What pictures teach without labels."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import ViTMAEConfig, ViTMAEForPreTraining

from stillhouse.components.modalities.image.preprocessing import Preprocessing
from stillhouse.components.modalities.image.pretraining import (
    OBJECTIVES,
    collapse_of,
    pretraining_loss,
    pretraining_samples,
)
from stillhouse.components.modalities.image.samples import Augment
from stillhouse.components.models.conv_adversarial import NOISE_VALUES, ConvAdversarial
from stillhouse.components.models.conv_autoencoder import (
    ConvAutoencoder,
    ConvAutoencoderConfig,
    ConvEncoder,
    ConvForImageClassification,
)

TINY = ConvAutoencoderConfig(hidden_size=4, num_hidden_layers=2)
SQUARE = Preprocessing(size=(8, 8))


def _files(count: int = 6) -> list[bytes]:
    files = []
    for pixels in np.random.default_rng(0).integers(0, 256, (count, 2, 2, 3), dtype=np.uint8):
        file = io.BytesIO()
        Image.fromarray(pixels).resize((8, 8)).save(file, "PNG")
        files.append(file.getvalue())
    return files


def _batch(objective: str, rows: list[int], epoch: int = 0) -> dict[str, torch.Tensor]:
    return pretraining_samples(objective, _files(), SQUARE, Augment(7), patch_size=4).batch(np.array(rows), epoch)


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


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_loss_is_a_sum_over_pictures_whatever_the_batch(objective: str) -> None:
    torch.manual_seed(0)
    networks = {"autoencoder": ConvAutoencoder, "adversarial": ConvAdversarial}
    model = networks[objective](TINY).eval() if objective in networks else _masked()
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


def _adversarial() -> ConvAdversarial:
    torch.manual_seed(0)
    return ConvAdversarial(TINY)


def _gradients(model: ConvAdversarial, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    loss.backward()
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None}


def test_one_step_trains_both_sides_of_an_adversarial_training() -> None:
    """The discriminator goes down its cross-entropy, the generator down that of its pictures being taken for real."""
    model, batch = _adversarial(), _batch("adversarial", [0, 1, 2])
    total, count = pretraining_loss(model, batch)
    found = _gradients(model, total)
    made = model.generator(batch["noise"], batch["pixel_values"].shape[-2:])
    real, taken = model.judged(batch["pixel_values"]), model.judged(made.detach())
    sure = 0.9 * real.sigmoid().log() + 0.1 * (1 - real.sigmoid()).log()
    theirs = _gradients(model, -(sure + (1 - taken.sigmoid()).log()).sum())
    ours = _gradients(model, -model.judged(made).sigmoid().log().sum())
    assert count == 3
    for name, gradient in found.items():
        expected = ours if name.startswith("generator.") else theirs
        assert torch.allclose(gradient, expected[name], atol=1e-5), name


def test_a_discriminator_that_is_sure_leaves_its_generator_a_gradient() -> None:
    model, batch = _adversarial(), _batch("adversarial", [0, 1, 2])
    with torch.no_grad():
        model.discriminator.bias.fill_(-30)
    found = _gradients(model, pretraining_loss(model, batch)[0])
    assert found["generator.first.weight"].abs().max() > 1e-4


def test_a_generator_makes_pictures_of_the_size_that_is_asked_for_and_other_ones_in_each_epoch() -> None:
    model = _adversarial()
    assert model.generator(torch.rand(2, NOISE_VALUES), torch.Size([7, 13])).shape == (2, 3, 7, 13)
    whole = _batch("adversarial", [0, 1, 2])
    assert whole["noise"].shape == (3, NOISE_VALUES)
    assert torch.equal(_batch("adversarial", [2])["noise"][0], whole["noise"][2])
    assert not torch.equal(_batch("adversarial", [2], 1)["noise"][0], whole["noise"][2])


def test_of_an_adversarial_training_the_encoder_alone_goes_on(tmp_path: Path) -> None:
    model = _adversarial()
    model.save_pretrained(tmp_path)
    classifier = ConvForImageClassification.from_pretrained(tmp_path, num_labels=3)
    taken = {name for name in model.state_dict() if name.startswith("encoder.")}
    assert {name for name in classifier.state_dict() if not name.startswith("classifier.")} == taken
    assert all(classifier.state_dict()[name].equal(model.state_dict()[name]) for name in taken)


@pytest.mark.parametrize(
    ("perplexity", "alike", "sentence"),
    [
        (1.6, False, ""),
        (1.01, False, r"sure of what is real \(perplexity 1\.01; 2 is a guess\), so that it learns nothing more"),
        (2.4, False, r"tells real pictures from made ones no better than a guess \(perplexity 2\.40"),
        (1.6, True, r"one and the same picture made \(they differ by 0% of what real ones do\)"),
    ],
)
def test_a_collapse_is_told(perplexity: float, alike: bool, sentence: str) -> None:
    model, samples = _adversarial().eval(), pretraining_samples("adversarial", _files(), SQUARE, Augment(7))
    with torch.no_grad():
        model.generator.first.weight.mul_(0 if alike else 100)
    found = collapse_of(model, samples, perplexity)
    assert re.search(sentence, found) if sentence else not found
