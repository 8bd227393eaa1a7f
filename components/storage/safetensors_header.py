"""The header of a safetensors file: names, shapes and types of its tensors, read without torch and without weights.

The format: eight bytes, the length of the header as a little-endian number; the header, a JSON object; the tensors'
bytes (https://huggingface.co/docs/safetensors).
"""

import json
import struct
from collections.abc import Callable
from typing import NamedTuple

MAX_HEADER_BYTES = 100_000_000
"""What the format allows."""
METADATA = "__metadata__"
"""The one key of the header that is not a tensor."""


class Tensor(NamedTuple):
    """What the header says of a tensor."""

    dtype: str
    """F32, F16, BF16, I64, …"""
    shape: tuple[int, ...]


class BadHeaderError(ValueError):
    """The bytes are not those of a safetensors file; the message says in what way."""


def read_header(read: Callable[[int, int], bytes], size: int) -> dict[str, Tensor]:
    """The tensors of a file by name, in its order.

    Args:
        read: gives the bytes from a first to before a last place.
        size: of the file, in bytes.

    Raises:
        BadHeaderError: it is not a safetensors file, or not a whole one.
    """
    if size < 8:
        raise BadHeaderError(f"it has {size} bytes")
    (length,) = struct.unpack("<Q", read(0, 8))
    if length > min(MAX_HEADER_BYTES, size - 8):
        raise BadHeaderError("it is not a safetensors file, or is cut off")
    try:
        header = json.loads(read(8, 8 + length))
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != METADATA]
        tensors = {
            name: Tensor(str(entry["dtype"]), tuple(int(part) for part in entry["shape"]))
            for name, entry in header.items()
            if name != METADATA
        }
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        raise BadHeaderError("its header is not what safetensors writes") from None
    if size < 8 + length + max(ends, default=0):
        raise BadHeaderError("it is cut off")
    return tensors
