"""The dataset folder: what prepare writes and every later step reads."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stillhouse.components.artifacts.examples import SLICE_PREFIX, Examples
from stillhouse.errors import UserError


def read_dataset_json(dataset: Path) -> dict[str, Any]:
    """The dataset's dataset.json."""
    return json.loads((dataset / "dataset.json").read_text(encoding="utf-8"))


def read_split(dataset: Path, name: str, slices: Sequence[str] = ()) -> Examples:
    """Read a split: train, validation, test or unlabelled.

    Raises:
        UserError: a column of `slices` is not in the dataset.
    """
    import pyarrow.parquet

    examples = Examples(pyarrow.parquet.read_table(dataset / f"{name}.parquet"))
    missing = next((column for column in slices if SLICE_PREFIX + column not in examples), None)
    if missing is not None:
        raise UserError(
            f"evaluate: slices names the column '{missing}', which the dataset does not hold; "
            "take it out, or name it in the slices of prepare, too."
        )
    return examples
