"""The bound against the anchor, held against exact sums over all outcomes."""

import numpy as np
import pytest
from scipy.stats import binom

from stillhouse.components.artifacts.evaluation import PairedEstimate
from stillhouse.components.promote.bounds import lower_bound, rows_needed


def error(rows: int, gain: float, loss: float, alpha: float) -> float:
    """The probability that the bound is above the truth, of rows won and lost with these probabilities."""
    most = [int(binom.isf(alpha / 1e4, rows, chance)) + 1 for chance in (gain, loss)]
    wrong = 0.0
    for gains in range(most[0]):
        for losses in range(min(most[1], rows - gains)):
            difference = (gains - losses) / rows
            spread = np.sqrt(((gains + losses) / rows - difference**2) / rows)
            found = PairedEstimate(rows=rows, difference=difference, standard_error=spread, row_cost=1 / rows)
            if lower_bound(found, alpha) > gain - loss + 1e-12:
                wrong += binom.pmf(losses, rows, loss) * binom.pmf(gains, rows - losses, gain / (1 - loss))
    return float(wrong)


@pytest.mark.parametrize("alpha", [0.0247, 1e-4, 1e-6])
@pytest.mark.parametrize(
    ("rows", "gain", "loss"), [(30, 0.0, 0.2), (300, 0.01, 0.05), (1200, 0.0, 0.0315), (1200, 0.006, 0.016)]
)
def test_it_is_above_the_truth_no_more_often_than_alpha(rows: int, gain: float, loss: float, alpha: float) -> None:
    assert error(rows, gain, loss, alpha) <= alpha


def test_rows_that_show_no_difference_prove_no_more_than_their_number() -> None:
    found = PairedEstimate(rows=100, difference=0.0, standard_error=0.0, row_cost=0.01)

    assert lower_bound(found, 0.001) < np.log(0.001) / 100  # (1 - p) ** 100 = 0.001: so large a loss may hide


def test_rows_needed_are_those_from_which_equal_answers_are_within_the_margin() -> None:
    def equal(rows: int) -> PairedEstimate:
        return PairedEstimate(rows=rows, difference=0.0, standard_error=0.0, row_cost=1 / rows)

    needed = rows_needed(1e-4, 0.02)

    assert 450 < needed < 600
    assert -lower_bound(equal(needed), 1e-4) <= 0.02 < -lower_bound(equal(needed * 97 // 100), 1e-4)
