"""The one-sided bound of a share of right answers, held against exact sums over all outcomes."""

import numpy as np
import pytest
from scipy.stats import binom

from stillhouse.components.targets.bounds import margin


@pytest.mark.parametrize("alpha", [0.05, 1e-3, 1e-5])
@pytest.mark.parametrize("rows", [10, 40, 300, 3000])
def test_it_is_above_the_truth_no_more_often_than_alpha(rows: int, alpha: float) -> None:
    right = np.arange(rows + 1)
    share = right / rows
    spread = np.sqrt(share * (1 - share) / rows)
    # What a wrong answer costs by the standard error is below 1 / rows of a plain share.
    lower = share - [margin(rows, error, 1 / rows, alpha) for error in spread]
    for truth in (0.3, 0.5, 0.7, 0.9, 0.97, 0.99, 0.999):
        assert binom.pmf(right[lower > truth], rows, truth).sum() <= alpha
