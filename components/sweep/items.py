"""What sweep looks at: things that are kept or removed as one."""

from collections.abc import Callable
from dataclasses import dataclass, field

from stillhouse.components.storage.store import Entries, Store


@dataclass(frozen=True)
class Item:
    """A checkpoint, a cached step, the folder of a run."""

    kind: str
    """What people call it."""
    store: Store
    keys: tuple[str, ...]
    """What it is in the store, with all below, in the order of removal; also what a lease must cover to save it."""
    size: int
    """In bytes."""
    modified: float
    """When it was last written or used, by the store's clock: seconds since 1970."""
    garbage: bool = False
    """Nobody will ever use it, however young it is."""
    reason: str = ""
    """Why it stays whatever its age."""
    remove_now: Callable[[], None] | None = field(default=None, compare=False)
    """Removes it, where that is more than removing its keys."""

    @property
    def top(self) -> str:
        """The first part of its place, such as `models` or `checkpoints`; of the folder of a run its kind."""
        first, _, below = self.keys[-1].partition("/")
        return first if below else self.kind

    def written_meanwhile(self) -> bool:
        """Whether something of it is newer than when it was listed."""
        return any(entry.modified > self.modified for key in self.keys for entry in self.store.list(key))

    def remove(self) -> None:
        """Remove it from the store."""
        if self.remove_now:
            self.remove_now()
            return
        for key in self.keys:
            self.store.delete(key)


def grouped(entries: Entries, depth: int) -> dict[str, Entries]:
    """The entries of a listing by the first `depth` parts of their keys."""
    groups: dict[str, Entries] = {}
    for entry in entries:
        groups.setdefault("/".join(entry.key.split("/")[:depth]), []).append(entry)
    return groups


def item_of(
    kind: str,
    store: Store,
    keys: tuple[str, ...],
    entries: Entries,
    *,
    reason: str = "",
    remove_now: Callable[[], None] | None = None,
) -> Item:
    """The item that consists of the entries of a listing."""
    size, modified = sum(entry.size for entry in entries), max(entry.modified for entry in entries)
    return Item(kind, store, keys, size, modified, reason=reason, remove_now=remove_now)
