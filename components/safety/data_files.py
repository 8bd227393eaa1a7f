"""What all readers of tables refuse: pickles, other encodings than UTF-8, a key that is given twice."""

import codecs
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stillhouse.errors import UserError

PICKLES = {".pkl", ".pickle", ".joblib", ".dill"}
"""Endings of pickles."""
HOLD_PICKLES = {".npy", ".npz", ".pt", ".pth", ".ckpt", ".bin", ".meta", ""}
"""Endings of files that may be or hold pickles; their first bytes tell."""
MARKS = re.compile(rb"\x80[\x00-\x05]|\(?[dl]p\d+\n|\x93NUMPY|PK\x03\x04")
"""First bytes of pickles (of protocol 2 and later, and 0), NumPy arrays, and the zip files of NumPy and torch."""

BOMS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
"""First bytes of texts in other encodings; the longer ones first, for they begin like the shorter."""


def refuse_pickles(files: Iterable[Path]) -> None:
    """Look at the first bytes of files that may be pickles, which run code when they are read; none is loaded.

    Raises:
        UserError: one is a pickle (as the `python version` of CIFAR), a NumPy array, or a torch file.
    """
    for path in files:
        if path.suffix.lower() in PICKLES or (path.suffix.lower() in HOLD_PICKLES and MARKS.match(_head(path, 16))):
            raise UserError(
                f"{path}: this is a pickle or may hold one, which runs code when it is read; convert it to Parquet, "
                "or take the data set's binary version or its files as images."
            )


def refuse_other_encodings(path: Path) -> None:
    """Look for the mark with which texts in UTF-16 and UTF-32 begin.

    Raises:
        UserError: it is there.
        OSError: the file cannot be read.
    """
    head = _head(path, 4)
    name = next((name for mark, name in BOMS.items() if head.startswith(mark)), None)
    if name:
        raise UserError(f"{path}: cannot be read (this is {name}); save the file as UTF-8.")


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object out of its pairs, for json's `object_pairs_hook`.

    Raises:
        ValueError: a key is given twice, and nobody knows which value is meant.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:80]!r} is given twice")
    return found


def _head(path: Path, num_bytes: int) -> bytes:
    with path.open("rb") as file:
        return file.read(num_bytes)
