"""The streams of docs/promotion.md: no plan costs less than the oracle's, skipping half of every night's."""

import numpy as np
import pytest
from worth import NIGHTS, PRICE, STREAMS, World, Year, a_year, every, worth

SEEDS = 2


@pytest.fixture(scope="module")
def years() -> dict[str, list[Year]]:
    """Of the stream whose shocks nothing shows."""
    plans = {"every night": every(1), "never": every(NIGHTS), "skip_below": worth(PRICE)}
    return {
        name: [a_year(World(STREAMS[2], seed), plan, PRICE) for seed in range(SEEDS)] for name, plan in plans.items()
    }


def test_nobody_does_better_than_who_knows(years: dict[str, list[Year]]) -> None:
    assert min(year.regret for found in years.values() for year in found) >= 0


def test_skipping_costs_at_most_half_of_what_every_night_does_and_less_than_never(
    years: dict[str, list[Year]],
) -> None:
    every_night, never, skipping = (
        np.mean([year.regret for year in years[name]]) for name in ("every night", "never", "skip_below")
    )

    assert skipping <= every_night / 2
    assert skipping <= never / 2


@pytest.mark.parametrize(("hurt", "cost"), [(0.01, PRICE), (0.00001, 0.00001 * (NIGHTS - 300))])
def test_the_oracle_runs_in_the_night_of_a_shock_if_that_is_cheaper(hurt: float, cost: float) -> None:
    world, night = World(STREAMS[2], 0), np.arange(NIGHTS)
    world.quality = np.where((night[:, None] >= 300) & (night[None, :] < 300), 0.9 - hurt, 0.9)
    world.best = np.full(NIGHTS, 0.9)

    assert world.cheapest(PRICE) == pytest.approx(cost)
