"""Pictures of promote's pages: no drawing library is installed where it runs."""

from collections.abc import Iterable
from html import escape

WIDTH, LEFT, TOP = 420, 44, 14
"""Of a picture, and the room of its axis and above, in pixels."""
RIGHT = WIDTH - 14
MARK = "#E69F00"
"""Colour of the one thing that is looked for."""


def picture(caption: str, height: int, marks: Iterable[str]) -> str:
    """A picture of SVG elements, with its caption for who cannot see it."""
    return (
        f'<svg role="img" aria-label="{escape(caption)}" width="100%" style="max-width:{WIDTH * 1.2:.0f}px" '
        f'viewBox="0 0 {WIDTH} {height}" font-size="11.5" fill="currentColor">{"".join(marks)}</svg>'
    )
