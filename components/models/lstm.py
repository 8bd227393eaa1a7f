"""An LSTM that reads a text word by word in both directions, as a model of transformers.

The two directions (Hochreiter and Schmidhuber, 1997, doi:10.1162/neco.1997.9.8.1735) are stacks of layers of their own
and meet only in what stands on top. So all that they learn by predicting the next word, and from right to left the one
before (Peters et al., 2018, arXiv:1802.05365), carries over to a classifier, which reads the last states, the largest
and the mean values of all words (Howard and Ruder, 2018, arXiv:1801.06146). Words are predicted with the weights of
their embeddings, and dropout hides the same values of all words of a text (Merity et al., 2018, arXiv:1708.02182).

Importing it makes transformers know the architecture. It needs nothing of Stillhouse: MLflow keeps this file beside a
registered model.
"""

from typing import Any, cast

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers import initialization as init
from transformers.modeling_outputs import (
    BaseModelOutput,
    CausalLMOutput,
    SequenceClassifierOutput,
    TokenClassifierOutput,
)

EMBEDDING_RANGE = 0.3
"""Embeddings begin between this and its negative. With the 0.1 of Merity et al., who train for hundreds of epochs, less
was learnt in a few."""


class LstmConfig(PreTrainedConfig):
    """Shape of an LSTM on words."""

    model_type = "stillhouse_lstm"

    vocab_size: int = 8000
    hidden_size: int = 256
    """Values of a word on top: half of them from either direction. Embeddings have half as many."""
    num_hidden_layers: int = 2
    hidden_dropout_prob: float = 0.1
    pad_token_id: int | None = 0


class LockedDropout(nn.Dropout):
    """Dropout that hides the same values of all words of a text."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """float [texts, words, values], where all is kept but while it learns; what stays is scaled up then."""
        if not self.training or not self.p:
            return input
        return input * nn.functional.dropout(input.new_ones(input.shape[0], 1, input.shape[2]), self.p)


class LstmLayer(nn.Module):
    """A layer of each direction."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.to_right = nn.LSTM(width, width, batch_first=True)
        self.to_left = nn.LSTM(width, width, batch_first=True)

    def forward(self, right: torch.Tensor, left: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Both float [texts, words, width], in the order in which they are read."""
        return self.to_right(right)[0], self.to_left(left)[0]


class LstmPreTrainedModel(PreTrainedModel):
    """What all uses of the backbone share."""

    config_class = LstmConfig
    base_model_prefix = "lstm"

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.LSTM):
            for name, weight in module.named_parameters():
                first = torch.empty_like(weight).uniform_(-1, 1) / module.hidden_size**0.5
                if name.startswith("bias_ih"):  # so that nothing is forgotten at first (Jozefowicz et al., 2015)
                    first[module.hidden_size : 2 * module.hidden_size] += 1
                init.copy_(weight, first)
        elif isinstance(module, nn.Embedding):
            init.uniform_(module.weight, -EMBEDDING_RANGE, EMBEDDING_RANGE)
        elif isinstance(module, nn.Linear):
            init.xavier_uniform_(module.weight)
            init.zeros_(module.bias)
        elif isinstance(module, WordPrediction):
            init.zeros_(module.bias)

    def get_input_embeddings(self) -> nn.Module:
        """The words' embeddings, weight float [words of the vocabulary, width]."""
        return cast(LstmModel, self.base_model).embeddings


class LstmModel(LstmPreTrainedModel):
    """Words -> what each is in its text.

    A text is turned round within its own length before it is read from right to left, so that padding, which stands
    behind the words, is read after them in both directions and changes nothing. (torch's packed sequences do the same,
    and on a CPU take ten times as long.)
    """

    def __init__(self, config: LstmConfig) -> None:
        super().__init__(config)
        width = config.hidden_size // 2
        self.embeddings = nn.Embedding(config.vocab_size, width)
        self.dropout = LockedDropout(config.hidden_dropout_prob)
        self.layers = nn.ModuleList(LstmLayer(width) for _ in range(config.num_hidden_layers))
        self.post_init()

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        output_hidden_states: bool | None = None,
        **_: Any,
    ) -> BaseModelOutput:
        """Read texts.

        Args:
            input_ids: int64 [texts, words], padded on the right.
            attention_mask: bool or int64 [texts, words], true for words; None: there is no padding.
            output_hidden_states: whether the embeddings and what each layer makes of them is given out, too.

        Returns:
            last_hidden_state float [texts, words, 2 * width]: what was read up to each word and with it, from the left
            and from the right.
        """
        turned = _turned(input_ids, attention_mask)[..., None]
        right = self.embeddings(input_ids)
        left, seen = _turn(right, turned), [right]
        for layer in self.layers:
            right, left = layer(self.dropout(right), self.dropout(left))
            if output_hidden_states:
                seen.append(torch.cat([right, _turn(left, turned)], dim=-1))
        last = seen[-1] if output_hidden_states else torch.cat([right, _turn(left, turned)], dim=-1)
        return BaseModelOutput(
            last_hidden_state=self.dropout(last), hidden_states=tuple(seen) if output_hidden_states else None
        )


class WordPrediction(nn.Module):
    """The logit of each word of the vocabulary, by its embedding."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(vocab_size))

    def forward(self, states: torch.Tensor, embeddings: torch.Tensor) -> torch.Tensor:
        """float [..., width] and [vocabulary, width] -> [..., vocabulary]."""
        return nn.functional.linear(states, embeddings, self.bias)


class LstmForLanguageModeling(LstmPreTrainedModel):
    """Predicts each word from those before it and, apart, from those behind it."""

    def __init__(self, config: LstmConfig) -> None:
        super().__init__(config)
        self.lstm = LstmModel(config)
        self.predictions = WordPrediction(config.vocab_size)
        self.post_init()

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, **_: Any) -> CausalLMOutput:
        """Logits float [texts, words, vocabulary] of the word behind each."""
        right, _left = self.lstm(input_ids, attention_mask).last_hidden_state.chunk(2, dim=-1)
        return CausalLMOutput(logits=self.predictions(right, self.lstm.embeddings.weight))

    def loss_both_ways(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None, labels: torch.Tensor
    ) -> tuple[torch.Tensor, int]:
        """Sum of the cross-entropies of the next word and of the one before, and how many were predicted.

        Args:
            labels: int64 [texts, words], -100 where no word is to be predicted from those before it.
        """
        right, left = self.lstm(input_ids, attention_mask).last_hidden_state.chunk(2, dim=-1)
        pairs = labels[:, 1:] != -100  # of neighbours: each is predicted from the other
        states = torch.cat([right[:, :-1][pairs], left[:, 1:][pairs]])
        words = torch.cat([input_ids[:, 1:][pairs], input_ids[:, :-1][pairs]])
        logits = self.predictions(states, self.lstm.embeddings.weight)
        return nn.functional.cross_entropy(logits, words, reduction="sum"), len(words)


class LstmForSequenceClassification(LstmPreTrainedModel):
    """One of several classes, several labels or a number, for a text."""

    def __init__(self, config: LstmConfig) -> None:
        super().__init__(config)
        self.lstm = LstmModel(config)
        self.classifier = nn.Linear(3 * config.hidden_size, config.num_labels or 1)
        self.post_init()

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, **wanted: Any
    ) -> SequenceClassifierOutput:
        """Logits float [texts, labels]."""
        outputs = self.lstm(input_ids, attention_mask, **wanted)
        states = outputs.last_hidden_state
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        inside = mask.bool()[..., None]
        right, left = states.chunk(2, dim=-1)
        last = inside.sum(1, keepdim=True).clamp(min=1) - 1
        ends = right.gather(1, last.expand(-1, 1, right.shape[-1]))[:, 0], left[:, 0]
        largest = states.masked_fill(~inside, float("-inf")).amax(1)
        mean = states.masked_fill(~inside, 0.0).sum(1) / (last[:, 0] + 1)
        logits = self.classifier(torch.cat([*ends, largest, mean], dim=-1))
        return SequenceClassifierOutput(logits=logits, hidden_states=outputs.hidden_states)


class LstmForTokenClassification(LstmPreTrainedModel):
    """A tag for each word."""

    def __init__(self, config: LstmConfig) -> None:
        super().__init__(config)
        self.lstm = LstmModel(config)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels or 1)
        self.post_init()

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, **wanted: Any
    ) -> TokenClassifierOutput:
        """Logits float [texts, words, tags]."""
        outputs = self.lstm(input_ids, attention_mask, **wanted)
        logits = self.classifier(outputs.last_hidden_state)
        return TokenClassifierOutput(logits=logits, hidden_states=outputs.hidden_states)


def _turned(input_ids: torch.Tensor, attention_mask: torch.Tensor | None) -> torch.Tensor:
    """Which word stands at each place when a text is turned round: int64 [texts, words]; padding stays."""
    places = torch.arange(input_ids.shape[1], device=input_ids.device).expand_as(input_ids)
    if attention_mask is None:
        return places.flip(1)
    lengths = attention_mask.sum(1, keepdim=True)
    return torch.where(places < lengths, lengths - 1 - places, places)


def _turn(states: torch.Tensor, turned: torch.Tensor) -> torch.Tensor:
    return states.gather(1, turned.expand(-1, -1, states.shape[-1]))


AutoConfig.register(LstmConfig.model_type, LstmConfig, exist_ok=True)
AutoModelForCausalLM.register(LstmConfig, LstmForLanguageModeling, exist_ok=True)
AutoModelForSequenceClassification.register(LstmConfig, LstmForSequenceClassification, exist_ok=True)
AutoModelForTokenClassification.register(LstmConfig, LstmForTokenClassification, exist_ok=True)
