"""Learning from pictures without labels: giving them back through a narrow code, or the parts that were hidden.

The first has a model of `models/conv_autoencoder.py`; the second, a masked autoencoder, transformers' `ViTMAE`
(He et al., 2021, arXiv:2111.06377).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stillhouse.components.modalities.image.preprocessing import Preprocessing
from stillhouse.components.modalities.image.samples import Augment, ImageSamples
from stillhouse.components.modalities.randomness import uniform

if TYPE_CHECKING:
    import torch
    from torch import nn

OBJECTIVES = ("autoencoder", "masked_autoencoder")
_NOISE_STREAM = 2


@dataclass
class MaskedSamples(ImageSamples):
    """Pictures with the order in which a masked autoencoder hides their patches."""

    patches: int = 196
    """Of a picture."""
    seed: int = 0

    def batch(self, rows: np.ndarray, epoch: int) -> "dict[str, torch.Tensor]":
        """pixel_values, and noise float32 [rows, patches]: the patches with the least of it are shown."""
        import torch

        noise = uniform(self.seed, epoch, np.asarray(rows, np.int64), self.patches, _NOISE_STREAM)
        return super().batch(rows, epoch) | {"noise": torch.from_numpy(noise.astype(np.float32))}


def pretraining_samples(
    objective: str,
    pictures: Sequence[bytes],
    preprocessing: Preprocessing,
    augment: Augment,
    *,
    patch_size: int = 16,
) -> ImageSamples:
    """Samples of an objective; each epoch sees, and hides, something else.

    Args:
        objective: one of OBJECTIVES.
        pictures: files that `decode` takes.
        preprocessing: of the model; with a fixed size for the masked one.
        augment: random changes, without mixing, and the seed of what is hidden.
        patch_size: pixels of a patch either way.
    """
    if objective == "autoencoder":
        return ImageSamples(pictures, preprocessing, None, augment)
    height, width = preprocessing.output_size or (224, 224)
    patches = (height // patch_size) * (width // patch_size)
    return MaskedSamples(pictures, preprocessing, None, augment, patches=patches, seed=augment.seed)


def pretraining_loss(
    objective: str, model: "nn.Module", batch: "Mapping[str, torch.Tensor]"
) -> "tuple[torch.Tensor, int]":
    """Mean squared error of a picture's values (of the hidden patches' alone, of the masked one), summed over
    pictures; and how many pictures."""
    pixels = batch["pixel_values"]
    if objective == "autoencoder":
        outputs: Any = model(pixels)
        return (outputs.reconstruction - pixels).square().mean((1, 2, 3)).sum(), len(pixels)
    outputs = model(pixel_values=pixels, noise=batch["noise"])
    # Each picture hides as many patches: the mean over all is the mean of the pictures' own.
    return outputs.loss * len(pixels), len(pixels)
