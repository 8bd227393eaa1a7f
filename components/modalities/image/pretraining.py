"""Learning from pictures without labels: giving them back through a narrow code, or the parts that were hidden.

The first has a model of `models/conv_autoencoder.py`; the second, a masked autoencoder, transformers' `ViTMAE`
(He et al., 2021, arXiv:2111.06377).
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

    from stillhouse.components.models.image_settings import ImageArchitecture

OBJECTIVES = ("autoencoder", "masked_autoencoder")
NETWORKS = {"autoencoder": "convolutional", "masked_autoencoder": "transformer"}
"""What learns each, as `ImageArchitecture` calls it."""
_NOISE_STREAM = 2


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


def pretraining_loss(model: "nn.Module", batch: "Mapping[str, torch.Tensor]") -> "tuple[torch.Tensor, int]":
    """Mean squared error of a picture's values (of the hidden patches' alone, where the batch hides some), summed over
    pictures, a scalar; and how many pictures."""
    pixels = batch["pixel_values"]
    if "noise" not in batch:
        outputs: Any = model(pixels)
        return (outputs.reconstruction - pixels).square().mean((1, 2, 3)).sum(), len(pixels)
    outputs = model(pixel_values=pixels, noise=batch["noise"])
    # Each picture hides as many patches: the mean over all is the mean of the pictures' own.
    return outputs.loss * len(pixels), len(pixels)
