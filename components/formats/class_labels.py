"""Names of classes that the Hugging Face library keeps beside a column of their numbers."""

import json
from typing import Any

import pyarrow as pa

from stillhouse.errors import UserError

KEY = b"huggingface"
"""Of an Arrow schema's metadata; Parquet keeps it too."""
UNLABELLED = -1
"""What that library writes for a row without a label."""


def class_names(schema: pa.Schema, column: str) -> list[str] | None:
    """The names of the classes that the column's whole numbers, or the numbers in its lists, stand for.

    None where the schema does not say any, or the column holds something else than the metadata says.
    """
    try:
        feature = json.loads((schema.metadata or {})[KEY])["info"]["features"][column]
        while isinstance(feature, list) or feature.get("_type") != "ClassLabel":
            feature = feature[0] if isinstance(feature, list) else feature["feature"]
        names = feature["names"]
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, RecursionError):
        return None
    kind = schema.field(column).type
    while hasattr(kind, "value_type"):  # lists, dictionaries
        kind = kind.value_type
    is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return names if is_list and pa.types.is_integer(kind) else None


def named(value: Any, names: list[str], place: str) -> Any:
    """The name of a class, or the list of names, for a number or a list of numbers; None for `UNLABELLED`.

    Raises:
        UserError: there is no class of that number; the sentence begins with `place`.
    """
    if isinstance(value, list):
        return [named(item, names, place) for item in value]
    if value is None or value == UNLABELLED:
        return None
    if not 0 <= value < len(names):
        raise UserError(
            f"{place}: {value} is not the number of a class; the file's metadata names {len(names)}, from 0 to "
            f"{len(names) - 1}: mend the value, or write the file without that metadata."
        )
    return names[value]
