"""A convolutional autoencoder on pictures (Masci et al., 2011, doi:10.1007/978-3-642-21735-7_7), as a model of
transformers; its encoder can stand under a classifier."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithNoAttention, ImageClassifierOutputWithNoAttention
from transformers.utils import ModelOutput


class ConvAutoencoderConfig(PreTrainedConfig):
    """Shape of a convolutional autoencoder."""

    model_type = "stillhouse_conv_autoencoder"

    num_channels: int = 3
    hidden_size: int = 32
    """Channels of the first stage; each further one has twice as many."""
    num_hidden_layers: int = 3
    """Stages, each of which halves height and width."""
    image_size: list[int] | None = None
    """Height and width of the pictures that it is made for; it takes others, too."""
    parts: int = 2
    """Either way, of the encoder's map, that a classifier sees the means of; 1 tells nothing of where in a picture."""


@dataclass
class ConvAutoencoderOutput(ModelOutput):
    """Pictures given back."""

    reconstruction: torch.Tensor | None = None
    """float32 [pictures, channels, height, width]."""


class ConvAutoencoderPreTrainedModel(PreTrainedModel):
    """What both uses of the encoder share; torch's own first weights."""

    config_class = ConvAutoencoderConfig
    base_model_prefix = "encoder"
    main_input_name = "pixel_values"

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Conv2d | nn.Linear | nn.GroupNorm):
            module.reset_parameters()


def _block(channels_in: int, channels_out: int, stride: int) -> nn.Sequential:
    """Normalised over a picture's own channels: what comes out does not depend on the batch."""
    convolution = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1)
    return nn.Sequential(convolution, nn.GroupNorm(1, channels_out), nn.ReLU())


class ConvEncoder(ConvAutoencoderPreTrainedModel):
    """Pictures -> a map of features, height and width halved (rounded up) by each stage."""

    def __init__(self, config: ConvAutoencoderConfig) -> None:
        super().__init__(config)
        self.widths = [config.hidden_size * 2**depth for depth in range(config.num_hidden_layers)]
        inputs = [config.num_channels, *self.widths]
        self.stages = nn.ModuleList(_block(*pair, 2) for pair in zip(inputs, self.widths, strict=False))
        self.post_init()

    def forward(self, pixel_values: torch.Tensor, **_: Any) -> BaseModelOutputWithNoAttention:
        """last_hidden_state float32 [pictures, channels, height, width]; hidden_states: the map of each stage."""
        maps = [pixel_values]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return BaseModelOutputWithNoAttention(last_hidden_state=maps[-1], hidden_states=tuple(maps[1:]))


def decoder_for(widths: list[int]) -> nn.ModuleList:
    """A block for each stage of an encoder of these channels, the last stage's first."""
    widths = widths[::-1]
    return nn.ModuleList(_block(*pair, 1) for pair in zip(widths, [*widths[1:], widths[-1]], strict=True))


def decoded(hidden: torch.Tensor, blocks: nn.ModuleList, sizes: Sequence[Sequence[int]]) -> torch.Tensor:
    """A map of features float32 [pictures, channels, height, width] through `blocks`, to each of which it is resized:
    transposed convolutions leave a chequered pattern (Odena et al., 2016, doi:10.23915/distill.00003).

    Args:
        sizes: height and width for each block.
    """
    for block, size in zip(blocks, sizes, strict=True):
        hidden = block(nn.functional.interpolate(hidden, size=tuple(size), mode="nearest"))
    return hidden


def parts_of(hidden: torch.Tensor, parts: int) -> torch.Tensor:
    """What a head sees of a map: the means of `parts` x `parts` of it, float32 [pictures, channels * parts**2]."""
    return nn.functional.adaptive_avg_pool2d(hidden, parts).flatten(1)


class ConvAutoencoder(ConvAutoencoderPreTrainedModel):
    """Pictures -> the same pictures, through the encoder's narrow map."""

    def __init__(self, config: ConvAutoencoderConfig) -> None:
        super().__init__(config)
        self.encoder = ConvEncoder(config)
        self.decoder = decoder_for(self.encoder.widths)
        self.output = nn.Conv2d(config.hidden_size, config.num_channels, 3, padding=1)
        self.post_init()

    def forward(self, pixel_values: torch.Tensor, **_: Any) -> ConvAutoencoderOutput:
        """Pictures float32 [pictures, channels, height, width], of any size, given back in their size."""
        maps = self.encoder(pixel_values).hidden_states
        sizes = [one.shape[-2:] for one in (pixel_values, *maps[:-1])][::-1]
        return ConvAutoencoderOutput(reconstruction=self.output(decoded(maps[-1], self.decoder, sizes)))


class ConvForImageClassification(ConvAutoencoderPreTrainedModel):
    """Classes, several labels or a number, out of the means of the parts of the encoder's map."""

    def __init__(self, config: ConvAutoencoderConfig) -> None:
        super().__init__(config)
        self.encoder = ConvEncoder(config)
        self.classifier = nn.Linear(self.encoder.widths[-1] * config.parts**2, config.num_labels or 1)
        self.post_init()

    def forward(self, pixel_values: torch.Tensor, **_: Any) -> ImageClassifierOutputWithNoAttention:
        """Logits float32 [pictures, labels]."""
        outputs = self.encoder(pixel_values)
        logits = self.classifier(parts_of(outputs.last_hidden_state, self.config.parts))
        return ImageClassifierOutputWithNoAttention(logits=logits, hidden_states=outputs.hidden_states)
