"""Networks on a table's columns: new ones, and those in a folder with the columns that they were made for."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from stillhouse.components.modalities.tabular.columns import Columns
from stillhouse.components.modalities.tabular.encode import cardinalities, features, scaled
from stillhouse.components.models.boosted_trees import BoostedTrees
from stillhouse.components.models.loaded import LoadedModel, baseline_in, model_json, network_in
from stillhouse.components.models.tabular_settings import TabularArchitecture
from stillhouse.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

COLUMNS = "columns.json"
"""In a model's folder: how it reads a row."""


def new_model(
    columns: Columns, architecture: TabularArchitecture, head: Mapping[str, Any] | None = None
) -> "PreTrainedModel":
    """A network of random weights (torch's generator draws them).

    Args:
        head: num_labels, id2label, label2id and problem_type; None: a denoising autoencoder.
    """
    from stillhouse.components.models.tabular import TabularConfig, TabularForDenoising, TabularForPrediction

    config = TabularConfig(
        network=architecture.network,
        num_numbers=len(features(columns)),
        cardinalities=cardinalities(columns),
        edges=bin_edges(columns, architecture.bins),
        hidden_size=architecture.width,
        num_hidden_layers=architecture.layers,
        num_attention_heads=1 if architecture.network == "mlp" else architecture.heads,
        intermediate_size=architecture.feed_forward or 2 * architecture.width,
        category_size=architecture.category_width,
        hidden_dropout_prob=architecture.dropout,
        **(head or {}),
    )
    return TabularForDenoising(config) if head is None else TabularForPrediction(config)


def under_head(
    start: str | None,
    columns: Columns,
    architecture: TabularArchitecture | None,
    head: Mapping[str, Any],
    answers_otherwise: Callable[[Mapping[str, Any]], bool],
) -> LoadedModel:
    """The network in the folder `start` with the columns that it reads, else random weights for `columns`, under a
    head; that of the folder where it answers the same.

    Args:
        head: as of `new_model`.
        answers_otherwise: given the folder's model.json ({} where it has none), whether its head is of no use.

    Raises:
        UserError: the folder holds no such network.
    """
    from stillhouse.components.models.layers import output_layer

    if not start:
        return LoadedModel(new_model(columns, architecture or TabularArchitecture(), head), columns)
    loaded = load_model(Path(start), head)
    if answers_otherwise(model_json(Path(start))):
        output_layer(loaded.model).reset_parameters()
    return loaded


def smaller(teacher: "PreTrainedModel") -> dict[str, Any]:
    """The shape of a student, as a recipe would give it: dense layers, half as wide and a third as many."""
    config: Any = teacher.config
    layers, width = max(1, config.num_hidden_layers // 3), max(8, config.hidden_size // 2)
    return {"network": "mlp", "layers": layers, "width": width, "dropout": 0.0}


def autoencoder(start: str, columns: Columns, architecture: TabularArchitecture) -> LoadedModel:
    """The same as a denoising autoencoder.

    Raises:
        UserError: as above.
    """
    return load_model(Path(start), denoises=True) if start else LoadedModel(new_model(columns, architecture), columns)


def load_trees(folder: Path, info: dict[str, Any]) -> LoadedModel:
    """Boosted trees with the columns that they read; `info` is their model.json.

    Raises:
        UserError: they cannot be read.
    """
    return baseline_in(BoostedTrees, folder, info, Columns.model_validate(info["fitted"]))


def load_trained(folder: Path, info: dict[str, Any], device: str) -> LoadedModel:
    """A trained network on `device`, ready to answer; `info` is its model.json.

    Raises:
        UserError: as above.
    """
    return load_model(folder, info=info).answering(device)


def load_model(
    folder: Path, head: Mapping[str, Any] | None = None, *, denoises: bool = False, info: dict[str, Any] | None = None
) -> LoadedModel:
    """The network in a folder, and the columns that it reads; under a new head where the folder has none of that size.

    Args:
        head: as of `new_model`; None: the folder's own.
        denoises: take it as a denoising autoencoder.
        info: its model.json.

    Raises:
        UserError: the folder holds no such model, or not all of it.
    """
    from stillhouse.components.models.tabular import TabularForDenoising, TabularForPrediction

    columns, kind = read_columns(folder), TabularForDenoising if denoises else TabularForPrediction
    model, found = network_in(kind, folder, ignore_mismatched_sizes=True, **(head or {}))
    mismatched = {entry[0] for entry in found["mismatched_keys"]}
    is_asked_for_all = head is None and not denoises
    lost = sorted(n for n in {*found["missing_keys"], *mismatched} if is_asked_for_all or n.startswith("tabular."))
    floats, places = len(features(columns)), cardinalities(columns)
    if lost or (model.config.num_numbers, list(model.config.cardinalities or [])) != (floats, places):
        what = f"it lacks {lost[0]}" if lost else f"its {COLUMNS} is of another model"
        raise UserError(f"model '{folder}': {what}; copy the whole folder again, or take another version.")
    return LoadedModel(model, columns, info or {})


def weights_per_row(model: "PreTrainedModel") -> int:
    """Weights that a row is multiplied with: those of the layers once for each of its tokens."""
    from stillhouse.components.models.layers import layer_list, num_parameters

    config: Any = model.config
    tokens = 1 if config.network == "mlp" else 1 + config.num_numbers + len(config.cardinalities or [])
    return num_parameters(layer_list(model)) * tokens


def write_columns(columns: Columns, folder: Path) -> None:
    """Write them beside the weights."""
    (folder / COLUMNS).write_text(columns.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_columns(folder: Path) -> Columns:
    """What `write_columns` wrote.

    Raises:
        UserError: it is not there, or is not that.
    """
    try:
        return Columns.parse((folder / COLUMNS).read_text(encoding="utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError):
        raise UserError(
            f"model '{folder}': {COLUMNS}, which says how it reads a row, is not there or cannot be read; copy the "
            "whole folder again, or take another version."
        ) from None


def bin_edges(columns: Columns, bins: int) -> list[list[float]]:
    """For each float of `Encoded.numbers` the edges of up to `bins` bins with equal shares of the training rows, fewer
    where values recur; none for parts of dates and for what says that a value is missing."""
    edges: list[list[float]] = []
    by_name = {column.name: column for column in columns.numeric}
    for feature in features(columns):
        column = by_name[feature.column]
        if feature.part != "value" or bins == 1:
            edges.append([])
            continue
        quantiles = np.array(column.quantiles)
        chosen = quantiles[np.linspace(0, len(quantiles) - 1, bins + 1).round().astype(int)]
        distinct = np.unique(scaled(column, chosen).astype(np.float32))
        edges.append(distinct.tolist() if len(distinct) > 1 else [])
    return edges
