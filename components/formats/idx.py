"""IDX files (MNIST and its kin, yann.lecun.com/exdb/mnist): pictures in one file, the numbers of their classes in
another beside it, as `train-images-idx3-ubyte.gz` and `train-labels-idx1-ubyte.gz`.

A head of four bytes, two zeros, the type and the number of sizes, then those sizes as big-endian 32-bit numbers, then
all values, the last size going quickest.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stillhouse.components.formats.batch import Batch, DataFile, Reading
from stillhouse.components.formats.pictures import BATCH_BYTES, IMAGE, LABEL, SPLIT, as_file, picture_batch
from stillhouse.errors import UserError

COLUMNS = (IMAGE, LABEL, SPLIT)
_NAME = re.compile(r".*[.-]idx\d-u?byte(\.gz)?", re.IGNORECASE)
_TYPES = {0x08: np.dtype("u1"), 0x09: np.dtype("i1"), 0x0B: np.dtype(">i2"), 0x0C: np.dtype(">i4")}
_BYTES = 0x08
_MOST_PIXELS = 50_000_000
"""Of a picture."""
_SPLITS = {"train": "train", "val": "validation", "t10k": "test", "test": "test"}
_ANEW = "fetch or write the file anew"


def is_idx(path: Path) -> bool:
    """Whether a file's name is that of IDX pictures or their labels."""
    return _NAME.fullmatch(path.name) is not None


def is_idx_labels(path: Path) -> bool:
    """Whether it is that of labels, which are read with their pictures and not by themselves."""
    return is_idx(path) and "labels" in path.name.lower()


def labels_beside(path: Path) -> Path | None:
    """The file with the labels of the pictures in `path`, packed or not; None where there is none."""
    name = path.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1")
    both = (path.with_name(name), path.with_name(name + ".gz"))
    return next((other for other in both if other != path and other.is_file()), None)


def read_idx(file: DataFile, reading: Reading) -> Iterator[Batch]:
    """Pictures, numbered from 1, with their labels as text (null without a file of labels) and their split.

    Pictures are grey, [pictures, height, width], or coloured, [pictures, height, width, 3].

    Raises:
        UserError: a file is not IDX, is cut short or goes on too long, or the two do not belong together.
        MissingColumn: one that is asked for is missing.
    """
    head = _head(file)
    if head.kind != _BYTES or len(head.sizes) not in (3, 4) or head.sizes[3:] not in ((), (3,)):
        raise UserError(
            f"{file.path}: holds {_described(head)} where pictures are wanted; write them as unsigned bytes, "
            "[pictures, height, width] or [pictures, height, width, 3]."
        )
    count, shape = head.sizes[0], head.sizes[1:]
    size = math.prod(shape)
    if not 0 < size <= 3 * _MOST_PIXELS:
        raise UserError(
            f"{file.path}: pictures of {shape[0]:,} x {shape[1]:,} pixels; write at least one pixel and at most "
            f"{_MOST_PIXELS:,}."
        )
    labels = _labels(file.path, count, reading)
    split = next((found for begin, found in _SPLITS.items() if file.path.name.lower().startswith(begin)), None)
    at_once = max(1, BATCH_BYTES // size)
    for start in range(0, count, at_once):
        rows = range(start, min(start + at_once, count))
        reading.budget.take(len(rows) * size)
        data = file.data.read(len(rows) * size)
        if len(data) < len(rows) * size:
            raise UserError(
                f"{file.path}: ends within picture {start + len(data) // size + 1:,} of {count:,}; {_ANEW}."
            )
        pixels = np.frombuffer(data, np.uint8).reshape(-1, *shape)
        columns = {
            IMAGE: [as_file(picture) for picture in pixels],
            LABEL: [None if labels is None else str(labels[row]) for row in rows],
            SPLIT: [split] * len(rows),
        }
        yield picture_batch(file, reading, range(start + 1, rows.stop + 1), columns)
    _check_end(file)


class _Head(NamedTuple):
    kind: int
    sizes: tuple[int, ...]


def _head(file: DataFile) -> _Head:
    begin = file.data.read(4)
    sizes = file.data.read(4 * begin[3]) if len(begin) == 4 else b""
    if len(begin) < 4 or begin[:2] != b"\0\0" or not begin[3] or len(sizes) < 4 * begin[3]:
        raise UserError(f"{file.path}: does not begin as an IDX file does; {_ANEW}, or give it its own name.")
    return _Head(begin[2], tuple(np.frombuffer(sizes, ">u4").tolist()))


def _labels(pictures: Path, count: int, reading: Reading) -> np.ndarray | None:
    """[pictures], or None without a file of them."""
    path = labels_beside(pictures)
    if path is None:
        return None
    with path.open("rb") as opened:
        file = DataFile(path, opened)
        head = _head(file)
        if head.kind not in _TYPES or len(head.sizes) != 1:
            raise UserError(
                f"{path}: holds {_described(head)} where labels are wanted; write a whole number for each picture."
            )
        if head.sizes[0] != count:
            raise UserError(
                f"{path}: {head.sizes[0]:,} labels for the {count:,} pictures of {pictures.name}; keep the two files "
                "that belong together beside each other."
            )
        kind = _TYPES[head.kind]
        reading.budget.take(count * kind.itemsize)
        data = file.data.read(count * kind.itemsize)
        if len(data) < count * kind.itemsize:
            raise UserError(f"{path}: ends after label {len(data) // kind.itemsize:,} of {count:,}; {_ANEW}.")
        _check_end(file)
        return np.frombuffer(data, kind)


def _check_end(file: DataFile) -> None:
    if file.data.read(1):
        raise UserError(f"{file.path}: goes on after what its head counts; {_ANEW}.")


def _described(head: _Head) -> str:
    kind = {0x0D: "floats", 0x0E: "doubles"}.get(head.kind, _TYPES[head.kind].name if head.kind in _TYPES else "values")
    return f"{kind} [{', '.join(f'{size:,}' for size in head.sizes)}]"
