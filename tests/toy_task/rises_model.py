"""The network of the task beside it: each number is seen with the one before it."""

from typing import Any

import torch
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput


class RisesConfig(PreTrainedConfig):
    model_type = "rises"

    def __init__(self, width: int = 16, **options: Any) -> None:
        super().__init__(**options)
        self.width, self.num_hidden_layers = width, 1


class RisesModel(PreTrainedModel):
    config_class = RisesConfig

    def __init__(self, config: RisesConfig) -> None:
        super().__init__(config)
        self.hidden, self.output = nn.Linear(2, config.width), nn.Linear(config.width, 1)
        self.post_init()

    def forward(self, values: torch.Tensor, mask: torch.Tensor) -> SequenceClassifierOutput:
        before = nn.functional.pad(values, (1, 0))[:, :-1]
        hidden = self.hidden(torch.stack([values, before], -1)).tanh()
        return SequenceClassifierOutput(logits=self.output(hidden).squeeze(-1))
