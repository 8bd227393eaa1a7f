"""Texts as a card and a report show them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup

EXCERPT_CHARACTERS = 280


def excerpt(text: str) -> str:
    """The beginning of a text, in one line."""
    flat = " ".join(text[: EXCERPT_CHARACTERS * 4].split())
    return flat if len(flat) <= EXCERPT_CHARACTERS else flat[:EXCERPT_CHARACTERS].rstrip() + " …"


CELL_CHARACTERS = 240
"""Shown of a text in a cell of the data card."""


def cell(text: str) -> "Markup | str":
    """The beginning of a text, for a wide cell of a table."""
    from markupsafe import Markup, escape

    if not text.strip():
        return "no text"
    flat = " ".join(text[: CELL_CHARACTERS * 4].split())
    cut = flat if len(flat) <= CELL_CHARACTERS else flat[: CELL_CHARACTERS - 1] + "…"
    return Markup('<span class="excerpt">{}</span>').format(escape(cut))
