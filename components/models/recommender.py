"""An autoencoder on histories of items, as a model of transformers (Liang et al., 2018, arXiv:1802.05814).

What a user took, as a bag scaled to length 1, becomes a code and the code a score for every item. The denoising one
(Mult-DAE) reads the code as it is; the variational one (Mult-VAE) draws it while it trains.
"""

from dataclasses import dataclass

import torch
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers import initialization as init
from transformers.utils import ModelOutput


class RecommenderConfig(PreTrainedConfig):
    """Shape of an autoencoder on histories."""

    model_type = "stillhouse_recommender"

    num_items: int = 2
    """Items that it knows."""
    hidden_size: int = 600
    latent_size: int = 200
    num_hidden_layers: int = 1
    """Residual layers between the bag of embeddings and the code."""
    variational: bool = False
    hidden_dropout_prob: float = 0.1


@dataclass
class RecommenderOutput(ModelOutput):
    """Answers for a batch of users."""

    logits: torch.Tensor | None = None
    """float32 [users, items]."""
    divergence: torch.Tensor | None = None
    """float32 [users], Kullback-Leibler divergence of the code's distribution from a standard normal one, in nats;
    of a variational model only."""


class _Layer(nn.Module):
    """A residual dense layer: float32 [users, hidden] -> [users, hidden]."""

    def __init__(self, config: RecommenderConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return hidden + self.dropout(torch.tanh(self.dense(hidden)))


class _Encoder(nn.Module):
    """Embeddings, summed, under residual layers: what a user took -> float32 [users, hidden]."""

    def __init__(self, config: RecommenderConfig) -> None:
        super().__init__()
        self.embeddings = nn.EmbeddingBag(config.num_items, config.hidden_size, mode="sum")
        self.embeddings_bias = nn.Parameter(torch.zeros(config.hidden_size))
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.layers = nn.ModuleList([_Layer(config) for _ in range(config.num_hidden_layers)])

    def forward(self, items: torch.Tensor, items_row: torch.Tensor, num_users: int) -> torch.Tensor:
        counts = torch.bincount(items_row, minlength=num_users)
        scale = counts.to(self.embeddings_bias.dtype).rsqrt()[items_row]  # a bag of ones has the length sqrt(count)
        bag = self.embeddings(items, counts.cumsum(0) - counts, per_sample_weights=scale)
        hidden = self.dropout(torch.tanh(bag + self.embeddings_bias))
        for layer in self.layers:
            hidden = layer(hidden)
        return hidden


class RecommenderModel(PreTrainedModel):
    """Histories -> scores of all items."""

    config_class = RecommenderConfig
    base_model_prefix = "recommender"
    main_input_name = "items"

    def __init__(self, config: RecommenderConfig) -> None:
        super().__init__(config)
        self.variational = config.variational
        self.encoder = _Encoder(config)
        self.code = nn.Linear(config.hidden_size, config.latent_size * (2 if config.variational else 1))
        self.decoder = nn.Linear(config.latent_size, config.hidden_size)
        self.output = nn.Linear(config.hidden_size, config.num_items)
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            init.xavier_normal_(module.weight)
            init.zeros_(module.bias)
        elif isinstance(module, nn.EmbeddingBag):
            init.xavier_normal_(module.weight)
        elif isinstance(module, _Encoder):
            init.zeros_(module.embeddings_bias)

    def get_input_embeddings(self) -> nn.Module:
        """The items' embeddings, weight float32 [items, hidden]."""
        return self.encoder.embeddings

    def forward(self, items: torch.Tensor, items_row: torch.Tensor, num_users: int) -> RecommenderOutput:
        """Score all items for each user.

        Args:
            items: int64 [sum], what the users took, end to end.
            items_row: int64 [sum], whose each is, ascending from 0.
            num_users: how many users there are; one without items is answered too.
        """
        hidden = self.encoder(items, items_row, num_users)
        code, divergence = self.code(hidden), None
        if self.variational:
            code, log_variance = code.chunk(2, dim=-1)
            divergence = 0.5 * (code.square() + log_variance.exp() - 1 - log_variance).sum(-1)
            if self.training:
                code = code + torch.randn_like(code) * (0.5 * log_variance).exp()
        return RecommenderOutput(logits=self.output(torch.tanh(self.decoder(code))), divergence=divergence)
