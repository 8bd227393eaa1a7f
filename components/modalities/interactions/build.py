"""Autoencoders on histories: new ones, and those in folders, for the items of a dataset."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from stillhouse.components.modalities.interactions.items import ItemIndex
from stillhouse.components.modalities.interactions.settings import RecommenderArchitecture
from stillhouse.components.models.loaded import LoadedModel, info_of_trained, network_in
from stillhouse.errors import UserError

if TYPE_CHECKING:
    import torch

    from stillhouse.components.models.recommender import RecommenderModel


def new_recommender(index: ItemIndex, architecture: RecommenderArchitecture | None, **changed: Any) -> LoadedModel:
    """Random weights for the items of `index`.

    Args:
        architecture: its shape; None: the default one.
        changed: options of RecommenderConfig that count in place of its own.
    """
    from stillhouse.components.models.recommender import RecommenderConfig, RecommenderModel

    shape = architecture or RecommenderArchitecture()
    options: dict[str, Any] = {
        "num_items": len(index.items),
        "hidden_size": shape.width,
        "latent_size": shape.code,
        "num_hidden_layers": shape.layers,
        "variational": shape.variational,
        "hidden_dropout_prob": shape.dropout,
    }
    return LoadedModel(RecommenderModel(RecommenderConfig(**{**options, **changed})), index)


def recommender_for(index: ItemIndex, folder: str) -> LoadedModel:
    """The model in `folder` for the items of `index`: those that it knows keep their weights, others begin anew, and
    what is no more among them goes.

    Raises:
        UserError: the folder holds no such model.
    """
    model, known = _read(Path(folder))
    if list(known.items) == list(index.items):
        return LoadedModel(model, index)
    import torch

    moved: Any = new_recommender(index, None, **_shape(model)).model
    ours, theirs = _pairs(known, index)
    new, old = moved.state_dict(), model.state_dict()
    with torch.no_grad():
        for name, tensor in old.items():
            if name in _OF_ITEMS:
                new[name][ours] = tensor[theirs]
            else:
                new[name].copy_(tensor)
    return LoadedModel(moved, index)


def narrower(teacher: Any) -> dict[str, Any]:
    """The shape of a student, as a recipe would give it: a quarter of the teacher's width and half of its code; nearly
    all of a recommender's weights are the items', so that fewer layers would save nothing."""
    config = teacher.config
    return {
        "layers": config.num_hidden_layers,
        "width": max(4, config.hidden_size // 4),
        "code": max(2, config.latent_size // 2),
        "variational": config.variational,
        "dropout": config.hidden_dropout_prob,
    }


_OF_ITEMS = ("encoder.embeddings.weight", "output.weight", "output.bias")
"""Weights that have a row for each item."""


def load_recommender(folder: Path, device: str) -> LoadedModel:
    """A trained model on `device`, ready to answer.

    Raises:
        UserError: the folder holds none of ours.
    """
    info = info_of_trained(folder)
    return LoadedModel(*_read(folder), info).answering(device)


def _read(folder: Path) -> "tuple[RecommenderModel, ItemIndex]":
    from stillhouse.components.models.recommender import RecommenderModel

    index = ItemIndex.read(folder)
    model, info = network_in(RecommenderModel, folder)
    if info["missing_keys"] or model.config.num_items != len(index.items):
        raise UserError(
            f"model '{folder}': its weights are not those of {len(index.items):,} items; copy the whole folder again, "
            "or take another version."
        )
    return model, index


def _shape(model: "RecommenderModel") -> dict[str, Any]:
    config = model.config
    names = ("hidden_size", "latent_size", "num_hidden_layers", "variational", "hidden_dropout_prob")
    return {name: getattr(config, name) for name in names}


def _pairs(known: ItemIndex, wanted: ItemIndex) -> "tuple[torch.Tensor, torch.Tensor]":
    """Items that both have: int64 [items], their numbers among the wanted ones and among the known ones."""
    import torch

    numbers = known.numbers(list(wanted.items))
    both = numbers < len(known.items)
    return torch.from_numpy(both.nonzero()[0]), torch.from_numpy(numbers[both])
