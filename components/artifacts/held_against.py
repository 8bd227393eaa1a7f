"""What inspect tells evaluate of the models that a candidate is held against."""

from stillhouse.components.config.settings import Settings


class Rival(Settings):
    """A model that a candidate is held against."""

    version: str | None = None
    digest: str
    uri: str


class HeldAgainst(Rival):
    """The champion, and what there is beside it."""

    anchor: Rival | None = None
    """The champion itself, where that is the anchor; None of a hand-written one."""
    decided: str | None = None
    """Digest of what is known of the rows that have helped to decide, see `decided_rows`."""
    look: int = 0
    """Number of the look that the champion was promoted by."""
    shelf_life: int = 100
    """How often a row may help to decide."""
