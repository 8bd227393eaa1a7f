"""A row on its way into a split."""

import hashlib
from typing import Any, NamedTuple

from stillhouse.components.formats.splits import Split

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


def digest(identity: str | bytes) -> str:
    """First 32 hex digits of the SHA-256 of `identity`, of a text in UTF-8."""
    data = identity.encode() if isinstance(identity, str) else identity
    return hashlib.sha256(data).hexdigest()[:32]
