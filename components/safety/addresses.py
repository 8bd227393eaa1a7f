"""The addresses that nothing here may talk to: link-local ones, and those where clouds hand out a machine's own keys.

A leaf that storage and tracking share. A pod's own role is not touched: boto3 asks the metadata service for it by
itself; what is refused is an address that a recipe, a setting or a server's redirect names.
"""

import ipaddress
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from urllib.parse import unquote, urlsplit

from stillhouse.errors import UserError

METADATA_ADDRESSES = {"fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "192.0.0.192", "168.63.129.16"}
"""Metadata services that are not link-local: AWS and Google over IPv6, Alibaba, Oracle classic, Azure's wire server."""

METADATA_NAMES = {
    "metadata",
    "metadata.google.internal",
    "metadata.goog",
    "instance-data",
    "instance-data.ec2.internal",
}

_NAT64 = (
    ipaddress.IPv6Network("64:ff9b::/96"),
    ipaddress.IPv6Network("64:ff9b:1::/48"),
    ipaddress.IPv6Network("::/96"),
)
"""IPv6 addresses that hold an IPv4 address in their last 32 bits."""
_AMBIGUOUS = re.compile(r"[\\\s\x00-\x1f\x7f]")
"""Where one parser of URLs sees another host than the next does."""


def refuse_metadata(url: str, instead: str = "a data store") -> None:
    """Let `url` pass unless its host is a link-local or metadata address, in whatever way it is written.

    The host of http and https is a name, which is resolved (one that does not resolve passes, and fails where it is
    used); that of s3 and hf is a bucket or an owner, where only a written-out address counts.

    Args:
        instead: Whose address it should be, for the sentence.

    Raises:
        UserError: the host is such an address, or `url` is none.
    """
    if "://" not in url:
        return
    try:
        parts = urlsplit(url)
        host = unquote(parts.hostname or "").partition("%")[0].rstrip(".")
    except ValueError as error:
        raise UserError(f"'{url}' is not a URL ({error}); correct it.") from None
    if parts.scheme != "file" and _AMBIGUOUS.search(url.partition("://")[2].partition("/")[0] + (host or "")):
        raise UserError(f"'{url}' is not a URL (a backslash or a space in its host); correct it.")
    is_name = parts.scheme in {"http", "https"}
    addresses = _resolve(host, 0 if is_name else socket.AI_NUMERICHOST)
    if (is_name and host in METADATA_NAMES) or any(is_metadata(address) for address in addresses):
        raise UserError(f"'{host}' is a link-local or metadata address; use the address of {instead}.")


def is_metadata(address: str) -> bool:
    """Whether an IP address is one that is refused, or holds one (IPv4-mapped, NAT64, 6to4)."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = _inner(ip)
    return any(one.is_link_local or str(one) in METADATA_ADDRESSES for one in (ip, inner) if one is not None)


@contextmanager
def guarded() -> Iterator[None]:
    """Within the block no socket of this process connects to such an address, wherever a redirect or a name leads.

    For libraries that follow redirects by themselves, as those of a hub do.

    Raises:
        UserError: from the call that would have connected.
    """
    _Guard.install()
    with _Guard.lock:
        _Guard.depth += 1
    try:
        yield
    finally:
        with _Guard.lock:
            _Guard.depth -= 1


class _Guard:
    """An audit hook, which Python cannot take away again: it looks on only while somebody asks it to."""

    lock = Lock()
    depth = 0
    installed = False

    @classmethod
    def install(cls) -> None:
        with cls.lock:
            if not cls.installed:
                sys.addaudithook(cls.hook)
                cls.installed = True

    @classmethod
    def hook(cls, event: str, arguments: tuple[object, ...]) -> None:
        if event != "socket.connect" or not cls.depth:
            return
        address = arguments[1]
        if isinstance(address, tuple) and is_metadata(str(address[0])):
            raise UserError(
                f"a server led to '{address[0]}', a link-local or metadata address; check the address given for it."
            )


def _inner(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if isinstance(ip, ipaddress.IPv4Address):
        return None
    if any(ip in network for network in _NAT64):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour


def _resolve(host: str, flags: int) -> set[str]:
    try:
        found = socket.getaddrinfo(host, None, flags=flags) if host else []
    except (OSError, UnicodeError):
        return set()
    return {str(address[0]) for *_, address in found}
