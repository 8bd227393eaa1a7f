"""Histories and items in reports."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stillhouse.components.modalities.interactions.items import ItemIndex

if TYPE_CHECKING:
    from markupsafe import Markup

    from stillhouse.components.reporting.page import Badge, Section

GROUPS = 12
SEED = 1
"""Of the first centres of the groups: a report is the same whenever it is made."""
_LATEST = 10


def show(example: Mapping[str, Any], number: int = _LATEST) -> "Markup":
    """The latest items of a history, as HTML."""
    from markupsafe import Markup

    items = example["items"]
    shown = Markup("{}").format(", ".join(items[-number:]))
    return Markup("<small>{} before</small> ").format(f"{len(items) - number:,}") + shown if items[number:] else shown


def badges(held_out: Sequence[str], recommended: Mapping[str, Sequence[str]], error: float) -> "list[Badge]":
    """What stands over a user: what came next, what each model says, and the error.

    Args:
        recommended: the items of each model, best first.
    """
    from stillhouse.components.reporting.page import Badge

    told = [Badge(f"{name}: {few(items)}") for name, items in recommended.items()]
    return [Badge(f"error {error:.3f}", "bad"), Badge(f"taken next: {few(held_out)}", "good"), *told]


def few(items: Sequence[str], number: int = 5) -> str:
    """The first of the items, and how many there are more."""
    return ", ".join(items[:number]) + (f" and {len(items) - number:,} more" if items[number:] else "")


def groups_section(folder: Path) -> "Section":
    """What the embeddings of the model in `folder` hold together: the items in groups."""
    from safetensors.numpy import load_file

    from stillhouse.components.modalities.interactions.neighbours import item_groups
    from stillhouse.components.reporting.page import Section, Table

    index = ItemIndex.read(folder)
    embeddings = load_file(folder / "model.safetensors")["encoder.embeddings.weight"]
    groups = item_groups(embeddings, GROUPS, SEED)
    rows = [[f"{size:,}", ", ".join(index.items[item] for item in first)] for size, first in groups]
    text = "Items whose embeddings in the student point the same way (k-means), by their most popular ones."
    return Section("Groups of items", text, [Table(["items", "most popular"], rows)])
