"""Brings a model, wherever it is, into a local folder."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock

from stillhouse.components.artifacts.adapters import Change, changes, look_at_adapters, merge, split_address
from stillhouse.components.artifacts.base_folder import (
    ADAPTER_WEIGHTS,
    is_adapter,
    is_baseline,
    is_of_own_architecture,
    look_at,
)
from stillhouse.components.artifacts.kept import AT_HAND, place_of
from stillhouse.components.artifacts.weights_file import folder_of, is_weights_file
from stillhouse.components.config.home import home_folder
from stillhouse.components.safety.model_folders import refuse_unsafe
from stillhouse.components.storage.digests import digest_folder, digest_json, sha256_bytes
from stillhouse.components.storage.disk import mark_used, staged_folder, sync_folder, writing
from stillhouse.components.storage.home import FETCHED
from stillhouse.components.storage.hub import guarded_hub
from stillhouse.components.storage.model_files import model_files
from stillhouse.components.storage.packages import check_package, is_package, package_folder
from stillhouse.components.storage.store import FileStore, NotFound, Store, open_store
from stillhouse.errors import UserError

SAFE_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "tokenizer*"]
"""What is taken from a hub: weights as safetensors, no pickle, no code."""

KEPT = {".json", ".txt", ".model"}
"""Ends of the small files that a base has beside its weights."""
TOKENIZER = ("tokenizer", "special_tokens_map", "added_tokens", "vocab", "merges", "spiece", "sentencepiece")
"""How the files of a tokenizer begin."""

LOCK = "fetch.lock"
"""In the home folder: one process at a time makes a copy, and those that train together all want the same."""


def fetch_model(address: str, *, as_base: bool = True) -> Path:
    """The folder of the model at `address`; of a folder of sentence-transformers that of the Transformer.

    It is a folder, s3://bucket/prefix, hf://name[@revision], package://name, models:/name/version, store://key in the
    store at hand, a file of torchvision's weights, or `ADAPTERS, on BASE` of these: the adapters merged into the base.

    Args:
        as_base: whether a training is to start from it; else it may also be a model that has no weights for that.

    Raises:
        UserError: there is no model, or none that can be used (`base_folder.look_at`).
    """
    home_folder().mkdir(parents=True, exist_ok=True)
    with FileLock(home_folder() / LOCK):
        both = split_address(address)
        if both:
            return _merged(_fetch(both[0]), _fetch(both[1]))
        folder = _fetch(address)
        files = model_files(str(folder))
        if not as_base and is_baseline(files):
            return folder
        if is_of_own_architecture(files):
            refuse_unsafe(folder)
            return folder
        if is_adapter(files):
            return _merged(folder, _fetch(look_at_adapters(files).base_at_hand()))
    found = look_at(files)
    refuse_unsafe(folder / found.inside)
    return folder / found.inside.rstrip("/") if found.inside else folder


def _merged(folder: Path, base_folder: Path) -> Path:
    """A copy of the base with the adapters merged into it, kept under the digest of both."""
    files = model_files(str(folder))
    base = look_at(model_files(str(base_folder)), tokenizer=False)
    adapters = look_at_adapters(files)
    made = changes(adapters, base)
    target = home_folder() / FETCHED / digest_json([digest_folder(folder), digest_folder(base_folder)])
    if not target.is_dir():
        _write_merged(target, folder, base_folder / base.inside, made)
    look_at(model_files(str(target)))
    mark_used(target)
    return target


def _write_merged(target: Path, folder: Path, base_folder: Path, made: "Mapping[str, Change]") -> None:
    from safetensors.torch import load_file, save_file

    adapters = load_file(folder / ADAPTER_WEIGHTS)
    with writing(target), staged_folder(target) as staged:
        for path in sorted(base_folder.iterdir()):
            if path.suffix in KEPT and path.is_file():
                shutil.copyfile(path, staged / path.name)
        for path in sorted(folder.iterdir()):  # a tokenizer that was saved with the adapters is the one they learnt
            if path.is_file() and path.name.startswith(TOKENIZER):
                shutil.copyfile(path, staged / path.name)
        for path in sorted(base_folder.glob("model*.safetensors")):
            save_file(merge(load_file(path), adapters, made), staged / path.name, {"format": "pt"})
        sync_folder(staged)
        staged.rename(target)


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
    if is_weights_file(address):
        return folder_of(address)
    if is_package(address):
        check_package(address)
        return package_folder(address)
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
    mark_used(folder)
    return folder
