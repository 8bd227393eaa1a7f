"""Texts as a report shows them."""

EXCERPT_CHARACTERS = 280


def excerpt(text: str) -> str:
    """The beginning of a text, in one line."""
    flat = " ".join(text[: EXCERPT_CHARACTERS * 4].split())
    return flat if len(flat) <= EXCERPT_CHARACTERS else flat[:EXCERPT_CHARACTERS].rstrip() + " …"
