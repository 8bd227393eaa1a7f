"""CIFAR-10's and CIFAR-100's binary layout (Krizhevsky, 2009): `data_batch_1.bin`, `test_batch.bin` with
`batches.meta.txt`; `train.bin`, `test.bin` with `fine_label_names.txt` and `coarse_label_names.txt`.

A record is a byte with the number of the class (in CIFAR-100 two: of the coarse class, then of the fine one), then 32 x
32 bytes of red, as many of green and of blue, line by line.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stillhouse.components.formats.batch import Batch, DataFile, Reading
from stillhouse.components.formats.pictures import BATCH_BYTES, IMAGE, LABEL, SPLIT, as_file, picture_batch
from stillhouse.errors import UserError

COARSE = "coarse_label"
"""Of CIFAR-100 alone."""
_NAME = re.compile(r"((data|train|val|valid|validation|test)_batch(_\d+)?|train|val|validation|test)\.bin(\.gz)?")
_SPLITS = {"data": "train", "train": "train", "val": "validation", "test": "test"}
_SIDE = 32
_PIXELS = 3 * _SIDE * _SIDE
_NAMES, _FINE, _COARSE = "batches.meta.txt", "fine_label_names.txt", "coarse_label_names.txt"


def is_cifar(path: Path) -> bool:
    """Whether a file's name is that of pictures in this layout."""
    return _NAME.fullmatch(path.name.lower()) is not None


def read_cifar(file: DataFile, reading: Reading) -> Iterator[Batch]:
    """Pictures, numbered from 1, with the name of their class (its number where no file beside names it) and split.

    A file is CIFAR-100's if `fine_label_names.txt` lies beside it, and has a column `coarse_label` then.

    Raises:
        UserError: the last record is cut short, or a number is not one of the named classes.
        MissingColumn: one that is asked for is missing.
    """
    folder = file.path.parent
    is_100 = (folder / _FINE).is_file()
    named = {COARSE: _names(folder / _COARSE), LABEL: _names(folder / _FINE)} if is_100 else {}
    named = named or {LABEL: _names(folder / _NAMES)}
    size = len(named) + _PIXELS
    split = next((name for begin, name in _SPLITS.items() if file.path.name.lower().startswith(begin)), None)
    done = 0
    while True:
        at_once = BATCH_BYTES // size
        reading.budget.take(at_once * size)
        if not (data := file.data.read(at_once * size)):
            return
        if len(data) % size:
            raise UserError(
                f"{file.path}: ends within record {done + len(data) // size + 1:,} of {size:,} bytes each; fetch the "
                f"file anew, or {'take' if is_100 else 'put'} {_FINE} {'away' if is_100 else 'beside it'} if it is "
                f"CIFAR-{'10' if is_100 else '100'}'s."
            )
        records = np.frombuffer(data, np.uint8).reshape(-1, size)
        numbers = range(done + 1, done + len(records) + 1)
        pixels = records[:, len(named) :].reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1)
        columns: dict[str, Sequence[Any]] = {IMAGE: [as_file(picture) for picture in pixels]}
        for place, (column, names) in enumerate(named.items()):
            found = zip(numbers, records[:, place].tolist(), strict=True)
            columns[column] = [_named(value, names, f"{file.path}, picture {number}") for number, value in found]
        yield picture_batch(file, reading, numbers, columns | {SPLIT: [split] * len(records)})
        done += len(records)


def _names(path: Path) -> list[str]:
    """Names of classes, a line each; none without the file.

    Raises:
        UserError: it is not text.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except FileNotFoundError:
        return []
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: this is not UTF-8 ({error}); save the file as UTF-8.") from None
    return [line.strip() for line in lines if line.strip()]


def _named(number: int, names: list[str], place: str) -> str:
    if not names:
        return str(number)
    if number >= len(names):
        raise UserError(
            f"{place}: the class has the number {number}, and the names beside the file go up to {len(names) - 1}; "
            "name that class too, or fetch the file anew."
        )
    return names[number]
