"""A model in memory, with what belongs to it."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stillhouse.components.safety.model_folders import refuse_unsafe
from stillhouse.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory."""

    model: "PreTrainedModel"
    processor: Any
    """Makes of examples what the model is given: a tokenizer, a picture's preprocessing, a table's columns."""
    info: dict[str, Any] = field(default_factory=dict)
    """Its model.json; empty of one that is being made."""
    notes: dict[str, str] = field(default_factory=dict)
    """What must be said of how it was read: one sentence by name. The run's first lines and the report say it."""


def info_of_trained(folder: Path) -> dict[str, Any]:
    """The model.json of a folder that a step wrote and that is safe to be read further.

    Raises:
        UserError: the folder holds no model of ours, or files that could run code.
    """
    if not (folder / "model.json").is_file() or not (folder / "model.safetensors").is_file():
        raise UserError(
            f"{folder} holds no model: model.json and model.safetensors are needed; give the folder a step wrote."
        )
    refuse_unsafe(folder)
    return json.loads((folder / "model.json").read_text(encoding="utf-8"))


def model_json(folder: Path) -> dict[str, Any]:
    """What the model.json of a folder says; nothing where it has none, as one that others wrote."""
    path = folder / "model.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
