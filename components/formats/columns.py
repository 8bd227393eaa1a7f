"""A column of a data file as text, and what is said where it cannot be."""

from itertools import accumulate, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute

from stillhouse.components.formats.batch import ArrowBatch, Batch
from stillhouse.components.formats.class_labels import class_names, named, named_text
from stillhouse.components.formats.values import NotText, texts
from stillhouse.errors import UserError

pc: Any = pyarrow.compute  # its functions are made at run time, where no type checker sees them


def column_texts(path: Path, batch: Batch, name: str) -> pa.Array:
    """The texts of a column of some rows of the file, as `values.texts` writes them; null where there is no value.

    Raises:
        UserError: a value has no text; the sentence names the row, or the column where all of it has none.
    """
    try:
        return texts(batch.column(name))
    except NotText as error:
        raise UserError(_no_text(path, batch, name, error)) from None


def column_labels(path: Path, batch: Batch, name: str) -> list[Any]:
    """A column as labels: lists of names or numbers, numbers, truth values; everything else as its text.

    Numbers that the file's own metadata names (Hugging Face's ClassLabel) are given by these names, else by those of
    `batch.classes`.

    Raises:
        UserError: a value cannot be a label; the sentence names the row, or the column where all of it cannot.
    """
    own = class_names(batch.columns.schema, name) if isinstance(batch, ArrowBatch) else None
    values = _label_values(path, batch, name)
    places = (f"{path}, row {number}, column '{name}'" for number in batch.numbers)
    if own is not None:
        return [named(value, own, place) for value, place in zip(values, places, strict=True)]
    if names := batch.classes.get(name):
        return [named_text(value, names, place) for value, place in zip(values, places, strict=True)]
    return values


def raw_column(path: Path, batch: Batch, name: str) -> pa.Array:
    """A column as the file has it; of JSON, texts or lists of them.

    Raises:
        UserError: JSON has an object there; the sentence names the row.
    """
    try:
        return batch.column(name)
    except NotText as error:
        raise UserError(_no_text(path, batch, name, error)) from None


def _label_values(path: Path, batch: Batch, name: str) -> list[Any]:
    column = raw_column(path, batch, name)
    kind, types = column.type, pa.types
    if types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if types.is_list(kind):  # what other kinds of lists there are, the readers turn to this one
        if not (_is_plain(kind.value_type) or types.is_string(kind.value_type)):
            try:
                return _list_texts(column)
            except NotText as error:
                raise UserError(_no_text(path, batch, name, error)) from None
    elif not _is_plain(kind):
        return column_texts(path, batch, name).to_pylist()
    return column.to_pylist()


def _list_texts(column: pa.Array) -> list[list[str | None] | None]:
    """Lists of the texts of their items.

    Raises:
        NotText: an item has none; `row` is that of its list.
    """
    lengths = pc.list_value_length(column).to_pylist()
    try:
        items = iter(texts(pc.list_flatten(column)).to_pylist())
    except NotText as error:
        if error.row is not None:
            ends = accumulate(length or 0 for length in lengths)
            error.row = next(row for row, end in enumerate(ends) if end > error.row)
        raise
    return [None if length is None else list(islice(items, length)) for length in lengths]


def _no_text(path: Path, batch: Batch, name: str, error: NotText) -> str:
    row = "" if error.row is None else f", row {batch.numbers[error.row]}"
    return f"{path}{row}, column '{name}': {error}; fix it or choose another column."


def _is_plain(kind: pa.DataType) -> bool:
    types = pa.types
    return types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_boolean(kind)
