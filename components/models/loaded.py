"""A model in memory, with what belongs to it."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stillhouse.components.safety.model_folders import refuse_unsafe
from stillhouse.errors import UserError

if TYPE_CHECKING:
    from torch import nn
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

    def answering(self, device: str) -> "LoadedModel":
        """The same, its network on `device` and ready to answer."""
        network: nn.Module = self.model
        network.to(device).eval()
        return self


def baseline_in(kind: Any, folder: Path, info: dict[str, Any], processor: Any = None) -> LoadedModel:
    """A baseline that was promoted. It answers on the processor, wherever it is asked to: there is nothing in it that a
    GPU would be quicker at.

    Args:
        kind: its class, with `load(folder, target)`.
        info: its model.json.

    Raises:
        UserError: it cannot be read.
    """
    try:
        model = kind.load(folder, info["target"])
    except ValueError as error:
        raise UserError(f"model '{folder}': {error}; copy it again, or take another version.") from None
    return LoadedModel(model, processor, info)


def network_in(kind: Any, folder: Path, **options: Any) -> tuple[Any, dict[str, Any]]:
    """A network of an architecture of ours in a folder, float32 from safetensors, and what transformers says of how its
    weights fitted.

    Args:
        kind: its class.
        options: of the configuration, or of `from_pretrained`.

    Raises:
        UserError: it cannot be loaded.
    """
    from safetensors import SafetensorError

    from stillhouse.components.models.quiet import quiet

    quiet()
    try:
        return kind.from_pretrained(
            str(folder),
            use_safetensors=True,
            local_files_only=True,
            dtype="float32",
            output_loading_info=True,
            **options,
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise UserError(
            f"model '{folder}' cannot be loaded ({str(error).strip().splitlines()[0].rstrip('.')}); take another "
            "version, or train it again."
        ) from None


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
