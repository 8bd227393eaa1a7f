"""How much worse than the anchor a candidate may be, at a probability of error that is far below a bootstrap's reach.

2,000 resamples say nothing of the quantile of 1 in 100,000. The bound here is the studentised one with the terms that
skewness and rows not seen ask for: with z the quantile of alpha (of Student's t with rows - 1 degrees of freedom), c
the cost of a wrong answer and s the standard error,

    lower = difference - c (z^2 + 2) / 3 - z sqrt(s^2 + 2 c^2)

(z^2 + 2) / 3 is the Cornish-Fisher term of a Poisson count of losses, each of which costs c (Johnson, 1978, "Modified t
tests and confidence intervals for asymmetrical populations", has it for any mean);
2 c^2 stands for losses that no row has shown yet. Held against exact sums over all outcomes of gains and losses the
error is at most alpha for 30 to 10,000 rows and alpha from 0.025 to 1e-7 (`tests/unit/promote/test_bounds.py`).
"""

from functools import cache
from statistics import NormalDist

from stillhouse.components.artifacts.evaluation import PairedEstimate

UNSEEN = 2.0
"""Losses that no row has shown, in the variance of their number."""


def lower_bound(found: PairedEstimate, alpha: float) -> float:
    """What the difference is at least, but for a probability of `alpha`."""
    return found.difference - _margin(found, alpha)


@cache
def rows_needed(alpha: float, margin: float) -> int:
    """From how many rows on a candidate that answers them all as the anchor does is shown to be within `margin`."""
    rows = 2
    while _margin(PairedEstimate(rows=rows, difference=0.0, standard_error=0.0, row_cost=1 / rows), alpha) > margin:
        rows += max(1, rows // 50)
    return rows


def _margin(found: PairedEstimate, alpha: float) -> float:
    z = student(NormalDist().inv_cdf(1 - alpha), max(found.rows - 1, 1))
    spread = (found.standard_error**2 + UNSEEN * found.row_cost**2) ** 0.5
    return found.row_cost * (z * z + 2) / 3 + z * spread


def student(z: float, freedom: int) -> float:
    """The quantile of Student's t for the normal quantile z (Hill's expansion; to 2 % from 10 degrees on)."""
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
