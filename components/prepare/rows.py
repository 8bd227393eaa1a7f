"""A row on its way into a split."""

import hashlib
from typing import Any, NamedTuple

from stillhouse.components.formats.splits import Split

NO_TIME = "no_time"
"""The reason why a row is dropped that no split by time has a place for."""
FORGOTTEN = "forgotten"
"""The reason why a row is dropped that `stillhouse forget` was given."""


class Row(NamedTuple):
    """A row in its canonical form."""

    hash: str
    """Digest of what tells its example from others."""
    example: dict[str, Any]
    """What a model sees: a value for each input field."""
    target: Any
    """None where it has none."""
    slices: tuple[str, ...]
    split: Split
    time: float | None = None
    """Of those of the dataset; None where it has none."""
    period: str = ""
    """The partition before the window that it comes from; "" of a new row."""


def digest(identity: str | bytes) -> str:
    """First 32 hex digits of the SHA-256 of `identity`, of a text in UTF-8."""
    data = identity.encode() if isinstance(identity, str) else identity
    return hashlib.sha256(data).hexdigest()[:32]


def place(key: str) -> float:
    """Where in [0, 1) a digest lies, by its last digits: the first ones order the rows within a split."""
    return int(key[16:], 16) / 2.0**64
