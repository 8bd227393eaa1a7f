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
    """Look at everything in `folder` and its subfolders, before any of it is opened.

    Raises:
        UserError: a link leads out of `folder`, or nowhere; something is neither file nor folder (a pipe would be
            waited on for ever); a subfolder cannot be looked into, which would leave its files out unseen.
    """
    root = folder.resolve()
    for parent, folders, files in os.walk(root, onerror=_refuse_unreadable):
        for path in (Path(parent) / name for name in (*folders, *files)):
            name = path.relative_to(root)
            if path.is_symlink() and not (_leads_somewhere(path) and path.resolve().is_relative_to(root)):
                raise UserError(f"'{folder}': '{name}' is a link out of the folder; put the file itself there.")
            if not (path.is_file() or path.is_dir()):
                raise UserError(f"'{folder}': '{name}' is a pipe, a socket or a device; take it out.")


def _refuse_unreadable(error: OSError) -> None:
    raise UserError(f"cannot look into '{error.filename}': {error.strerror}; fix its permissions, or take it out.")


def _leads_somewhere(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a circle of links
        return False
