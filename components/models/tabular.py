"""Networks on rows of a table: a residual MLP and a transformer over columns, as models of transformers.

Both are of Gorishniy et al., 2021, Revisiting Deep Learning Models for Tabular Data (arXiv:2106.11959): ResNet and
FT-Transformer. Numbers are encoded piecewise linearly (Gorishniy et al., 2022, arXiv:2203.05556, section 3.2).
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.functional import relu, scaled_dot_product_attention
from transformers import PreTrainedConfig, PreTrainedModel
from transformers import initialization as init
from transformers.modeling_outputs import BaseModelOutput, SequenceClassifierOutput

UNKNOWN = 0
"""Place of a category that no training row has: its embedding begins as zeros, and says nothing until it has learnt."""


class TabularConfig(PreTrainedConfig):
    """Shape of a network on rows of a table."""

    model_type = "stillhouse_tabular"

    network: str = "ft_transformer"
    """ft_transformer or mlp."""
    num_numbers: int = 0
    """Floats of a row."""
    cardinalities: list[int] | None = None
    """Places of each category of a row."""
    edges: list[list[float]] | None = None
    """For each float the edges of its bins, two at least, ascending; an empty list where it is taken as it is."""
    hidden_size: int = 64
    num_hidden_layers: int = 3
    num_attention_heads: int = 8
    intermediate_size: int = 128
    category_size: int = 16
    hidden_dropout_prob: float = 0.1


class TabularPreTrainedModel(PreTrainedModel):
    """What both uses of the network share."""

    config_class = TabularConfig
    base_model_prefix = "tabular"
    main_input_name = "numbers"
    _supports_sdpa = True

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """torch's own first weights, which the papers take, in place of the narrower ones of language models."""
        if isinstance(module, nn.Linear):
            init.kaiming_uniform_(module.weight, a=math.sqrt(5))
            if module.bias is not None:
                bound = 1 / math.sqrt(module.in_features)
                init.uniform_(module.bias, -bound, bound)
        elif isinstance(module, nn.LayerNorm):
            init.ones_(module.weight)
            init.zeros_(module.bias)
        elif isinstance(module, Numbers | Tokens | Categories):
            module.reset()


class Numbers(nn.Module):
    """Floats, each as its share of every bin that it has passed: float32 [rows, floats] -> [rows, floats, bins].

    A float without edges stays as it is, in the first place.
    """

    begin: torch.Tensor
    per_unit: torch.Tensor
    least: torch.Tensor
    most: torch.Tensor

    def __init__(self, config: TabularConfig) -> None:
        super().__init__()
        self.edges: Sequence[Sequence[float]] = config.edges or [[]] * config.num_numbers
        self.num_bins = max([1, *(len(edges) - 1 for edges in self.edges)])
        for name in ("begin", "per_unit", "least", "most"):
            self.register_buffer(name, torch.zeros(config.num_numbers, self.num_bins))
        self.reset()

    @torch.no_grad()
    def reset(self) -> None:
        """Fill in the bins."""
        values = torch.zeros(4, len(self.edges), self.num_bins)
        for place, edges in enumerate(self.edges):
            bins = max(1, len(edges) - 1)
            low, high = torch.tensor(edges[:-1] or [0.0]), torch.tensor(edges[1:] or [1.0])
            values[0, place, :bins], values[1, place, :bins], values[3, place, :bins] = low, 1 / (high - low), 1.0
            if not edges:
                values[2, place, 0], values[3, place, 0] = -math.inf, math.inf
        for name, value in zip(("begin", "per_unit", "least", "most"), values, strict=True):
            init.copy_(getattr(self, name), value)

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        return ((numbers[:, :, None] - self.begin) * self.per_unit).clamp(self.least, self.most)


class Categories(nn.Module):
    """Embeddings of the categories: int64 [rows, categories] -> [rows, categories, width]."""

    begin: torch.Tensor

    def __init__(self, cardinalities: Sequence[int], width: int) -> None:
        super().__init__()
        self.cardinalities = list(cardinalities)
        self.weight = nn.Parameter(torch.empty(sum(cardinalities), width))
        self.register_buffer("begin", torch.zeros(len(cardinalities), dtype=torch.int64))
        self.reset()

    @torch.no_grad()
    def reset(self) -> None:
        """Begin anew; the unknown ones with zeros."""
        begin = torch.tensor([sum(self.cardinalities[:place]) for place in range(len(self.cardinalities))])
        weight = torch.empty_like(self.weight).uniform_(-1, 1) / math.sqrt(self.weight.shape[1])
        weight[begin.long() + UNKNOWN] = 0.0
        init.copy_(self.begin, begin.long())
        init.copy_(self.weight, weight)

    def forward(self, categories: torch.Tensor) -> torch.Tensor:
        return nn.functional.embedding(categories + self.begin, self.weight)


class Tokens(nn.Module):
    """A vector for each float and category, after one for the row: [rows, 1 + floats + categories, width]."""

    def __init__(self, config: TabularConfig) -> None:
        super().__init__()
        self.numbers = Numbers(config)
        width, cardinalities = config.hidden_size, config.cardinalities or []
        self.row = nn.Parameter(torch.empty(1, width))
        self.weight = nn.Parameter(torch.empty(config.num_numbers, self.numbers.num_bins, width))
        self.bias = nn.Parameter(torch.empty(config.num_numbers + len(cardinalities), width))
        self.categories = Categories(cardinalities, width)
        self.reset()

    @torch.no_grad()
    def reset(self) -> None:
        """Begin anew."""
        bound = 1 / math.sqrt(self.row.shape[1])
        for parameter in (self.row, self.weight, self.bias):
            init.uniform_(parameter, -bound, bound)

    def forward(self, numbers: torch.Tensor, categories: torch.Tensor) -> torch.Tensor:
        floats = torch.einsum("rfb,fbw->rfw", self.numbers(numbers), self.weight)
        columns = torch.cat([floats, self.categories(categories)], dim=1) + self.bias
        return torch.cat([self.row.expand(len(numbers), 1, -1), columns], dim=1)


class Flat(nn.Module):
    """One vector for the row, [rows, 1, width], of all its floats and categories."""

    def __init__(self, config: TabularConfig) -> None:
        super().__init__()
        cardinalities = config.cardinalities or []
        self.numbers = Numbers(config)
        self.categories = Categories(cardinalities, config.category_size)
        inputs = config.num_numbers * self.numbers.num_bins + len(cardinalities) * config.category_size
        self.dense = nn.Linear(inputs, config.hidden_size)

    def forward(self, numbers: torch.Tensor, categories: torch.Tensor) -> torch.Tensor:
        parts = [self.numbers(numbers).flatten(1), self.categories(categories).flatten(1)]
        return self.dense(torch.cat(parts, dim=1))[:, None, :]


class DenseLayer(nn.Module):
    """Of the residual MLP."""

    def __init__(self, config: TabularConfig, index: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.hidden_size)
        self.first = nn.Linear(config.hidden_size, config.intermediate_size)
        self.second = nn.Linear(config.intermediate_size, config.hidden_size)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, hidden: torch.Tensor, row_alone: bool = False) -> torch.Tensor:
        return hidden + self.dropout(self.second(self.dropout(relu(self.first(self.norm(hidden))))))


class AttentionLayer(nn.Module):
    """Of the FT-Transformer: normalised before each part but the very first, ReGLU inside (Shazeer, 2020,
    arXiv:2002.05202)."""

    def __init__(self, config: TabularConfig, index: int) -> None:
        super().__init__()
        width, inner = config.hidden_size, config.intermediate_size
        self.heads = config.num_attention_heads
        self.attention_norm = nn.LayerNorm(width) if index else nn.Identity()
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attention_output = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.first = nn.Linear(width, 2 * inner)
        self.second = nn.Linear(inner, width)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, hidden: torch.Tensor, row_alone: bool = False) -> torch.Tensor:
        """Hidden states, float [rows, tokens, width], of all tokens, or [rows, 1, width] of the row's alone, which is
        all that is asked of the last layer."""
        rows, tokens, width = hidden.shape
        # Without dropout inside attention: it would cost the fused kernel, and on a CPU half the speed.
        split = self.query_key_value(self.attention_norm(hidden)).view(rows, tokens, 3, self.heads, -1)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        if row_alone:
            query, hidden = query[:, :, :1], hidden[:, :1]
        mixed = scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(rows, -1, width)
        hidden = hidden + self.dropout(self.attention_output(mixed))
        inner, gate = self.first(self.norm(hidden)).chunk(2, dim=-1)
        return hidden + self.dropout(self.second(self.dropout(inner * relu(gate))))


class TabularModel(TabularPreTrainedModel):
    """The backbone: a vector for the row (and, of a transformer, for each of its floats and categories)."""

    def __init__(self, config: TabularConfig) -> None:
        super().__init__(config)
        is_mlp = config.network == "mlp"
        self.embeddings = Flat(config) if is_mlp else Tokens(config)
        layer = DenseLayer if is_mlp else AttentionLayer
        self.layers = nn.ModuleList(layer(config, index) for index in range(config.num_hidden_layers))
        self.norm = nn.LayerNorm(config.hidden_size)
        self.post_init()

    def forward(
        self, numbers: torch.Tensor, categories: torch.Tensor, output_hidden_states: bool = False, **_: Any
    ) -> BaseModelOutput:
        """Hidden states float32 [rows, tokens, width]; the first token is the row's.

        A transformer has a token for each float and category after it; of its last layer they are there only with
        `output_hidden_states`.

        Args:
            numbers: float32 [rows, floats].
            categories: int64 [rows, categories].
            output_hidden_states: give those before each layer and after the last one, too.
        """
        hidden = self.embeddings(numbers, categories)
        states = [hidden]
        for depth, layer in enumerate(self.layers, 1):
            hidden = layer(hidden, row_alone=depth == len(self.layers) and not output_hidden_states)
            states.append(hidden)
        return BaseModelOutput(
            last_hidden_state=self.norm(hidden), hidden_states=tuple(states) if output_hidden_states else None
        )


class TabularForPrediction(TabularPreTrainedModel):
    """Classes, several labels or a number, out of the row's vector."""

    def __init__(self, config: TabularConfig) -> None:
        super().__init__(config)
        self.tabular = TabularModel(config)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels or 1)
        self.post_init()

    def forward(self, numbers: torch.Tensor, categories: torch.Tensor, **wanted: Any) -> SequenceClassifierOutput:
        """Logits float32 [rows, labels]; arguments as of the backbone."""
        outputs = self.tabular(numbers, categories, **wanted)
        logits = self.classifier(relu(outputs.last_hidden_state[:, 0]))
        return SequenceClassifierOutput(logits=logits, hidden_states=outputs.hidden_states)


class TabularForDenoising(TabularPreTrainedModel):
    """The floats and categories of a row, out of the row's vector alone: it has to hold them all."""

    def __init__(self, config: TabularConfig) -> None:
        super().__init__(config)
        self.tabular = TabularModel(config)
        places = sum(config.cardinalities or [])
        # Of no number or no category torch would warn; nothing is learnt there either.
        self.numbers_head = nn.Linear(config.hidden_size, config.num_numbers) if config.num_numbers else None
        self.categories_head = nn.Linear(config.hidden_size, places) if places else None
        self.post_init()

    def forward(self, numbers: torch.Tensor, categories: torch.Tensor, **wanted: Any) -> "tuple[torch.Tensor, ...]":
        """The numbers, float32 [rows, numbers], and logits, float32 [rows, places], of each category."""
        row = relu(self.tabular(numbers, categories, **wanted).last_hidden_state[:, 0])
        floats = row[:, :0] if self.numbers_head is None else self.numbers_head(row)
        if self.categories_head is None:
            return (floats,)
        return floats, *self.categories_head(row).split(self.config.cardinalities, dim=1)
