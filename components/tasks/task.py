"""What a kind of problem is: a class that says what its data are and has the methods that the steps call.

Imports no torch: the recipe, the form and prepare read it where there is none.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from stillhouse.components.models.loaded import LoadedModel

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import nn
    from transformers import PreTrainedTokenizerFast

    from stillhouse.components.models.settings import Architecture
    from stillhouse.components.training.batches import Samples


class Field(NamedTuple):
    """A column of the source: what it holds, and whether it is what is learnt."""

    kind: Literal["text", "image", "audio", "number", "label", "tokens", "boxes", "mask", "id", "time"]
    target: bool = False
    required: bool = True
    many: bool = False
    """Several columns may play the part."""


class Unit(NamedTuple):
    """What a batch is counted in."""

    name: str
    """One of them: token, image, row."""
    batch: int
    """Default size of a global batch."""
    micro_batch: int
    """Default bound of one forward pass, padding included."""


class Task(ABC):
    """A kind of problem: a file of this folder or an entry point holds one subclass, with all that is abstract here."""

    fields: ClassVar[Mapping[str, Field]]
    """Columns of its data by name."""
    unit: ClassVar[Unit]
    objectives: ClassVar[Sequence[str]] = ()
    """Pretraining objectives that it has, the first one first choice."""

    @abstractmethod
    def new_backbone(
        self, texts: Sequence[str], architecture: "Architecture", objective: str, base: str
    ) -> LoadedModel:
        """A model for pretraining: the folder `base` gone on with, or random weights and a tokenizer learnt from
        `texts` where it is empty.

        Raises:
            UserError: the base cannot be loaded, or is not one for the objective.
        """

    @abstractmethod
    def pretraining_samples(
        self,
        loaded: LoadedModel,
        texts: Sequence[str],
        objective: str,
        *,
        mask_probability: float,
        max_length: int,
        seed: int,
    ) -> "Samples":
        """Samples of self-supervised learning; what is random in them derives from (seed, epoch, row)."""

    @abstractmethod
    def pretraining_loss(self, model: "nn.Module", batch: "Mapping[str, torch.Tensor]") -> "tuple[torch.Tensor, int]":
        """Sum of the cross-entropies of predicted tokens, a scalar, and how many were predicted."""

    @abstractmethod
    def with_new_head(
        self,
        start: str | None,
        texts: Sequence[str],
        architecture: "Architecture | None",
        info: dict[str, Any],
        dropout: float | None = None,
        tokenizer: "PreTrainedTokenizerFast | None" = None,
    ) -> LoadedModel:
        """The backbone in the folder `start` under a new head for the target and labels in `info`.

        Without `start` random weights of `architecture`, with the given tokenizer or one learnt from `texts`.

        Raises:
            UserError: the model in the folder cannot be loaded.
        """

    @abstractmethod
    def labelled_samples(
        self,
        loaded: LoadedModel,
        texts: Sequence[str],
        targets: "np.ndarray",
        *,
        max_length: int,
        augment: float,
        seed: int,
    ) -> "Samples":
        """Samples with targets (int64 [texts], float [texts, labels] or float [texts]); `augment` above 0 gives each
        epoch a view of its own."""

    @abstractmethod
    def loss(
        self, target: str, *, class_weights: "np.ndarray | None", label_smoothing: float
    ) -> "Callable[[nn.Module, Mapping[str, torch.Tensor]], tuple[torch.Tensor, int]]":
        """The loss of fine-tuning: (model, batch) -> its sum over the rows, a scalar, and their number.

        Args:
            class_weights: float [labels].
        """

    @abstractmethod
    def outputs_of(self, model: "nn.Module", batch: "Mapping[str, torch.Tensor]", **options: Any) -> Any:
        """The model's output, with `logits` float [rows, labels] and what `options` ask for (hidden states,
        attentions)."""

    def logits_of(self, model: "nn.Module", batch: "Mapping[str, torch.Tensor]") -> "torch.Tensor":
        """Logits float [rows, labels]."""
        return self.outputs_of(model, batch).logits

    @abstractmethod
    def score_samples(self, model: "nn.Module", samples: "Samples", target: str) -> "np.ndarray":
        """Answers of `model` for samples, as `score` gives them."""

    @abstractmethod
    def load_model(self, path: str | Path, device: str = "cpu") -> LoadedModel:
        """A trained model, ready to answer.

        Raises:
            UserError: the folder holds no model of ours.
        """

    @abstractmethod
    def score(
        self,
        loaded: LoadedModel,
        texts: Sequence[str],
        *,
        batch_tokens: int = 8192,
        progress: Callable[[int], None] | None = None,
    ) -> "np.ndarray":
        """Probabilities float32 [rows, labels], or values [rows, 1] for a number; nan in a row without an answer.

        Args:
            progress: is told the rows of each batch.
        """
