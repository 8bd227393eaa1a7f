"""A model in memory, with what belongs to it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory."""

    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerFast"
    info: dict[str, Any]
    """Its model.json."""
    notes: dict[str, str] = field(default_factory=dict)
    """What must be said of how it was read: one sentence by name. The run's first lines and the report say it."""
