"""Names of classes that the Hugging Face library keeps beside a column of their numbers."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from stillhouse.errors import UserError

KEY = b"huggingface"
"""Of an Arrow schema's metadata; Parquet keeps it too."""
README = "README.md"
_HEAD = re.compile(r"\ufeff?---\r?\n(.*?)\r?\n---\s", re.DOTALL)
"""The YAML with which a README begins."""
_WHOLE = re.compile(r"-?\d{1,9}(\.0+)?")
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


def readme_names(files: Iterable[Path], column: str | None) -> dict[Path, list[str]]:
    """The names of the column's classes in the `dataset_info` of READMEs, for the files beside and below each.

    Where its configurations name them differently, nobody can tell, and there are none.
    """
    return {path.parent: names for path in files if path.name == README and (names := _names_in(path, column))}


def _names_in(readme: Path, column: str | None) -> list[str] | None:
    try:
        head = _HEAD.match(readme.read_text("utf-8"))
        infos = yaml.safe_load(head[1])["dataset_info"] if head else []
        infos = [infos] if isinstance(infos, Mapping) else infos
        features = [feature for info in infos for feature in info.get("features", []) if feature["name"] == column]
        found = [_listed(feature) for feature in features]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, yaml.YAMLError):
        return None
    return found[0] if found and all(names == found[0] for names in found) else None


def _listed(feature: Any) -> list[str] | None:
    """The names within a feature, be they in order or by number, and the column one of lists or not."""
    while "class_label" not in feature:
        inner = next(
            (feature[key] for key in ("dtype", "list", "sequence") if isinstance(feature.get(key), dict)), None
        )
        if inner is None:
            return None
        feature = inner
    names = feature["class_label"]["names"]
    if isinstance(names, Mapping):
        names = [names[number] for number in sorted(names, key=int)]
    return [str(name) for name in names]


def named_text(value: Any, names: Sequence[str], place: str) -> Any:
    """As `named`, for the values of a file that has no types, or none of classes: other text than a number stays.

    Raises:
        UserError: there is no class of that number.
    """
    if isinstance(value, list):
        return [named_text(item, names, place) for item in value]
    if value is None or isinstance(value, bool) or value in names:
        return value
    if not (_WHOLE.fullmatch(value.strip()) if isinstance(value, str) else float(value).is_integer()):
        return value
    return named(int(float(value)), list(names), place)


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
            f"{place}: {value} is not the number of a class; the metadata names {len(names)}, from 0 to "
            f"{len(names) - 1}: fix the value, or take that metadata away."
        )
    return names[value]
