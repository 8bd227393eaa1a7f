"""How far the truth may be from an estimate, at a probability of error that may be far below a bootstrap's reach.

2,000 resamples say nothing of the quantile of 1 in 100,000, and nothing of rows that are all answered right: no
resample has another value. The margin here is the studentised one with the terms that skewness and rows not seen ask
for: with z the quantile of alpha (of Student's t with rows - 1 degrees of freedom), c what a wrong answer costs in the
measure and s the standard error,

    margin = c (z^2 + 2) / 3 + z sqrt(s^2 + 2 c^2)

(z^2 + 2) / 3 is the Cornish-Fisher term of a Poisson count of losses, each of which costs c (Johnson, 1978, "Modified t
tests and confidence intervals for asymmetrical populations", has it for any mean);
2 c^2 stands for losses that no row has shown yet. Held against exact sums over all outcomes of gains and losses the
error is at most alpha for 30 to 10,000 rows and alpha from 0.025 to 1e-7 (`tests/unit/promote/test_bounds.py`), and so
of a share of right answers from 10 rows on (`tests/unit/targets/test_bounds.py`).
"""

from statistics import NormalDist

UNSEEN = 2.0
"""Losses that no row has shown, in the variance of their number."""


def margin(rows: int, standard_error: float, row_cost: float, alpha: float) -> float:
    """By how much the truth may be off the estimate to one side, but for a probability of `alpha`.

    Args:
        row_cost: c, as above.
    """
    z = student(NormalDist().inv_cdf(1 - alpha), max(rows - 1, 1))
    spread = (standard_error**2 + UNSEEN * row_cost**2) ** 0.5
    return row_cost * (z * z + 2) / 3 + z * spread


def student(z: float, freedom: int) -> float:
    """The quantile of Student's t for the normal quantile z (Hill's expansion; to 2 % from 10 degrees on)."""
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
