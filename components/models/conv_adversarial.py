"""An encoder of pictures that learns as a discriminator (Goodfellow et al., 2014, arXiv:1406.2661); Radford et al. put
classifiers on such a one's features (2016, arXiv:1511.06434)."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers.utils import ModelOutput

from stillhouse.components.models.conv_autoencoder import (
    ConvAutoencoderConfig,
    ConvAutoencoderPreTrainedModel,
    ConvEncoder,
    decoded,
    decoder_for,
    parts_of,
)

NOISE_VALUES = 100
"""Of which a picture is made, as Radford et al. have it."""
_LARGEST = 1e10
"""Times that a gradient is multiplied with; beyond it there is none left in float32."""
_SIDE = 4
"""Of the map that the noise becomes first."""


def reversed_gradient(values: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """The same values, float32 of any shape; the gradient that comes back through them changes its sign (Ganin and
    Lempitsky, 2015, arXiv:1409.7495) and is multiplied by `scale`, float32 [pictures, 1, 1, 1], which has none."""
    return values.detach() + scale * (values.detach() - values)


@dataclass
class ConvAdversarialOutput(ModelOutput):
    """How the discriminator judges pictures."""

    real: torch.Tensor | None = None
    """Logits float32 [pictures] that a picture is real, of those given."""
    generated: torch.Tensor | None = None
    """The same of pictures that were made of the noise."""


class Generator(nn.Module):
    """Noise -> pictures, mirrored from the encoder whose widths it has."""

    def __init__(self, config: ConvAutoencoderConfig, widths: list[int]) -> None:
        super().__init__()
        self.first = nn.Linear(NOISE_VALUES, widths[-1] * _SIDE**2)
        self.decoder = decoder_for(widths)
        self.output = nn.Conv2d(config.hidden_size, config.num_channels, 3, padding=1)

    def forward(self, noise: torch.Tensor, size: torch.Size) -> torch.Tensor:
        """Noise float32 [pictures, NOISE_VALUES] -> float32 [pictures, channels, *size]."""
        sizes = [[-(-side // 2**depth) for side in size] for depth in range(len(self.decoder))][::-1]
        hidden = self.first(noise).view(len(noise), -1, _SIDE, _SIDE)
        return self.output(decoded(hidden, self.decoder, sizes))


class ConvAdversarial(ConvAutoencoderPreTrainedModel):
    """Encoder and head tell real pictures from a generator's; one step of an optimizer trains both sides, because the
    gradient that the generator is given is reversed."""

    def __init__(self, config: ConvAutoencoderConfig) -> None:
        super().__init__(config)
        self.encoder = ConvEncoder(config)
        self.discriminator = nn.Linear(self.encoder.widths[-1] * config.parts**2, 1)
        self.generator = Generator(config, self.encoder.widths)
        self.post_init()

    def judged(self, pictures: torch.Tensor) -> torch.Tensor:
        """Logits float32 [pictures] that each is real."""
        return self.discriminator(parts_of(self.encoder(pictures).last_hidden_state, self.config.parts))[:, 0]

    def forward(self, pixel_values: torch.Tensor, noise: torch.Tensor, **_: Any) -> ConvAdversarialOutput:
        """Judges `pixel_values`, float32 [pictures, channels, height, width], and as many pictures that are made of
        `noise`, float32 [pictures, values]."""
        generated = self.generator(noise, pixel_values.shape[-2:])
        if self.training:
            # A discriminator that is sure of its case, d << 0, leaves the generator no gradient of log(1 - sigmoid(d)).
            # What it is given instead is that of -log sigmoid(d), exp(-d) times as much (Goodfellow et al., section 3).
            with torch.no_grad():
                scale = torch.exp(-self.judged(generated)).clamp(max=_LARGEST)
            generated = reversed_gradient(generated, scale[:, None, None, None])
        return ConvAdversarialOutput(real=self.judged(pixel_values), generated=self.judged(generated))
