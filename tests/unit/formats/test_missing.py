"""One list of what stands for no value."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from stillhouse.components.formats.missing import MARKS, WORDS, Missing

ALWAYS = [None, float("nan"), Decimal("NaN"), np.float32("nan"), np.datetime64("NaT"), "", " ", "\t\n", "\xa0"]
VALUES = [0, 0.0, False, "0", "false", "-", "?", "x", "nano", "Nancy", "nonesuch", [], [None], float("inf")]


@pytest.mark.parametrize("value", ALWAYS, ids=repr)
@pytest.mark.parametrize("words", [None, [], ["x"]], ids=str)
def test_null_nan_and_blank_text_are_missing_everywhere(value: Any, words: list[str] | None) -> None:
    missing = Missing(words)
    assert missing.is_name_missing(value)
    assert missing.is_key_missing(value)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_whatever_else_is_a_value(value: Any) -> None:
    assert not Missing().is_name_missing(value)
    assert not Missing().is_key_missing(value)


@pytest.mark.parametrize("value", ["nan", "NaN", "NAN", "-nan", "NaT", "<NA>", " <na> ", "#N/A", "-1.#IND", "\\N"])
def test_what_programs_write_for_no_value_is_missing_everywhere(value: str) -> None:
    assert Missing().is_name_missing(value)
    assert Missing().is_key_missing(value)


@pytest.mark.parametrize("value", ["None", "none", "NULL", "null", "NA", "na", "N/A", "n/a", "nil", " NA "])
def test_what_people_write_is_missing_in_groups_splits_and_numbers_and_a_name_among_labels(value: str) -> None:
    assert Missing().is_key_missing(value)
    assert not Missing().is_name_missing(value)
    assert Missing().is_word(value)


def test_given_words_replace_both_lists_everywhere() -> None:
    missing = Missing(["Unknown", " NA"])
    for value in ("unknown", "UNKNOWN ", "na"):
        assert missing.is_key_missing(value)
        assert missing.is_name_missing(value)
    for value in ("None", "nan"):
        assert not missing.is_key_missing(value)
        assert not missing.is_name_missing(value)
    assert [missing.is_word(value) for value in ("None", "na", "nan", "ham")] == [True, False, False, False]


def test_no_given_word_leaves_only_what_is_always_missing() -> None:
    assert not any(Missing([]).is_key_missing(word) for word in MARKS | WORDS)


@pytest.mark.parametrize("value", [-1, -1.0, np.int8(-1), Decimal("-1.00"), "-1", "-1.0", " -1 "], ids=repr)
def test_a_given_number_is_missing_in_every_type_and_spelling(value: Any) -> None:
    for word in ("-1", "-1.0"):
        assert Missing([word]).is_name_missing(value)
        assert Missing([word]).is_key_missing(value)
    assert not Missing(["1", "-10", "x"]).is_name_missing(value)
    assert not Missing().is_name_missing(value)


@pytest.mark.parametrize("value", ["v-1.0", "-1.0.0", "-1.01", 1, -10.0, True, [-1]], ids=repr)
def test_other_numbers_and_names_are_not_that_number(value: Any) -> None:
    assert not Missing(["-1"]).is_name_missing(value)
