"""A YAML file that remembers where each of its keys stands, so that a mistake can be named by its line."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from stillhouse.components.config.yaml_file import Key, not_plain, read_yaml
from stillhouse.errors import UserError


@dataclass
class Document:
    """A mapping read from a file, and what was set over it on the command line."""

    path: Path
    values: dict[str, Any]
    lines: dict[Key, int] = field(default_factory=dict)
    """Line of each key, counted from 1."""
    settings: dict[Key, str] = field(default_factory=dict)
    """What `--set` gave, as it was written."""

    def place(self, key: Sequence[Any]) -> str:
        """Where `key` stands: its own line, else that of the nearest key around it, else the file."""
        names = tuple(str(part) for part in key)
        for end in range(len(names), 0, -1):
            if names[:end] in self.settings:
                return f"--set {self.settings[names[:end]]}"
            if names[:end] in self.lines:
                return f"{self.path}, line {self.lines[names[:end]]}"
        return str(self.path)

    def is_set(self, key: Key) -> bool:
        """Whether `--set` gave this key."""
        return any(key[: len(given)] == given for given in self.settings)

    def override(self, settings: Iterable[str]) -> None:
        """Put `key=value` pairs over the values; keys are dotted, values are YAML.

        Raises:
            UserError: no key, no value, a value that is not plain YAML, or a key below one that is not a mapping.
        """
        for setting in settings:
            name, equals, text = setting.partition("=")
            key = tuple(name.strip().split("."))
            if not equals or not all(key):
                raise UserError(f"--set {setting}: write it as key=value, such as finetune.loop.epochs=2.")
            try:
                _, value = read_yaml(os.fsencode(text), f"--set {name}")
            except UserError:
                raise UserError(f"--set {setting}: the value is not valid YAML; quote it.") from None
            if found := not_plain(value, key):
                raise UserError(f"--set {name}: '{'.'.join(found[0])}' {found[1]}.")
            parent = self.values
            for part in key[:-1]:
                inner = parent.get(part)
                parent[part] = parent = {} if inner is None else inner
                if not isinstance(parent, dict):
                    raise UserError(f"--set {setting}: '{part}' holds {parent!r}, so nothing can be set below it.")
            parent[key[-1]] = value
            self.settings[key] = setting


def read_document(path: Path) -> Document:
    """Read a YAML file whose top level is a mapping.

    Raises:
        UserError: the file cannot be read, is not YAML, is not a mapping, gives a key twice, or holds what no parameter
            can; the sentence names the line.
    """
    root, values = read_yaml(path, str(path))
    if root is None or not isinstance(values, dict):
        raise UserError(f"{path}: this is not a recipe; write keys and values, such as `name: spam`.")
    document = Document(path, values, _lines(root, path, ()))
    if found := not_plain(values):
        key, what = found
        raise UserError(f"{document.place(key)}: '{'.'.join(key) or 'the document'}' {what}.")
    return document


def _lines(node: yaml.Node, path: Path, above: Key) -> dict[Key, int]:
    lines: dict[Key, int] = {}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*above, str(key.value))
            line = key.start_mark.line + 1
            if here in lines:
                raise UserError(
                    f"{path}, line {line}: '{'.'.join(here)}' is given twice, first in line {lines[here]}; keep one."
                )
            lines |= {here: line} | _lines(value, path, here)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            here = (*above, str(index))
            lines |= {here: value.start_mark.line + 1} | _lines(value, path, here)
    return lines
