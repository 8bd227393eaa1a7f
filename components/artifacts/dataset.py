"""The dataset folder: what prepare writes and every later step reads."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stillhouse.errors import UserError

SLICE_PREFIX = "slice_"


@dataclass(frozen=True)
class Split:
    """The labelled rows of one split."""

    texts: list[str]
    targets: np.ndarray
    """int64 [rows] class indices, float32 [rows, labels] multi-hot or float64 [rows]."""
    hashes: np.ndarray
    """int64 [rows]: the first 16 hex digits of each row's hash, as in a model's training_rows.safetensors."""
    slices: dict[str, list[str]]
    """Values of each slice column."""

    def __len__(self) -> int:
        return len(self.texts)


def read_dataset_json(dataset: Path) -> dict[str, Any]:
    """The dataset's dataset.json."""
    return json.loads((dataset / "dataset.json").read_text(encoding="utf-8"))


def read_split(dataset: Path, name: str, slices: Sequence[str] = ()) -> Split:
    """Read a labelled split.

    Raises:
        UserError: a column of `slices` is not in the dataset.
    """
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(dataset / f"{name}.parquet")
    missing = next((column for column in slices if SLICE_PREFIX + column not in table.column_names), None)
    if missing is not None:
        raise UserError(
            f"evaluate: slices names the column '{missing}', which the dataset does not hold; "
            "take it out, or name it in the slices of prepare, too."
        )
    targets = np.array(table["label"].to_pylist())
    return Split(
        texts=table["text"].to_pylist(),
        targets=targets.astype(np.float32) if targets.ndim == 2 else targets,
        hashes=short_hashes(table["hash"].to_pylist()),
        slices={column: table[SLICE_PREFIX + column].to_pylist() for column in slices},
    )


def read_unlabelled(dataset: Path) -> list[str]:
    """Texts of the split without labels."""
    import pyarrow.parquet

    return pyarrow.parquet.read_table(dataset / "unlabelled.parquet", columns=["text"])["text"].to_pylist()


def short_hashes(hashes: list[str]) -> np.ndarray:
    """int64 [rows] of the first 16 hex digits of each hash, the sign bit included."""
    return np.array([int(text[:16], 16) for text in hashes], dtype=np.uint64).view(np.int64)
