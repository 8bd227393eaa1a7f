"""How much worse than the anchor a candidate may be, at a probability of error that is far below a bootstrap's reach:
the difference less the margin that `targets/bounds.py` describes."""

from functools import cache

from stillhouse.components.artifacts.evaluation import PairedEstimate
from stillhouse.components.targets.bounds import margin


def lower_bound(found: PairedEstimate, alpha: float) -> float:
    """What the difference is at least, but for a probability of `alpha`."""
    return found.difference - margin(found.rows, found.standard_error, found.row_cost, alpha)


@cache
def rows_needed(alpha: float, within: float) -> int:
    """From how many rows on a candidate that answers them all as the anchor does is shown to be no further than
    `within` below it."""
    rows = 2
    while margin(rows, 0.0, 1 / rows, alpha) > within:
        rows += max(1, rows // 50)
    return rows
