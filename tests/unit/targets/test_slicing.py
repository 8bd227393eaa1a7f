"""Slices of examples by what they hold."""

import numpy as np

from stillhouse.components.targets.slicing import by_member, in_ranges


def told(slices: object) -> dict[str, list[int]]:
    return {name: np.flatnonzero(mask).tolist() for name, mask in slices}  # type: ignore[attr-defined]


def test_a_number_makes_ranges_of_about_as_many_examples_and_says_where_there_is_none() -> None:
    values = np.array([5.0, 1.0, np.nan, 8.0, 2.0, 7.0, 3.0, 1200.0, 4.0])
    assert told(in_ranges("age", values)) == {
        "age: 1 to 2": [1, 4],
        "age: 3 to 4": [6, 8],
        "age: 5 to 7": [0, 5],
        "age: 8 to 1,200": [3, 7],
        "age: none": [2],
    }


def test_values_that_are_alike_stay_together() -> None:
    values = np.array([0.0] * 8 + [0.5, 2.5])
    assert told(in_ranges("fare", values)) == {
        "fare: 0": [0, 1, 2, 3, 4, 5, 6, 7],
        "fare: 0.5 to 2.5": [8, 9],
        "fare: none": [],
    }


def test_a_word_makes_a_slice_where_some_have_it_and_some_have_not() -> None:
    texts = [["the", "free"] if row % 2 else ["the", "rare"] if row == 0 else ["the"] for row in range(24)]
    assert told(by_member(texts, "with '{}'".format)) == {"with 'free'": list(range(1, 24, 2))}
