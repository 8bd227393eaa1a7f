"""URLs of stores and sources: their scheme and their path."""

import re
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from stillhouse.components.safety.addresses import refuse_metadata
from stillhouse.errors import UserError


def scheme_of(url: str, known: tuple[str, ...]) -> str:
    """The scheme of `url`; that of a plain path is 'file'.

    Raises:
        UserError: the scheme is none of `known`, the URL carries a password, or `refuse_metadata` refuses it.
    """
    refuse_metadata(url)
    scheme = url.partition("://")[0].lower() if "://" in url else "file"
    bare = re.sub("//[^/@]*:[^/@]*@", "//", url)
    if url != bare:
        raise UserError(f"'{bare}' was given with a password; take it out, and set AWS_ACCESS_KEY_ID and the like.")
    if scheme not in known:
        choice = ", ".join(f"{name}://" for name in known)
        raise UserError(f"'{without_secrets(url)}': unknown scheme '{scheme}'; use a path or one of: {choice}.")
    return scheme


def is_local(url: str) -> bool:
    """Whether `url` names a place on this machine: a plain path, or a file:// URL."""
    return "://" not in url or url.lower().startswith("file://")


def local_path(url: str) -> Path:
    """The absolute path that a path or a file:// URL names.

    Raises:
        UserError: a file:// URL names another machine, or no path can be written so (a NUL in it, an endless circle of
            links, a folder that may not be looked into).
    """
    parts = urlsplit(url if "://" in url else "")
    if parts.netloc not in {"", "localhost"}:
        raise UserError(f"'{url}' names the machine '{parts.netloc}'; write file:///folder or a plain path.")
    try:
        path = Path(unquote(parts.path)) if "://" in url else Path(url).expanduser().absolute()
        path.resolve()
        with suppress(FileNotFoundError, NotADirectoryError):
            path.stat()
    except (OSError, RuntimeError, ValueError) as error:
        raise UserError(f"'{url}' is not a path that can be looked at ({error}); correct it.") from None
    return path


def without_secrets(url: str) -> str:
    """`url` without user, password and query, for messages."""
    return re.sub(r"//[^/@]*@", "//", url.split("?")[0])
