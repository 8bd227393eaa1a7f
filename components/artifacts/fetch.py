"""Brings a model, wherever it is, into a local folder."""

import os
import shutil
from pathlib import Path

from filelock import FileLock

from stillhouse.components.artifacts.kept import AT_HAND, place_of
from stillhouse.components.models.safe import refuse_unsafe
from stillhouse.components.storage.digests import sha256_bytes
from stillhouse.components.storage.home import FETCHED, home_folder
from stillhouse.components.storage.hub import guarded_hub
from stillhouse.components.storage.store import FileStore, NotFound, Store, open_store
from stillhouse.errors import UserError

SAFE_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "tokenizer*"]
"""What is taken from a hub: weights as safetensors, no pickle, no code."""

LOCK = "fetch.lock"
"""In the home folder: one process at a time makes a copy, and those that train together all want the same."""


def fetch_model(address: str) -> Path:
    """The folder of the model at `address`.

    It is a folder, s3://bucket/prefix, hf://name[@revision], models:/name/version, or store://key in the store at hand.

    Raises:
        UserError: there is no model, none as safetensors, or one that asks for code of its own.
    """
    home_folder().mkdir(parents=True, exist_ok=True)
    with FileLock(home_folder() / LOCK):
        folder = _fetch(address)
    if not (folder / "config.json").is_file() or not any(folder.glob("model*.safetensors")):
        raise UserError(
            f"model '{address}': config.json and model.safetensors are needed and not both there; "
            "save it with save_pretrained(folder, safe_serialization=True)."
        )
    refuse_unsafe(folder)
    return folder


def _fetch(address: str) -> Path:
    if address.startswith("hf://"):
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

        name, _, revision = address.removeprefix("hf://").partition("@")
        try:
            with guarded_hub():
                return Path(snapshot_download(name, revision=revision or None, allow_patterns=SAFE_FILES))
        except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
            reason = str(error).strip().splitlines()[0]
            raise UserError(f"model '{address}': {reason}; check the name, or name a folder.") from None
    if address.startswith("models:/"):
        from stillhouse.components.tracking.registry import resolve

        return Path(resolve(address))
    if address.startswith(AT_HAND):
        store, key = place_of(address)
        return _in_place(store, key) if isinstance(store, FileStore) else _from_store(store, key, store.uri(key))
    if address.startswith("s3://"):
        parent, _, key = address.rstrip("/").rpartition("/")
        return _from_store(open_store(parent), key, address)
    if not Path(address).is_dir():
        raise UserError(f"model folder '{address}' does not exist; check the path.")
    return Path(address)


def _in_place(store: FileStore, key: str) -> Path:
    folder = store.root / key
    if not folder.is_dir():
        raise UserError(f"model '{folder}' does not exist; bring it back, or check the store.")
    return folder


def _from_store(store: Store, key: str, address: str) -> Path:
    """A copy that is kept under the digest of its manifest, and taken again as long as it is whole."""
    try:
        manifest = store.manifest(key)
        folder = home_folder() / FETCHED / sha256_bytes(manifest.dump())
        if not (folder.is_dir() and manifest.matches(folder)):
            shutil.rmtree(folder, ignore_errors=True)
            store.get_folder(key, folder, manifest)
    except NotFound:
        raise UserError(f"model '{address}' does not exist; check the address.") from None
    for path in folder.iterdir():  # in use: the sweep goes by age
        os.utime(path)
    return folder
