"""The worlds of docs/promotion.md: their fast path decides as the real gate, and creep ends at the margin."""

import numpy as np
import pytest
from promotions import MARGIN, STREAMS, Resamples, Rows, a_year, differing, lower_bounds


@pytest.fixture(scope="module")
def rows() -> Rows:
    return Rows()


@pytest.fixture(scope="module")
def resamples() -> Resamples:
    return Resamples()


def test_two_models_of_the_same_accuracy_differ_on_as_many_rows_as_is_said(rows: Rows) -> None:
    good = np.full(500, 9700)
    drawn = rows.draw(good, good - 10_000, good, np.random.default_rng(0))  # the anchor is the champion

    assert (drawn[:, 0, :, 1] + drawn[:, 1, :, 0]).sum(axis=1).mean() == pytest.approx(0.006 * 1200, rel=0.05)
    assert drawn[:, 0, 1].sum() == drawn[:, 1, 0].sum() == 0
    assert drawn[:, 1].sum(axis=(1, 2)).mean() == pytest.approx(0.97 * 1200, rel=0.01)


def test_the_fast_path_decides_as_the_real_gate(rows: Rows, resamples: Resamples) -> None:
    start, worse = STREAMS["0.1 points worse than the champion"]
    year = a_year(worse, start, rows, resamples, ledger=True, worlds=20, nights=40)

    assert {night.promoted for night in year.seen} == {True, False}
    assert differing(year.seen[1::8], resamples) == []


def test_creep_ends_at_the_margin_where_it_did_not_before(rows: Rows, resamples: Resamples) -> None:
    start, worse = STREAMS["0.1 points worse than the champion"]
    before, after = (
        a_year(worse, start, rows, resamples, ledger=ledger, worlds=40, nights=60) for ledger in (False, True)
    )

    assert (before.loss > MARGIN).all()
    assert (after.loss <= MARGIN).all()


def test_the_bounds_of_many_are_those_of_each(resamples: Resamples) -> None:
    gains, losses = np.array([0, 3, 9]), np.array([0, 8, 2])
    spread = resamples.of(gains, losses).spread
    one_by_one = [lower_bounds(gains[i : i + 1], losses[i : i + 1], spread[i : i + 1], 0.001)[0] for i in range(3)]

    assert lower_bounds(gains, losses, spread, 0.001).tolist() == one_by_one
