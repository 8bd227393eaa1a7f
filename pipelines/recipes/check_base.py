"""A first look at a recipe's base models, before anything is started: are they there, and can they be used?"""

import re
from collections.abc import Callable
from pathlib import Path

from stillhouse.components.artifacts.adapters import join_address, split_address
from stillhouse.components.artifacts.base_facts import look, whole_address
from stillhouse.components.artifacts.chosen_base import AUTO, is_auto, otherwise_of
from stillhouse.components.artifacts.weights_file import is_weights_file, waits_for_torch
from stillhouse.components.inspect.bases import CHAMPION, from_champion
from stillhouse.components.storage.urls import is_local, local_path
from stillhouse.errors import UserError

NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
"""What may be the name of a model on a hub."""


def settle_base(base: str, folder: Path, key: str, place: str) -> str:
    """The base with each folder in it as an absolute path; folders are looked at, other addresses are left to inspect.

    Args:
        base: As the recipe gives it: an address, `ADAPTERS, on BASE`, or `auto` or `champion`, alone or with
            `, else ADDRESS`.
        folder: That relative paths are meant from.
        key: Of the recipe, for the sentences.
        place: File and line of it.

    Raises:
        UserError: a folder is not there, or holds no model that can be used.
    """
    try:
        if from_champion(base, None) is not None:
            otherwise = CHAMPION.fullmatch(base.strip())
            named = otherwise and otherwise["otherwise"]
            return f"champion, else {settle_base(named, folder, key, place)}" if named else base
        if is_auto(base):
            named = otherwise_of(base)
            return f"auto, else {settle_base(named, folder, key, place)}" if named else AUTO
        settled = _each(base, lambda part: _absolute(part, folder, key))
        parts = split_address(settled) or (settled,)
        if settled and all(_is_seen(part) for part in parts):
            look(whole_address(settled))
    except UserError as error:
        raise UserError(str(error) if str(error).startswith(place) else f"{place}: {error}") from None
    return settled


def _is_seen(address: str) -> bool:
    """Whether it lies on this machine and can be looked at with what is installed."""
    return is_local(address) and not address.startswith("models:/") and not waits_for_torch(address)


def _each(base: str, change: Callable[[str], str]) -> str:
    both = split_address(base)
    return join_address(change(both[0]), change(both[1])) if both else change(base)


def _absolute(base: str, folder: Path, key: str) -> str:
    if not base or "://" in base or base.startswith("models:/"):
        return base
    path = local_path(str(folder / base if not base.startswith("~") else base))
    if path.is_dir() or (path.is_file() and is_weights_file(base)):
        return str(path.resolve())
    if path.exists():
        raise UserError(
            f"{key} '{base}' is a file; name the folder of a model, or a ResNet of torchvision (.pth, .pt)."
        )
    hub = f", or write hf://{base} for a model of the Hugging Face hub" if NAME.fullmatch(base) else ""
    raise UserError(f"there is no folder '{path}'; correct {key}{hub}.")
