"""Under which licence a base model is, as what lies beside its weights says."""

from importlib import metadata

import yaml

from stillhouse.components.storage.model_files import ModelFiles
from stillhouse.components.storage.packages import is_package, package_of

CARD = "README.md"
"""Hugging Face's model card, which begins with metadata in YAML between two lines of dashes."""
LARGEST = 1 << 20
"""Bytes of a card that is read."""
FENCE = "---"


def licence_of(address: str, files: ModelFiles) -> str:
    """The licence by its model card, else that of its package; empty where neither says it."""
    return _of_card(files) or (_of_package(address) if is_package(address) else "")


def _of_card(files: ModelFiles) -> str:
    if not 0 < files.sizes.get(CARD, 0) <= LARGEST:
        return ""
    lines = files.read(CARD).decode("utf-8", "replace").splitlines()
    if not lines or lines[0].strip() != FENCE or FENCE not in lines[1:]:
        return ""
    try:
        about = yaml.safe_load("\n".join(lines[1 : lines.index(FENCE, 1)]))
    except yaml.YAMLError:
        return ""
    named = about.get("license") if isinstance(about, dict) else None
    return ", ".join(map(str, named)) if isinstance(named, list) else str(named or "")


def _of_package(address: str) -> str:
    try:
        about = metadata.metadata(package_of(address))
    except metadata.PackageNotFoundError:
        return ""
    return next((about[name] for name in ("License-Expression", "License") if about[name]), "")
