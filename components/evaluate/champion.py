"""The champion: found, and compared only on rows it never saw."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stillhouse.components.artifacts.dataset import Split
from stillhouse.components.artifacts.fetch import fetch_model
from stillhouse.components.artifacts.model import TRAINING_ROWS, read_model_json


@dataclass(frozen=True)
class Champion:
    """A champion that can be compared."""

    folder: Path
    unseen: np.ndarray
    """bool [test rows]: not among the champion's training and validation rows."""


def open_champion(entry: str, card: dict[str, Any], test: Split) -> tuple[Champion | None, str]:
    """Find the champion of `entry`, the JSON that inspect hands on; "" means that there is none.

    Args:
        card: the dataset's dataset.json.

    Returns:
        The champion, or None with a sentence that says why it is left out ("" when there is none at all).

    Raises:
        UserError: the champion's model is not where its record says.
    """
    from safetensors.numpy import load_file

    if not entry:
        return None, ""
    record = json.loads(entry)
    name = f"champion (version {record['version']})" if record.get("version") else "champion"
    folder = fetch_model(record["uri"])
    info = read_model_json(folder)
    if (info["target"], info["labels"]) != (card["target"], card["labels"]):
        theirs, ours = (", ".join(labels) or "numbers" for labels in (info["labels"], card["labels"]))
        return None, f"The {name} is left out: it answers with {theirs}, the dataset with {ours}."
    unseen = ~np.isin(test.hashes, load_file(folder / TRAINING_ROWS)["hashes"])
    if not unseen.any():
        return None, f"The {name} is left out: it was trained on every one of the test rows."
    return Champion(folder, unseen), ""
