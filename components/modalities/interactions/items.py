"""The items that training histories know, and histories as numbers of them."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from stillhouse.errors import UserError

ITEMS = "items.json"
"""In the folder of a model: the names of the items that it knows, in the order of their numbers."""


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


@dataclass(frozen=True)
class ItemIndex:
    """The items that training histories have, numbered from the most popular one on; equally popular ones by name."""

    items: Sequence[str]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {item: place for place, item in enumerate(self.items)}

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The items of the model in `folder`.

        Raises:
            UserError: they are not there, or are no list of names.
        """
        try:
            items = json.loads((folder / ITEMS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            items = None
        if not (isinstance(items, list) and all(isinstance(item, str) for item in items)):
            raise UserError(
                f"model '{folder}': {ITEMS}, the items that it knows, is not there or cannot be read; copy the whole "
                "folder again, or take another version."
            )
        return cls(items)

    def write(self, folder: Path) -> None:
        """Write the items beside the weights."""
        (folder / ITEMS).write_text(json.dumps(list(self.items), ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def fit(cls, histories: Iterable[Sequence[str]], min_users: int = 1) -> Self:
        """Count the items of the training histories; those of fewer users than `min_users` are not known."""
        users = Counter(item for items in histories for item in items)
        return cls(sorted((i for i, count in users.items() if count >= min_users), key=lambda i: (-users[i], i)))

    def numbers(self, names: Sequence[str]) -> np.ndarray:
        """int64 [names]: the number of each; of one that is not known a number of its own, beyond all that are."""
        beyond, places = len(self.items), self._places
        found = [places[name] if name in places else beyond + (_hash(name) >> 2) for name in names]
        return np.array(found, np.int64)

    def encode(self, histories: Iterable[Sequence[str]]) -> "Encoded":
        """Numbers in place of names; items that are not known are left out and counted."""
        numbers, counts, unknown = [np.zeros(0, np.int32)], [], []
        for items in histories:
            known = [place for item in items if (place := self._places.get(item)) is not None]
            numbers.append(np.array(known, np.int32))
            counts.append(len(known))
            unknown.append(len(items) - len(known))
        offsets = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64)
        return Encoded(np.concatenate(numbers), offsets, np.array(unknown, np.int64))


@dataclass(frozen=True)
class Encoded:
    """Histories as numbers of items, end to end."""

    items: np.ndarray
    """int32 [items]."""
    offsets: np.ndarray
    """int64 [users + 1]: where each history begins and the last ends."""
    unknown: np.ndarray
    """int64 [users]: items of each that the index does not know."""

    def __iter__(self) -> Iterator[np.ndarray]:
        """int32 [any] of each user."""
        return iter(np.split(self.items, self.offsets[1:-1]) if len(self.offsets) > 1 else [])


def whole(items: Sequence[Sequence[str]], held_out: Sequence[Sequence[str] | None]) -> list[list[str]]:
    """Histories with what is held out of them, if anything, at their ends."""
    return [[*before, *(after or ())] for before, after in zip(items, held_out, strict=True)]
