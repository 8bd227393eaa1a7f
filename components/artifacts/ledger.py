"""The ledger of error: what each look at a candidate has spent of the chance of ever being wrong about the anchor.

A look is one candidate held against the anchor on one set of test rows. Each may be wrong with its own probability
alpha_k, and the sum of all of them, for ever, is ERROR: so the chance that any of the bounds is ever beyond the truth
stays below it, however many nights there are and however they depend on each other (Bonferroni's inequality with an
infinite series: alpha-spending, Lan and DeMets, 1983, doi:10.1093/biomet/70.3.659, as Foster and Stine, 2008,
doi:10.1111/j.1467-9868.2007.00643.x, have it for a stream of hypotheses).
"""

import math
from collections.abc import Callable

from pydantic import Field

from stillhouse.components.config.settings import Settings

ERROR = 0.05
"""The probability that all looks together may spend."""
SERIES = 2.1097428013
"""Sum of 1 / (n ln(n)^2) over all n from 2."""
MAX_LOOKS = 50
"""Looks that are kept one by one, the last ones: a run that is retried after more spends again."""


def alpha_of(number: int) -> float:
    """What look `number`, the first is 1, spends. It falls so slowly that the bounds of night 3,650 are only an eighth
    wider than those of night 365."""
    return ERROR / SERIES / ((number + 1) * math.log(number + 1) ** 2)


class Look(Settings):
    """One candidate, held against one anchor on one set of test rows; a retried run looks at the same again."""

    number: int
    candidate: str
    """Digest of the student."""
    anchor: str
    """Digest."""
    champion: str
    """Digest of the champion of that moment."""
    rows: str
    """Digest of the test rows."""
    alpha: float
    """What it has spent."""
    decided: str | None = None
    """Digest of what was known then of rows that had decided before, see `decided_rows`."""
    inputs: str = ""
    """Digest of all that the candidate was made from."""
    run: str
    time: str


class Ledger(Settings):
    """All looks of a model name."""

    looks: int = 0
    spent: float = 0.0
    """The sum of what all of them have spent."""
    decided: str | None = None
    """Digest of what is known of the rows that have decided."""
    recent: tuple[Look, ...] = Field(default=())
    """The last looks, newest last."""

    @property
    def left(self) -> float:
        """What is left for all looks to come."""
        return max(ERROR - self.spent, 0.0)

    @property
    def needed(self) -> set[str]:
        """Digests of what a run may still ask for: what is known now, and was before the last look."""
        return {digest for digest in (self.decided, *(look.decided for look in self.recent[-1:])) if digest}

    def found(self, candidate: str, anchor: str, rows: str) -> Look | None:
        """The look of before at the same."""
        sought = (candidate, anchor, rows)
        return self._last(lambda look: (look.candidate, look.anchor, look.rows) == sought)

    def made_from(self, inputs: str, champion: str) -> Look | None:
        """The last look at a candidate of these inputs, beside this champion."""
        return self._last(lambda look: bool(inputs) and (look.inputs, look.champion) == (inputs, champion))

    def with_look(self, look: Look, decided: str) -> "Ledger":
        """The ledger after a look that is new."""
        return Ledger(
            looks=look.number,
            spent=self.spent + look.alpha,
            decided=decided,
            recent=(*self.recent, look)[-MAX_LOOKS:],
        )

    def _last(self, is_sought: Callable[[Look], bool]) -> Look | None:
        return next((look for look in reversed(self.recent) if is_sought(look)), None)
