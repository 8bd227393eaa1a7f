"""What is random in a training view: a pure function of (seed, epoch, row, position)."""

import numpy as np
import pytest

from stillhouse.components.modalities.randomness import uniform


def test_random_numbers_belong_to_seed_epoch_row_and_position_whatever_the_batch() -> None:
    whole = uniform(3, 2, np.arange(50), 20)
    assert uniform(3, 2, np.array([41, 7]), 12).tolist() == whole[[41, 7], :12].tolist()


@pytest.mark.parametrize(("seed", "epoch", "stream"), [(4, 2, 0), (3, 1, 0), (3, 2, 1)])
def test_another_seed_epoch_or_stream_draws_independently(seed: int, epoch: int, stream: int) -> None:
    one = uniform(3, 2, np.arange(200), 50)
    other = uniform(seed, epoch, np.arange(200), 50, stream)
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.03


def test_neighbouring_rows_and_positions_are_independent() -> None:
    numbers = uniform(1, 0, np.arange(300), 60)
    assert abs(np.corrcoef(numbers[:-1].ravel(), numbers[1:].ravel())[0, 1]) < 0.03
    assert abs(np.corrcoef(numbers[:, :-1].ravel(), numbers[:, 1:].ravel())[0, 1]) < 0.03


def test_random_numbers_are_uniform() -> None:
    from scipy.stats import kstest

    numbers = uniform(1, 0, np.arange(400), 50).ravel()
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert kstest(numbers, "uniform").pvalue > 0.01
