"""YAML that a person wrote: read without surprises, whatever is in it.

PyYAML's SafeLoader makes no objects of Python, but it follows aliases without end (a `billion laughs` file), nests
until the interpreter gives up, and hands on dates, bytes, sets and NaN, which no JSON parameter can hold.
"""

import math
from pathlib import Path
from typing import Any

import yaml

from stillhouse.errors import UserError

Key = tuple[str, ...]
"""Path of a key: ("finetune", "loop", "epochs")."""

MAX_BYTES = 64 << 10
"""Of a file; a recipe has some two thousand."""
MAX_VALUES = 20_000
"""Keys and values of a file, aliases written out."""
MAX_WHOLE = 2**53
"""Up to here JSON's numbers, as KFP keeps them, hold every whole number."""


def read_yaml(source: Path | bytes, where: str) -> tuple[yaml.Node | None, Any]:
    """The node that stands for the document, with its places, and the document's value; None for both when it is empty.

    Args:
        source: a file, or what it holds.
        where: says in messages which one it is.

    Raises:
        UserError: it cannot be read, is not YAML, is too large, or refers to itself.
    """
    data = source if isinstance(source, bytes) else _read(source, where)
    if len(data) > MAX_BYTES:
        raise UserError(f"{where}: more than {MAX_BYTES:,} bytes are too many; is this the right file?")
    try:
        root = yaml.SafeLoader(data).get_single_node()
        if root is None:
            return None, None
        if _count(root, {}) > MAX_VALUES:
            raise UserError(f"{where}: its aliases stand for more than {MAX_VALUES:,} values; write less with them.")
        # From a second reading: a merge key (`<<`) is written out into the very node that tells the places.
        return root, yaml.SafeLoader(data).get_single_data()
    except yaml.YAMLError as error:
        raise UserError(f"{where}{_line_of(error)}: not valid YAML ({_problem_of(error)}); fix it there.") from None
    except RecursionError:
        raise UserError(f"{where}: its values lie too deep in one another; write it flatter.") from None
    except (ValueError, OverflowError, TypeError, AttributeError) as error:  # a date of month 13, `1__`, `!!omap x`
        raise UserError(f"{where}: not valid YAML ({error}); fix it, or quote the value.") from None


def not_plain(value: Any, key: Key = ()) -> tuple[Key, str] | None:
    """The first place of `value` that a parameter cannot hold, and what it holds; None when all of it is plain.

    Plain are texts, true and false, null, finite numbers (whole ones up to 2^53), lists, and mappings whose keys are
    texts.
    """
    if isinstance(value, dict):
        for name, inner in value.items():
            if not isinstance(name, str):
                return key, f"has the key {_short(name)}, which is not text; quote it"
            if found := not_plain(inner, (*key, name)):
                return found
        return None
    if isinstance(value, list):
        found = (not_plain(inner, (*key, str(index))) for index, inner in enumerate(value))
        return next((one for one in found if one), None)
    if isinstance(value, float) and not math.isfinite(value):
        return key, f"is {value}; write a finite number"
    if isinstance(value, int) and abs(value) > MAX_WHOLE:
        return key, "is a whole number beyond 2^53; write a smaller one, or quote it"
    if value is None or isinstance(value, str | bool | int | float):
        return None
    return key, f"holds a {type(value).__name__}; write a text, a number, a list or a mapping (quote a date)"


def _read(path: Path, where: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"{where}: cannot be read ({error.strerror}); check the path and its permissions.") from None


def _short(name: Any) -> str:
    return "of an odd type" if isinstance(name, int) and abs(name) > MAX_WHOLE else repr(name)[:80]


def _count(node: yaml.Node, known: dict[int, int]) -> int:
    """Values below `node` and itself, aliases written out; a node that holds itself counts as more than any."""
    if id(node) not in known:
        known[id(node)] = MAX_VALUES + 1  # while it is being counted
        if isinstance(node, yaml.MappingNode):
            inner = [part for pair in node.value for part in pair]
        else:
            inner = node.value if isinstance(node, yaml.SequenceNode) else []
        known[id(node)] = min(1 + sum(_count(part, known) for part in inner), MAX_VALUES + 1)
    return known[id(node)]


def _line_of(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}" if mark else ""


def _problem_of(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or error).splitlines()[0]
