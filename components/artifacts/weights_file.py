"""A base that is one file of weights, as torchvision publishes its ResNets, and the folder that is made of it."""

import importlib.util
from pathlib import Path

from stillhouse.components.config.home import home_folder
from stillhouse.components.storage.digests import digest_json, sha256_bytes, sha256_file
from stillhouse.components.storage.disk import mark_used, staged_folder, sync_folder, writing
from stillhouse.components.storage.home import FETCHED
from stillhouse.components.storage.sources import fetch_source
from stillhouse.components.storage.urls import is_local
from stillhouse.errors import UserError

ENDS = (".pth", ".pt")
"""How the names of such files end."""
MADE_BY = "torchvision ResNet, 1"
"""How the folder is made; another number where that changes."""


def is_weights_file(address: str) -> bool:
    """Whether an address names a file of weights: a path, or s3://bucket/key."""
    return address.lower().endswith(ENDS) and (is_local(address) or address.startswith("s3://"))


def waits_for_torch(address: str) -> bool:
    """Whether the file can only be looked at where torch is, which the image of the light steps lacks."""
    return is_weights_file(address) and importlib.util.find_spec("torch") is None


def folder_of(address: str) -> Path:
    """The folder of the same network as transformers writes it, kept in the home folder under the file's digest.

    Raises:
        UserError: the file is not there, or does not hold the state_dict of a ResNet of torchvision.
    """
    home = home_folder() / FETCHED
    try:
        (path,) = fetch_source(address, home / sha256_bytes(address.encode()))
    except UserError as error:
        raise UserError(str(error).replace("source '", "base '", 1)) from None
    folder = home / digest_json([MADE_BY, sha256_file(path)])
    if not folder.is_dir():
        _write(path, folder, address)
    mark_used(folder)
    return folder


def _write(path: Path, folder: Path, address: str) -> None:
    from stillhouse.components.modalities.image.preprocessing import PUBLISHED
    from stillhouse.components.models.torchvision_resnet import NotAResNet, read_state_dict, resnet_of

    try:
        model = resnet_of(read_state_dict(path))
    except NotAResNet as error:
        raise UserError(f"base '{address}': {error}.") from None
    with writing(folder), staged_folder(folder) as staged:
        model.save_pretrained(staged)
        PUBLISHED.save(staged)
        sync_folder(staged)
        staged.rename(folder)
