"""What tonight's run may gain, by the nights before."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy.stats import t

from stillhouse.components.artifacts.gain import DISCOUNT, FEW, FREEDOM, WIDE, expected_gain, student_quantile
from stillhouse.components.artifacts.nights import SKIPPED, Night
from stillhouse.components.artifacts.worth import Cost, ExpectedGain, News

QUIET = News(new_rows=10, known_rows=1000, drift=0.02)
SHOCK = News(new_rows=10, known_rows=1000, drift=0.3)


def night(gain: float | None, news: News | None = QUIET, **other: Any) -> Night:
    """One night, skipped where it has no gain."""
    known = {"run": "r", "time": "2026-03-02T07:00:00+00:00", "decision": SKIPPED if gain is None else "rejected"}
    measured = {} if gain is None else {"gain": gain, "error": 0.002, "metric": "f1_macro", "cost": Cost(hours=1)}
    return Night.model_validate(known | measured | {"news": news} | other)


def quiet(number: int) -> list[Night]:
    """Nights that gained next to nothing."""
    return [night(gain) for gain in np.random.default_rng(0).normal(0, 0.002, number)]


def known(nights: Sequence[Night], news: News | None = QUIET) -> ExpectedGain:
    found = expected_gain(nights, news)
    assert found
    return found


def test_the_mean_is_that_of_the_posterior() -> None:
    gains = [0.004, 0.001, 0.003, 0.002, 0.005]
    weights = np.array([DISCOUNT**age for age in (5, 4, 3, 2, 1)])
    middle = weights @ gains / (weights.sum() + 1 / WIDE)
    variance = (FREEDOM * 0.002**2 + weights @ np.square(gains) - middle**2 * (weights.sum() + 1 / WIDE)) / (
        FREEDOM + weights.sum()
    )
    far = t.ppf(0.95, FREEDOM + weights.sum()) * np.sqrt(variance / (weights.sum() + 1 / WIDE))

    found = known([night(gain) for gain in gains], None)

    assert (found.gain, found.high) == (pytest.approx(middle), pytest.approx(middle + far, rel=1e-4))


def test_while_too_little_is_known_nothing_is_said() -> None:
    assert expected_gain(quiet(FEW - 1), QUIET) is None
    assert expected_gain(quiet(FEW), QUIET)


def test_after_quiet_nights_a_quiet_night_is_not_worth_it_and_a_shock_is() -> None:
    nights = quiet(15)

    assert known(nights).too_little(0.003)
    assert not known(nights, SHOCK).too_little(0.003)


def test_skipped_nights_say_nothing_of_their_gain_and_what_was_known_grows_old() -> None:
    nights = quiet(15)
    later = known([*nights, *[night(None)] * 120])

    assert (later.nights, later.skipped) == (15, 120)
    assert known(nights).too_little(0.003)
    assert later.high > 0.003  # so a run is tried again


def test_no_more_than_thirty_runs_in_a_row_are_skipped() -> None:
    sure = [night(0.0, error=1e-6)] * 15

    assert known([*sure, *[night(None)] * 29]).too_little(0.003)
    assert not known([*sure, *[night(None)] * 30]).too_little(0.003)
    assert known([*sure, *[night(None)] * 30, night(0.0, error=1e-6)]).too_little(0.003)


def test_more_drift_is_learnt_to_gain_more() -> None:
    chance = np.random.default_rng(0)
    drifts = chance.uniform(0.0, 0.3, 30)
    nights = [
        night(0.1 * drift + chance.normal(0, 0.001), News(new_rows=10, known_rows=1000, drift=drift))
        for drift in drifts
    ]
    found = known(nights, News(new_rows=10, known_rows=1000, drift=0.2))

    assert found.gain == pytest.approx(0.02, abs=0.002)
    assert found.low < 0.02 < found.high


def test_what_came_from_the_cache_was_measured_before() -> None:
    assert expected_gain([*quiet(FEW - 1), *[night(0.01, cost=None)] * 9], QUIET) is None


def test_gains_in_another_metric_do_not_count() -> None:
    assert expected_gain([night(0.9, metric="accuracy"), *quiet(FEW - 1)], QUIET) is None


@pytest.mark.parametrize("news", [News(), News(new_rows=3, known_rows=0, drift=0.1), News(new_rows=3, known_rows=9)])
def test_a_night_that_cannot_be_compared_is_not_judged(news: News) -> None:
    assert expected_gain(quiet(15), news) is None


def test_what_was_found_is_said() -> None:
    found = ExpectedGain(gain=0.0004, low=-0.001, high=0.0012, confidence=0.95, nights=14, skipped=6)

    assert found.too_little(0.002) == "expected gain 0.0004, at most 0.0012, of at least 0.002"
    assert found.too_little(0.001) == found.too_little(0) == ""
    assert found.sentence == (
        "Expected gain over the champion: 0.0004 (-0.0010 to 0.0012), by the gains of 14 runs before; 6 more were "
        "skipped, and say nothing of theirs."
    )


@pytest.mark.parametrize("freedom", [2.0, 3.7, 12.0, 35.0])
def test_the_quantile_is_students(freedom: float) -> None:
    assert student_quantile(0.95, freedom) == pytest.approx(t.ppf(0.95, freedom), abs=1e-4)
