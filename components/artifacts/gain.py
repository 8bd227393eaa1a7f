"""What tonight's run may gain, by the nights before.

Bayesian linear regression of the measured gains on two things: by how many doublings the rows are more than those that
the champion knows (errors fall with a power of the rows: Hestness et al., 2017, arXiv:1712.00409), and how far the data
have drifted from the champion's. The prior is wide and conjugate (normal and inverse gamma: Bishop, 2006, "Pattern
Recognition and Machine Learning", 3.3). Older nights count for less by DISCOUNT a night: so what was true before a
shock is forgotten, and what is not looked at for long is not known any more (West and Harrison, 1997, "Bayesian
Forecasting and Dynamic Models", 2.4; for decisions by the upper bound of such a regression Russac, Vernade and Cappé,
2019, arXiv:1909.09146).

A night that was skipped shows no gain. It was skipped for what is known before a run, and not for what the run would
have gained, so leaving it out makes no bias, as far as the line is right (Rubin, 1976, doi:10.1093/biomet/63.3.581). It
counts as a night that has passed.
"""

import math
from collections.abc import Sequence
from itertools import takewhile

import numpy as np

from stillhouse.components.artifacts.nights import Night
from stillhouse.components.artifacts.worth import ExpectedGain, News

FEW = 5
"""Measured gains below which nothing is said, and no run is skipped."""
DISCOUNT = 0.97
"""What a night counts for one night later, so that all together count for 33. Russac et al. set it by how often the
world changes; this is for a handful of times a year."""
CONFIDENCE = 0.95
"""Of each bound alone."""
WIDE = 100.0
"""Variance that the prior gives each coefficient, in those of a night's gain: it counts for a hundredth of a night."""
FREEDOM = 2.0
"""Nights that the prior counts for in the variance of a night's gain, which it takes to be that of the measurement."""
DRIFT_UNIT = 0.1
"""A distance that the prior takes to matter as much as twice the rows."""


def expected_gain(nights: Sequence[Night], news: News | None) -> ExpectedGain | None:
    """What a run gains over the champion; None where too few gains were measured, or tonight cannot be compared.

    Args:
        nights: All nights before, the oldest first. Those count whose gain is in the metric of the newest measured one.
        news: What the data hold that is new; None where they are not known yet: then the mean of the nights is told.
    """
    measured = [(age, night) for age, night in enumerate(reversed(nights), 1) if night.has_measured]
    measured = [(age, night) for age, night in measured if night.metric == measured[0][1].metric]
    tonight = _features(news) if news else [1.0]
    seen = [(age, night, _features(night.news) if news else [1.0]) for age, night in measured]
    known = [(age, night, features) for age, night, features in seen if features]
    if not tonight or len(known) < FEW:
        return None
    weights = np.array([DISCOUNT**age for age, *_ in known])
    gains, errors = (np.array([getattr(night, name) for _, night, _ in known], float) for name in ("gain", "error"))
    rows = np.array([features for *_, features in known])
    middle, spread = _at(np.array(tonight), rows, gains, errors, weights)
    return ExpectedGain(
        gain=middle,
        low=middle - spread,
        high=middle + spread,
        confidence=CONFIDENCE,
        nights=len(known),
        skipped=sum(night.is_skipped for night in nights),
        waiting=len(list(takewhile(lambda night: night.is_skipped, reversed(nights)))),
    )


def _features(news: News | None) -> list[float]:
    """What a gain is told by, after the 1 of the mean; empty where it is not known."""
    if news is None or news.doublings is None or news.drift is None:
        return []
    return [1.0, news.doublings, news.drift / DRIFT_UNIT]


def _at(
    tonight: np.ndarray, rows: np.ndarray, gains: np.ndarray, errors: np.ndarray, weights: np.ndarray
) -> tuple[float, float]:
    """The expectation of the gain under `tonight`, and how far its bounds lie from it.

    Args:
        tonight: float64 [features]
        rows: float64 [nights, features]
        gains: float64 [nights], as the next two: what was gained.
        errors: its standard errors.
        weights: what each night counts for.
    """
    weighted = rows * weights[:, None]
    precision = np.eye(len(tonight)) / WIDE + weighted.T @ rows
    slopes = np.linalg.solve(precision, weighted.T @ gains)
    freedom = FREEDOM + weights.sum()
    of_prior = FREEDOM * (weights @ errors**2) / weights.sum()
    left = weights @ gains**2 - slopes @ precision @ slopes
    variance = (of_prior + max(float(left), 0.0)) / freedom
    spread = math.sqrt(variance * float(tonight @ np.linalg.solve(precision, tonight)))
    return float(tonight @ slopes), spread * student_quantile(CONFIDENCE, float(freedom))


def student_quantile(probability: float, freedom: float) -> float:
    """The quantile of Student's t: with t = √freedom tan θ the density of θ is a power of its cosine."""
    theta = np.linspace(-math.pi / 2, math.pi / 2, 4_001)
    density = np.cos(theta) ** (freedom - 1)
    below = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
    return math.sqrt(freedom) * math.tan(float(np.interp(probability, below / below[-1], theta)))
