"""What a figure of merit is: a function of weights, so that one path measures resamples, slices and paired rows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

Statistics = Mapping[str, np.ndarray]
"""All that the measures of one model on one set of examples need. The first axis of an array is examples. What lies
flat for them all (detections, entities) has a name that begins with `flat_`; `flat_row`, int64 [flat], is the example
of each. What is counted of all examples together has a name that begins with `whole_`."""

Weights = np.ndarray
"""Whole numbers [resamples, examples]: how often each resample drew each example; zero where it is not in it."""


class Measure(NamedTuple):
    """A figure of merit that any resample, slice or subset can be asked for."""

    name: str
    """As evaluation.json, gates and MLflow spell it."""
    title: str
    """As a person reads it within a sentence."""
    value: Callable[[Statistics, Weights], np.ndarray]
    """float64 [resamples]; nan where it is undefined."""
    greater_is_better: bool = True
    tolerance: Literal["points", "share"] = "points"
    """What `within_teacher: 0.02` means for it: so many points of a scale from 0 to 1, or such a share of the value."""


def values_of(statistics: Statistics, measures: Sequence[Measure], examples: int) -> dict[str, float]:
    """The measures of all examples, each once, by name; those that are undefined are left out."""
    once = np.ones((1, examples), np.int32)
    values = {measure.name: float(measure.value(statistics, once)[0]) for measure in measures}
    return {name: value for name, value in values.items() if np.isfinite(value)}


def part_of(statistics: Statistics, chosen: np.ndarray) -> Statistics:
    """The statistics of some examples alone: what weights of zero for all others come to, at less cost. What is counted
    of all of them together is left out.

    Args:
        chosen: bool [examples].
    """
    place = np.cumsum(chosen) - 1
    part = {name: values for name, values in statistics.items() if not name.startswith("whole_")}
    rows = statistics.get("flat_row")
    for name, values in part.items():
        part[name] = values[chosen if rows is None or not name.startswith("flat_") else chosen[rows]]
    if rows is not None:
        part["flat_row"] = place[part["flat_row"]]
    return type(statistics)(part)  # type: ignore[call-arg]
