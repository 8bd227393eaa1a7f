"""Kinds of problems: one file each. `task: name` in a recipe is a file here, or an entry point `stillhouse.tasks`."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from stillhouse.components.models.loaded import LoadedModel
from stillhouse.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import nn
    from transformers import PreTrainedTokenizerFast

    from stillhouse.components.models.settings import Architecture


class Task(Protocol):
    """What a kind of problem knows; a module with these functions is one."""

    OBJECTIVES: tuple[str, ...]
    """Pretraining objectives that it has."""

    def new_backbone(
        self, texts: Sequence[str], architecture: "Architecture", objective: str, base: str
    ) -> LoadedModel:
        """A model for pretraining: `base` gone on with, or random weights and a tokenizer learnt from `texts`."""
        ...

    def pretraining_samples(
        self,
        loaded: LoadedModel,
        texts: Sequence[str],
        objective: str,
        *,
        mask_probability: float,
        max_length: int,
        seed: int,
    ) -> Any:
        """Samples of self-supervised learning."""
        ...

    def pretraining_loss(self, model: "nn.Module", batch: "Mapping[str, torch.Tensor]") -> "tuple[torch.Tensor, int]":
        """Sum of the cross-entropies of predicted tokens, and how many were predicted."""
        ...

    def with_new_head(
        self,
        start: str | None,
        texts: Sequence[str],
        architecture: "Architecture | None",
        info: dict[str, Any],
        dropout: float | None = None,
        tokenizer: "PreTrainedTokenizerFast | None" = None,
    ) -> LoadedModel:
        """The backbone at `start` (a folder; None: random weights) under a new head for `info`'s labels."""
        ...

    def labelled_samples(
        self,
        loaded: LoadedModel,
        texts: Sequence[str],
        targets: "np.ndarray",
        *,
        max_length: int,
        augment: float,
        seed: int,
    ) -> Any:
        """Samples with targets; `augment` changes each epoch's view."""
        ...

    def loss(self, target: str, *, class_weights: "np.ndarray | None", label_smoothing: float) -> "Callable[..., Any]":
        """The loss of fine-tuning: (model, batch) -> sum and number of rows."""
        ...

    def outputs_of(self, model: "nn.Module", batch: "Mapping[str, torch.Tensor]", **options: Any) -> Any:
        """The model's output, with `logits`."""
        ...

    def logits_of(self, model: "nn.Module", batch: "Mapping[str, torch.Tensor]") -> "torch.Tensor":
        """Logits float32 [rows, labels]."""
        ...

    def score_samples(self, model: "nn.Module", samples: Any, target: str) -> "np.ndarray":
        """Answers of `model` for samples already tokenised, as `score` gives them."""
        ...

    def load_model(self, path: str | Path, device: str = "cpu") -> LoadedModel:
        """A trained model, ready to answer."""
        ...

    def score(
        self,
        loaded: LoadedModel,
        texts: Sequence[str],
        *,
        batch_tokens: int = 8192,
        progress: Callable[[int], None] | None = None,
    ) -> "np.ndarray":
        """Probabilities float32 [rows, labels], or values [rows, 1] for a number."""
        ...


def load_task(name: str | Task) -> Task:
    """The task `name`: a file of this folder, else an entry point of the group `stillhouse.tasks`; nothing else is
    importable. A task itself is taken as it is.

    Raises:
        UserError: there is no such task.
    """
    if not isinstance(name, str):
        return name
    if name in _own_tasks():
        return cast(Task, import_module(f"{__name__}.{name}"))
    found = entry_points(group="stillhouse.tasks", name=name)
    if not found:
        raise UserError(f"task '{name}' is unknown; use one of: {', '.join(known_tasks())}.")
    return cast(Task, next(iter(found)).load())


def known_tasks() -> list[str]:
    """Names that `load_task` takes."""
    return sorted({*_own_tasks(), *(point.name for point in entry_points(group="stillhouse.tasks"))})


def _own_tasks() -> set[str]:
    return {path.stem for path in Path(__file__).parent.glob("[a-z]*.py")}
