"""What a figure of merit is: a function of weights, so that one path measures resamples, slices and paired rows."""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import numpy as np

Statistics = Mapping[str, np.ndarray]
"""All that the measures of one model on one set of examples need. The first axis of an array is examples, or what lies
flat for them all (detections, entities), with `row`, int64 [flat], beside it."""

Weights = np.ndarray
"""Whole numbers [resamples, examples]: how often each resample drew each example; zero where it is not in it."""


class Measure(NamedTuple):
    """A figure of merit that any resample, slice or subset can be asked for."""

    name: str
    """As evaluation.json, gates and MLflow spell it."""
    title: str
    """As a person reads it."""
    value: Callable[[Statistics, Weights], np.ndarray]
    """float64 [resamples]; nan where it is undefined."""
    greater_is_better: bool = True
    tolerance: Literal["points", "share"] = "points"
    """What `within_teacher: 0.02` means for it: so many points of a scale from 0 to 1, or such a share of the value."""
