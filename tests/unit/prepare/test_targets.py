"""Classes, sets of labels and numbers."""

from typing import Any

import pytest

from stillhouse.components.formats.missing import Missing
from stillhouse.components.prepare.targets import Targets, read_targets
from stillhouse.errors import UserError

NAN = float("nan")


def targets(values: list[Any], kind: Any = "auto") -> Targets:
    return read_targets(values, kind, lambda row: f"row {row}")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["ham", "spam"], "classes"),
        ([0, 1], "classes"),
        ([True, False], "classes"),
        ([1.0, NAN, 2.0], "classes"),
        (["1", "2"], "classes"),
        ([0.5, 2.0], "number"),
        (["0.5", "", "2"], "number"),
        (["0.5", "NaN"], "number"),
        (["0.5", "many"], "classes"),
        ([["a"], None], "multi_label"),
        (["a|b", "a"], "classes"),
    ],
)
def test_the_kind_is_told_by_the_values(values: list[Any], kind: str) -> None:
    assert targets(values).kind == kind


def test_classes_are_numbered_by_sorted_name() -> None:
    assert targets(["spam", " ham", "spam", "ham "]) == Targets("classes", ["ham", "spam"], [1, 0, 1, 0])


def test_whole_numbers_are_sorted_by_value() -> None:
    assert targets(["10", "9", "-1"]).labels == ["-1", "9", "10"]


def test_whole_numbers_have_one_name_however_they_are_written() -> None:
    assert targets([1.0, 2.0]).labels == targets(["1.0", "2.0"]).labels == targets([1, 2]).labels == ["1", "2"]


@pytest.mark.parametrize("missing", [None, NAN, "", "  ", "NaN", "nan"])
def test_a_missing_value_is_no_label(missing: Any) -> None:
    assert targets(["a", missing, "b"]).values == [0, None, 1]


def test_a_class_may_be_called_none() -> None:
    assert targets(["None", "NA", "null", "a", "None"]).labels == ["NA", "None", "a", "null"]


def test_a_word_among_numbers_is_no_number() -> None:
    assert targets(["0.5", "N/A", "None", "2"]) == Targets("number", [], [0.5, None, None, 2.0])


def test_the_words_for_no_value_can_be_given() -> None:
    found = read_targets(["a", "NA", "nan"], "auto", lambda row: f"row {row}", Missing(["na"]))
    assert found == Targets("classes", ["a", "nan"], [0, None, 1])


def test_numbers_stay_numbers() -> None:
    assert targets(["1.5", None, 2, 1e3], "number") == Targets("number", [], [1.5, None, 2.0, 1000.0])


def test_sets_are_lists_or_strings_with_bars() -> None:
    expected = Targets("multi_label", ["a", "b", "c"], [(0, 2), (1,), None])
    assert targets(["c|a", "b", None], "multi_label") == expected
    assert targets([["c", "a", "c"], ["b"], None]) == expected


def test_an_empty_list_is_a_row_with_no_label_set() -> None:
    assert targets([["a"], []]).values == [(0,), ()]


@pytest.mark.parametrize(
    ("values", "kind", "sentence"),
    [
        ([1.5, "many"], "number", "row 1: 'many' is no finite number; mend it, or set target to classes"),
        ([1.5, float("inf")], "number", "row 1: inf is no finite number"),
        (["x", ["a"]], "classes", r"row 1: \['a'\] is a list, and one class is needed"),
        (["a||b"], "multi_label", r"row 0: 'a\|\|b' has an empty name in it"),
        ([["a", None]], "auto", r"row 0: \['a', None\] has an empty name in it"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_its_place(values: list[Any], kind: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        targets(values, kind)
