"""What models that are a few NumPy arrays share: their file, and answers out of logits."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

WEIGHTS = "model.safetensors"


def load_arrays(folder: Path, names: Sequence[str]) -> list[np.ndarray]:
    """The arrays of these names in the folder's model.safetensors, with the shapes and dtypes that they have there.

    Raises:
        ValueError: the file cannot be read, or one is missing.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays = load_file(folder / WEIGHTS)
        return [arrays[name] for name in names]
    except (OSError, KeyError, SafetensorError) as error:
        raise ValueError(f"{WEIGHTS} cannot be read: {error}") from None


def answers_of(target: str, logits: np.ndarray) -> np.ndarray:
    """Probabilities, float64 [rows, labels], of logits of the same shape; for a number its values [rows, 1]."""
    if target == "number":
        return logits
    if target == "multi_label":
        with np.errstate(over="ignore"):
            return 1 / (1 + np.exp(-logits))
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
