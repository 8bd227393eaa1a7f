"""The part of a row that a model sees: from a source's columns to a field, and from fields to bytes that tell rows
apart."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute

from stillhouse.components.formats.batch import Batch
from stillhouse.components.formats.columns import column_texts, raw_column
from stillhouse.components.formats.pictures import picture_files

pc: Any = pyarrow.compute  # its functions are made at run time, where no type checker sees them


def input_column(path: Path, batch: Batch, kind: str, columns: str | Sequence[str]) -> pa.Array:
    """What some rows of a file have in a field.

    Args:
        path: the file, for messages.
        batch: its rows.
        kind: of the field.
        columns: the columns that play its part.

    Returns:
        Of text the texts of all columns joined by line breaks, without nulls; of images the bytes of their files, null
        where there is none; of another kind the values as they came, of several columns in a struct with their names.

    Raises:
        UserError: a value is not of the kind; the sentence names the row, or the column where none is.
    """
    names = [columns] if isinstance(columns, str) else list(columns)
    if kind == "text":
        texts = [column_texts(path, batch, name) for name in names]
        return pc.binary_join_element_wise(*texts, "\n", null_handling="replace")
    read = picture_files if kind == "image" else raw_column
    if isinstance(columns, str):
        return read(path, batch, columns)
    return pa.StructArray.from_arrays([read(path, batch, name) for name in names], names)


def canonical(example: Mapping[str, Any]) -> bytes:
    """Bytes that equal examples share and no others: of one field of text or bytes these themselves."""
    values = list(example.values())
    if len(values) == 1 and isinstance(values[0], str | bytes):
        return values[0].encode() if isinstance(values[0], str) else values[0]
    return json.dumps(example, sort_keys=True, default=_written, ensure_ascii=False).encode()


def _written(value: Any) -> str:
    """Of what JSON has not: a digest of bytes, dates and decimals as Python writes them."""
    return hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else f"{type(value).__name__} {value}"
