"""Learning from pictures without labels: giving them back through a narrow code, or the parts that were hidden, or
telling them from pictures that a generator makes.

The first has a model of `models/conv_autoencoder.py`; the second, a masked autoencoder, transformers' `ViTMAE`
(He et al., 2021, arXiv:2111.06377); the third one of `models/conv_adversarial.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stillhouse.components.modalities.image.load import config_of, preprocessing_in, resized_to
from stillhouse.components.modalities.image.preprocessing import Preprocessing
from stillhouse.components.modalities.image.samples import Augment, ImageSamples
from stillhouse.components.modalities.randomness import uniform
from stillhouse.components.models.loaded import LoadedModel
from stillhouse.errors import UserError

if TYPE_CHECKING:
    import torch
    from torch import nn

    from stillhouse.components.models.conv_adversarial import ConvAdversarial
    from stillhouse.components.models.image_settings import ImageArchitecture

OBJECTIVES = ("autoencoder", "masked_autoencoder", "adversarial")
NETWORKS = {"autoencoder": "convolutional", "masked_autoencoder": "transformer", "adversarial": "convolutional"}
"""What learns each, as `ImageArchitecture` calls it."""
SMOOTHING = 0.1
"""How far from 1 the label of a real picture is in training, so that a discriminator does not get too sure; that of a
generated one stays 0 (Salimans et al., 2016, arXiv:1606.03498, section 3.4)."""
WON = 1.05
"""Perplexity of a discriminator that is 95 % sure of what is so: what its generator makes teaches it nothing more."""
LOST = 1.98
"""Of one that hardly tells more than a guess, which is 2."""
ALIKE = 0.1
"""How much a generator's pictures differ, as a share of how much real ones do, where it makes one and the same."""
_NOISE_STREAM = 2


def learnt_by(network: str) -> list[str]:
    """The objectives that a network of a kind, as `ImageArchitecture` calls it, learns by; of other libraries' none."""
    return [objective for objective, learner in NETWORKS.items() if learner == network]


def new_backbone(
    base: str, architecture: "ImageArchitecture", preprocessing: Preprocessing, objective: str, size: int | None = None
) -> LoadedModel:
    """A network for pretraining: the folder `base` to go on with, or random weights.

    Args:
        preprocessing: of random weights; that of a base lies in its folder.
        size: pixels either way that the recipe asks for.

    Raises:
        UserError: the base, or the architecture, is not one for the objective.
    """
    from stillhouse.components.models.image_networks import autoencoder_in, autoencoder_of

    if base:
        model = autoencoder_in(base, objective)
        return LoadedModel(model, resized_to(preprocessing_in(base), model, size))
    if architecture.network != NETWORKS[objective]:
        raise UserError(
            f"pretrain.objective is '{objective}', which a {NETWORKS[objective]} network learns, and "
            f"model.teacher.network is {architecture.network}; change one of them."
        )
    return LoadedModel(autoencoder_of(config_of(architecture, preprocessing, masked=True), objective), preprocessing)


@dataclass
class NoisySamples(ImageSamples):
    """Pictures with noise: the order in which a masked autoencoder hides their patches, or what a generator makes
    others of."""

    num_values: int = 196
    """Of noise for a picture."""
    seed: int = 0

    def batch(self, rows: np.ndarray, epoch: int) -> "dict[str, torch.Tensor]":
        """pixel_values, and noise float32 [rows, num_values], from 0 to 1."""
        import torch

        noise = uniform(self.seed, epoch, np.asarray(rows, np.int64), self.num_values, _NOISE_STREAM)
        return super().batch(rows, epoch) | {"noise": torch.from_numpy(noise.astype(np.float32))}


def pretraining_samples(
    objective: str,
    pictures: Sequence[bytes],
    preprocessing: Preprocessing,
    augment: Augment,
    *,
    patch_size: int = 16,
) -> ImageSamples:
    """Samples of an objective; each epoch sees, hides and makes something else.

    Args:
        objective: one of OBJECTIVES.
        pictures: files that `decode` takes.
        preprocessing: of the model; with a fixed size for the masked one.
        augment: random changes, without mixing, and the seed of the noise.
        patch_size: pixels of a patch either way.
    """
    if objective == "autoencoder":
        return ImageSamples(pictures, preprocessing, None, augment)
    if objective == "adversarial":
        from stillhouse.components.models.conv_adversarial import NOISE_VALUES

        num_values = NOISE_VALUES
    else:
        height, width = preprocessing.output_size or (224, 224)
        num_values = (height // patch_size) * (width // patch_size)
    return NoisySamples(pictures, preprocessing, None, augment, num_values=num_values, seed=augment.seed)


def pretraining_loss(model: "nn.Module", batch: "Mapping[str, torch.Tensor]") -> "tuple[torch.Tensor, int]":
    """What the model's objective asks for, summed over pictures, a scalar; and how many pictures.

    Mean squared error of a picture's values (of the hidden patches' alone, where the batch hides some); or the
    discriminator's cross-entropy, of a real picture and one that is made of the noise together.
    """
    from torch.nn.functional import softplus

    pixels = batch["pixel_values"]
    if "noise" not in batch:
        outputs: Any = model(pixels)
        return (outputs.reconstruction - pixels).square().mean((1, 2, 3)).sum(), len(pixels)
    outputs = model(pixel_values=pixels, noise=batch["noise"])
    if "generated" in outputs:
        smoothing = SMOOTHING if model.training else 0.0
        return (softplus(-outputs.real) + smoothing * outputs.real + softplus(outputs.generated)).sum(), len(pixels)
    # Each picture hides as many patches: the mean over all is the mean of the pictures' own.
    return outputs.loss * len(pixels), len(pixels)


def collapse_of(model: "ConvAdversarial", held_out: ImageSamples, perplexity: float) -> str:
    """In what way an adversarial training has come to nothing, in a sentence; empty where it has not.

    Args:
        held_out: pictures with noise, in one view.
        perplexity: of the discriminator on them.
    """
    found = spread(model, held_out)
    if perplexity < WON:
        what = f"is sure of what is real (perplexity {perplexity:.2f}; 2 is a guess), so that it learns nothing more"
    elif perplexity > LOST:
        what = f"tells real pictures from made ones no better than a guess (perplexity {perplexity:.2f}; 2 is a guess)"
    elif found < ALIKE:
        what = f"has seen nearly one and the same picture made (they differ by {found:.0%} of what real ones do)"
    else:
        return ""
    return (
        f"The adversarial pretraining has collapsed: the discriminator {what}. The backbone may be no better than "
        "random weights; set pretrain.optimizer.momentum to 0.5, change its learning_rate or pretrain.loop.epochs, or "
        "set pretrain.objective to autoencoder."
    )


def spread(model: "ConvAdversarial", held_out: ImageSamples) -> float:
    """How much the pictures that the generator makes differ from each other, as a share of how much real ones do."""
    import torch

    device = next(model.parameters()).device
    batch = {name: value.to(device) for name, value in held_out.batch(np.arange(len(held_out.lengths)), 0).items()}
    real = batch["pixel_values"]
    with torch.inference_mode():
        generated = model.generator(batch["noise"], real.shape[-2:])
    return float(generated.std(0, correction=0).mean() / real.std(0, correction=0).mean().clamp(min=1e-9))
