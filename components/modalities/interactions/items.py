"""One history in its canonical form, and the items that training histories know."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

LEAST = 2
"""Items of a history: one to show and one to ask for."""


def standardise(history: Mapping[str, Any], min_rating: float | None = None) -> dict[str, Any] | str:
    """The user and each item that the user took, once, where it was first taken; or why the history is dropped.

    Args:
        history: the user, a string; items, strings in the order of time; and ratings, numbers, where there are some.
        min_rating: lower rated items, and those without a rating, are left out; None: all count.
    """
    items = history["items"]
    if min_rating is not None and history.get("ratings") is not None:
        items = [item for item, rating in zip(items, history["ratings"], strict=True) if rating >= min_rating]
    items = list(dict.fromkeys(items))
    return "too_short" if len(items) < LEAST else {"user": history["user"], "items": items}


def likeness(example: Mapping[str, Any]) -> np.ndarray:
    """uint64 [items]: each item's hash, so that users who took nearly the same are near copies."""
    return np.array([_hash(item) for item in example["items"]], np.uint64)


def user_key(user: str) -> int:
    """A number of 64 bits that hangs on the user's name alone."""
    return _hash(user)


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def show(example: Mapping[str, Any], number: int = 10) -> str:
    """The latest items of a history, as HTML."""
    from html import escape

    items = example["items"]
    before = f"<small>{len(items) - number:,} before</small> " if len(items) > number else ""
    return before + ", ".join(escape(item) for item in items[-number:])


@dataclass(frozen=True)
class ItemIndex:
    """The items that training histories have, numbered from the most popular one on; equally popular ones by name."""

    items: Sequence[str]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {item: place for place, item in enumerate(self.items)}

    @classmethod
    def fit(cls, histories: Iterable[Sequence[str]], min_users: int = 1) -> "ItemIndex":
        """Count the items of the training histories; those of fewer users than `min_users` are not known."""
        users = Counter(item for items in histories for item in items)
        return cls(sorted((i for i, count in users.items() if count >= min_users), key=lambda i: (-users[i], i)))

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
