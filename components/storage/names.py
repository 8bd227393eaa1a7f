"""Names that come from outside (keys, manifests, listings) and the paths they may become."""

import os
import re
from pathlib import Path

from stillhouse.errors import UserError

RESERVED = ".stillhouse-"
"""Files whose names begin so are the store's own (temporary files, the lock): no key, and in no listing."""

REFUSED = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")
"""Control characters, the backslash, and half a character, which no UTF-8 name has."""


def check_name(name: str, where: str) -> str:
    """Return `name` if it is a plain relative path with '/' between its parts; `where` says who gave it.

    Raises:
        UserError: it is empty or absolute, or holds '..', '.', an empty part, a character that is refused, or
            a part the store keeps for itself.
    """
    parts = name.split("/")
    odd = REFUSED.search(name) or {"", ".", ".."} & set(parts)
    if odd or any(part.startswith(RESERVED) for part in parts):
        raise UserError(f"{where}: refused the name {name!r}; use a relative path of plain names.")
    return name


def path_inside(folder: Path, name: str, where: str) -> Path:
    """The path of `name` below `folder`.

    Raises:
        UserError: the name is refused by `check_name`, or a link on the way leads out of `folder`.
    """
    path = folder / check_name(name, where)
    if not path.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"{where}: '{name}' is a link out of '{folder}'; put the file itself there.")
    return path


def refuse_links_out(folder: Path) -> None:
    """Look at every link in `folder` and its subfolders.

    Raises:
        UserError: one of them leads out of `folder`, or nowhere.
    """
    root = folder.resolve()
    for parent, folders, files in os.walk(root):
        for path in (Path(parent) / name for name in (*folders, *files)):
            if path.is_symlink() and not (path.exists() and path.resolve().is_relative_to(root)):
                name = path.relative_to(root)
                raise UserError(f"'{folder}': '{name}' is a link out of the folder; put the file itself there.")
