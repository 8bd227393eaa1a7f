"""URLs of stores and sources: their scheme, their path, and the addresses that none of them may lead to.

Refused are link-local addresses and those where clouds hand out a machine's own credentials.
"""

import ipaddress
import re
import socket
from pathlib import Path
from urllib.parse import unquote, urlsplit

from stillhouse.errors import UserError

METADATA_ADDRESSES = {"fd00:ec2::254", "100.100.100.200", "192.0.0.192"}
"""Metadata services that are not link-local: AWS over IPv6, Alibaba, Oracle classic."""

METADATA_NAMES = {"metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"}


def scheme_of(url: str, known: tuple[str, ...]) -> str:
    """The scheme of `url`; that of a plain path is 'file'.

    Raises:
        UserError: the scheme is none of `known`, or `refuse_metadata` refuses the URL.
    """
    refuse_metadata(url)
    scheme = url.partition("://")[0].lower() if "://" in url else "file"
    if scheme not in known:
        choice = ", ".join(f"{name}://" for name in known)
        raise UserError(f"'{without_secrets(url)}': unknown scheme '{scheme}'; use a path or one of: {choice}.")
    return scheme


def local_path(url: str) -> Path:
    """The absolute path that a path or a file:// URL names.

    Raises:
        UserError: a file:// URL names another machine.
    """
    if "://" not in url:
        return Path(url).expanduser().absolute()
    parts = urlsplit(url)
    if parts.netloc not in {"", "localhost"}:
        raise UserError(f"'{url}' names the machine '{parts.netloc}'; write file:///folder or a plain path.")
    return Path(unquote(parts.path))


def refuse_metadata(url: str) -> None:
    """Let `url` pass unless its host is a link-local or metadata address, in whatever way it is written.

    The host of http and https is a name, which is resolved (one that does not resolve passes, and fails where
    it is used); that of s3 and hf is a bucket or an owner, where only a written-out address counts.

    Raises:
        UserError: the host is such an address, or `url` is none.
    """
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").partition("%")[0].rstrip(".")
    except ValueError as error:
        raise UserError(f"'{without_secrets(url)}' is not a URL ({error}); correct it.") from None
    is_name = parts.scheme in {"http", "https"}
    addresses = _resolve(host, 0 if is_name else socket.AI_NUMERICHOST)
    if (is_name and host in METADATA_NAMES) or any(_is_metadata(address) for address in addresses):
        raise UserError(f"'{host}' is a link-local or metadata address; use the address of a data store.")


def without_secrets(url: str) -> str:
    """`url` without user, password and query, for messages."""
    return re.sub(r"//[^/@]*@", "//", url.split("?")[0])


def _resolve(host: str, flags: int) -> set[str]:
    try:
        found = socket.getaddrinfo(host, None, flags=flags) if host else []
    except (OSError, UnicodeError):
        return set()
    return {str(address[0]) for *_, address in found}


def _is_metadata(address: str) -> bool:
    ip = ipaddress.ip_address(address)
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return ip.is_link_local or str(ip) in METADATA_ADDRESSES
