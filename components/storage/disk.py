"""Writes to a disk that are there whole or not at all, whenever the machine stops."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from stillhouse.components.storage.names import RESERVED
from stillhouse.errors import UserError

RUST_OS_ERROR = re.compile(r"\(os error (\d+)\)$")
"""How safetensors and tokenizers tell that the system refused: at the end of an exception of their own."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Around writes to `path`: a full disk or a read-only folder becomes one sentence.

    Raises:
        UserError: the system refused to write.
    """
    try:
        yield
    except Exception as error:
        reason = _refusal(error)
        if reason is None:
            raise
        mend = "free space, fix its permissions or use another folder"
        raise UserError(f"cannot write '{path}': {reason}; {mend}.") from error


def _refusal(error: Exception) -> str | None:
    """Why the system refused to write, if that is what went wrong."""
    if isinstance(error, OSError):
        return os.strerror(error.errno) if error.errno else str(error)
    told = RUST_OS_ERROR.search(str(error))
    return os.strerror(int(told[1])) if told else None


def sibling(path: Path) -> Path:
    """A new hidden name beside `path`, from where a rename to `path` is atomic."""
    return path.with_name(f"{RESERVED}{uuid4().hex}")


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A new file at `path`, on the disk (fsync) when the block ends."""
    with path.open("xb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def staged_file(path: Path, data: bytes) -> Iterator[Path]:
    """`data` in a hidden file beside `path`, to be renamed by the block; what the block leaves is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = sibling(path)
    try:
        with new_file(staged) as file:
            file.write(data)
        yield staged
    finally:
        staged.unlink(missing_ok=True)


@contextmanager
def staged_folder(path: Path) -> Iterator[Path]:
    """An empty hidden folder beside `path`, to be renamed by the block; what the block leaves is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = sibling(path)
    staged.mkdir()
    try:
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def mark_used(folder: Path) -> None:
    """Give what lies in a folder the time of now: the sweep goes by age."""
    for path in folder.iterdir():
        os.utime(path)


def sync_folder(path: Path) -> None:
    """Put the names in the folder on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
