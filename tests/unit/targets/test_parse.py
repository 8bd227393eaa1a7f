"""Classes, sets of labels and numbers."""

from typing import Any

import pytest

from stillhouse.components.formats.missing import Missing
from stillhouse.components.targets.parse import LabelReading, Targets, read_targets
from stillhouse.errors import UserError

NAN = float("nan")


def targets(values: list[Any], kind: Any = "auto") -> Targets:
    return read_targets(values, lambda row: f"row {row}", LabelReading(kind))


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
        (["a|b", "a"], "multi_label"),
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
    found = read_targets(["a", "NA", "nan"], lambda row: f"row {row}", LabelReading(missing=Missing(["na"])))
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
        (
            [1.5, "many"],
            "number",
            "row 1: 'many' is not a number as it is written.*; write a number.*, or set prepare.target to classes",
        ),
        ([1.5, float("inf")], "number", "row 1: inf is not a finite number"),
        (["x", ["a"]], "classes", r"row 1: \['a'\] is a list, and one class is needed"),
        (["a||b"], "multi_label", r"row 0: 'a\|\|b' has an empty name in it"),
        ([["a", None]], "auto", r"row 0: \['a', None\] has an empty name in it"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_its_place(values: list[Any], kind: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        targets(values, kind)


def of(values: list[Any], **given: Any) -> Targets:
    return read_targets(values, lambda row: f"mails.csv, row {row}, column 'label'", LabelReading(**given))


# Vectors of 0 and 1

VECTORS = [[0, 0, 1, 0], [1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
PLACES = Targets("multi_label", ["label 0", "label 1", "label 2", "label 3"], [(2,), (0, 2), (1,), ()])


@pytest.mark.parametrize(
    "write",
    [
        list,
        lambda bits: [str(bit) for bit in bits],
        lambda bits: [bool(bit) for bit in bits],
        lambda bits: [float(bit) for bit in bits],
        lambda bits: ["true" if bit else "false" for bit in bits],
        str,
        lambda bits: str([bool(bit) for bit in bits]),
        lambda bits: "[" + ",".join(map(str, bits)) + "]",
        lambda bits: "[" + " ".join(map(str, bits)) + "]",
        lambda bits: "[" + " ".join(f"{bit}." for bit in bits) + "]",
        lambda bits: str(tuple(bits)),
        lambda bits: "|".join(map(str, bits)),
    ],
)
def test_vectors_are_vectors_however_they_are_written(write: Any) -> None:
    found = of([write(bits) for bits in VECTORS])
    assert (found.kind, found.labels, found.values) == (PLACES.kind, PLACES.labels, PLACES.values)
    assert found.notes == [
        "The labels are vectors of 4 zeros and ones, named by their places; prepare.label_names gives other names."
    ]


def test_a_row_without_a_vector_has_no_label() -> None:
    assert of([*VECTORS, None]).values[-1] is None
    assert of([*map(str, VECTORS), ""]).values[-1] is None


def test_places_have_the_names_that_are_given() -> None:
    found = of(VECTORS, names=["a", "d", "c", "b"])
    assert (found.labels, found.values) == (["a", "d", "c", "b"], PLACES.values)


def test_vectors_with_one_1_in_each_are_classes_unless_several_labels_are_asked_for() -> None:
    one_hot = [[0, 1], [1, 0], [0, 1]]
    found = of(one_hot)
    assert (found.kind, found.labels, found.values) == ("classes", ["label 0", "label 1"], [1, 0, 1])
    assert "Each has one 1, so they are classes" in found.notes[0]
    assert of(one_hot, kind="multi_label").values == [(1,), (0,), (1,)]
    assert of(one_hot, kind="classes").values == of([str(bits) for bits in one_hot], kind="classes").values == [1, 0, 1]


def test_lists_of_numbers_that_name_labels_stay_names() -> None:
    assert of([["0"], ["1"], ["0", "1"]]).values == [(0,), (1,), (0, 1)]
    assert of([["7", "9"], ["9"]]).labels == ["7", "9"]


@pytest.mark.parametrize(
    ("values", "given", "sentence"),
    [
        (
            [*VECTORS * 6, [0, 1]],
            {},
            r"row 24, .*: \[0, 1\] is not a vector of 4 zeros and ones, as the other",
        ),
        ([*VECTORS * 6, [0, 2, 0, 1]], {}, r"row 24, .*: \[0, 2, 0, 1\] is not a vector of 4"),
        ([*VECTORS * 6, [0, None, 0, 1]], {}, r"row 24, .* is not a vector of 4"),
        (VECTORS, {"names": ["a", "b"]}, r"row 0, .*: the vectors have 4 places, and prepare.label_names has 2 names"),
        (VECTORS, {"kind": "classes"}, r"row 1, .*: \[1, 0, 1, 0\] does not have exactly one 1"),
        ([[0.1, 0.9], [0.7, 0.3]], {}, r"row 0, .*: \[0\.1, 0\.9\] is a vector of numbers, and labels are names or"),
    ],
)
def test_what_is_wrong_in_vectors_is_named(values: list[Any], given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        of(values, **given)


# Several labels in a text


@pytest.mark.parametrize(
    "values",
    [
        ["a|b", "a", "c|a", "b"],
        ["a | b", "a", "c | a", "b"],
        ["a|b|", "a|", "c|a|", "b|"],
        ["a;b", "a", "c;a", "b"],
        ["a, b", "a", "c, a", "b"],
        ["a,b", "a", "a,c", "b"],
        ['["a", "b"]', '["a"]', '["c", "a"]', '["b"]'],
        ["['a', 'b']", "['a']", "['c', 'a']", "['b']"],
        ["['a' 'b']", "['a']", "['c' 'a']", "['b']"],
        ["{'a', 'b'}", "{'a'}", "{'c', 'a'}", "{'b'}"],
        ["('a', 'b')", "('a',)", "('c', 'a')", "('b',)"],
        ["{a,b}", "{a}", "{c,a}", "{b}"],
        ["[a, b]", "[a]", "[c, a]", "[b]"],
        ["['a', 'b']", "a", "['c', 'a']", "b"],
    ],
)
def test_several_labels_in_a_text_are_a_set_and_no_class_of_their_own(values: list[str]) -> None:
    found = of(values)
    assert (found.kind, found.labels, found.values) == ("multi_label", ["a", "b", "c"], [(0, 1), (0,), (0, 2), (1,)])
    assert len(found.notes) == 1


def test_quotes_and_commas_within_a_name_belong_to_it() -> None:
    assert of(['["it\'s, so", "b"]', '["b"]']).labels == ["b", "it's, so"]
    assert of(["[\"it's\", 'b, c']", "['d']"]).labels == ["b, c", "d", "it's"]


def test_an_empty_list_in_a_text_is_a_row_with_no_label_set() -> None:
    assert of(["['a']", "[]", "['b', 'a']"]).values == [(0,), (), (0, 1)]


def test_sets_of_python_written_as_text_are_sets() -> None:
    found = of(["{'a'}", "set()", "frozenset({'b', 'a'})", "frozenset()"])
    assert (found.kind, found.labels, found.values) == ("multi_label", ["a", "b"], [(0,), (), (0, 1), ()])
    assert of(["set(a)", "x", "set"] * 20).labels == ["set", "set(a)", "x"]


@pytest.mark.parametrize("second", [["1", "0"], [1, 0], ["yes", "No"], ["T", "F"]])
def test_truth_values_written_in_two_ways_are_not_four_classes(second: list[Any]) -> None:
    values = ["true", "false", None, *second]
    with pytest.raises(
        UserError, match=rf"row 3.*: .?{second[0]}.? is a truth value, which other rows write true and false; write all"
    ):
        of(values)
    assert len(targets(values, "classes").labels) == 4


@pytest.mark.parametrize("names", [["yes", "no", "1", "2", "0"], ["true", "false", "1"], ["yes", "no", "unsure"]])
def test_names_that_are_no_two_truth_values_are_classes(names: list[str]) -> None:
    assert targets(names).labels == sorted(names)


@pytest.mark.parametrize(
    "names",
    [
        ["Hotels, Restaurants & Leisure", "Oil, Gas & Coal", "Software"],
        ["Seattle, WA", "Tacoma, WA", "Portland, OR"],
        ["[urgent]", "[bug]", "[question]"],
        ["(other)", "(none of these)", "spam"],
        ["A|1", "B|2"],
        ["yes; with caveats", "no", "yes"],
        ["Seattle, WA, USA", "Tacoma, WA, USA", "Portland, OR, USA", "Salem, OR, USA"],
    ],
)
def test_names_that_hold_a_separator_or_brackets_stay_names(names: list[str]) -> None:
    found = of(names * 20)
    assert (found.kind, found.labels) == ("classes", sorted(names))


def test_a_slip_in_one_row_makes_no_other_problem_of_all() -> None:
    assert of([*["billing", "login"] * 100, "billing|login"]).kind == "classes"
    assert of([*["billing", "login"] * 100, "['billing', 'login']"]).kind == "classes"


def test_the_setting_says_what_stands_between_labels_or_that_nothing_does() -> None:
    assert of(["a/b", "c"], separator="/").values == [(0, 1), (2,)]
    assert of(["a|b", "a"], kind="classes").labels == ["a", "a|b"]
    assert of(["['a']", "['b', 'a']"], kind="classes").labels == ["['a']", "['b', 'a']"]


# Numbers

HALF_STARS = [f"{stars / 2:g}" for stars in range(1, 11)] * 10


@pytest.mark.parametrize(
    ("values", "place", "sentence"),
    [
        (
            [*HALF_STARS, "many"],
            100,
            "'many' is not a number .*; write a number or leave it empty, or set",
        ),
        ([*HALF_STARS, "$3.50"], 100, r"'\$3\.50' is not a number .*; write the bare number, 3\.5, or set"),
        ([*HALF_STARS, "75%"], 100, "'75%' is not a number .*; write the bare number, 75, or set"),
        ([*HALF_STARS, "−1.5"], 100, "write the bare number, -1.5"),
        ([*HALF_STARS, "(1.50)"], 100, "write the bare number, -1.5"),
        (["0,75", "1,5", "2"] * 30, 0, r"'0,75' is not a number .*; write 0\.75, or set data\.csv\.decimal to ','"),
        ([*map(str, range(950, 1000)), "1,024"], 50, r"'1,024' .*; write 1024, or set data\.csv\.thousands to ','"),
        (
            [*HALF_STARS, "1.234,5"],
            100,
            r"write 1234\.5, or set data.csv.thousands to '\.' and data.csv.decimal to ','",
        ),
        ([*HALF_STARS, "1 234"], 100, "write 1234, or set data.csv.thousands to ' '"),
        (["$3.50", "$4.25"] * 30, 0, r"write the bare number, 3\.5"),
    ],
)
def test_among_numbers_the_first_that_is_none_is_named_with_both_mends(
    values: list[str], place: int, sentence: str
) -> None:
    kind = "number" if values[0] == "950" else "auto"
    with pytest.raises(
        UserError, match=rf"row {place}, column 'label': .*{sentence}.*prepare\.target to classes"
    ) as error:
        of(values, kind=kind)
    assert str(error.value).count(". ") == 0


def test_marks_of_fractions_and_thousands_can_be_given() -> None:
    assert of(["0,75", "1.234,5", "2"], decimal=",", thousands=".").values == [0.75, 1234.5, 2.0]
    assert of(["1,234", "2", "0.5"], thousands=",").values == [1234.0, 2.0, 0.5]
    assert of(["1 234", "0.5"], thousands=" ").values == [1234.0, 0.5]


def test_a_word_for_no_value_among_numbers_is_a_row_without_a_label() -> None:
    assert of([*HALF_STARS, "n/a"]) == Targets("number", [], [*(float(value) for value in HALF_STARS), None])


def test_whole_numbers_that_may_be_amounts_are_asked_about() -> None:
    counts = [str(7 * i % 211) for i in range(800)]
    with pytest.raises(UserError, match=r"'0' is one of 211 different whole numbers in 800 labels; set prepare"):
        of(counts)
    assert (of(counts, kind="number").kind, len(of(counts, kind="classes").labels)) == ("number", 211)
    with pytest.raises(UserError, match="different whole numbers"):
        of([*counts, "1,024"])


def test_few_whole_numbers_and_many_with_many_rows_each_are_classes() -> None:
    assert of(["1", "2", "3", "4", "5"] * 20).notes == []
    found = of([i % 77 for i in range(77 * 20)])
    assert (found.kind, len(found.labels)) == ("classes", 77)
    assert found.notes == ["77 whole numbers are read as classes; prepare.target: number reads them as amounts."]


def test_one_word_among_few_whole_numbers_is_one_more_class() -> None:
    assert of([*["1", "2", "3"] * 50, "three"]).labels == ["1", "2", "3", "three"]


def test_whole_numbers_have_the_names_that_are_given() -> None:
    assert of([0, 2, 1, 2], names=["ham", "news", "ads"]) == Targets("classes", ["ham", "news", "ads"], [0, 2, 1, 2])
    with pytest.raises(UserError, match=r"row 1, .*: '3' is neither one of the 3 label_names nor a number from 0 to 2"):
        of([0, 3], names=["ham", "news", "ads"])


def test_a_label_for_each_row_is_an_id_column() -> None:
    with pytest.raises(UserError, match=r"row 0, column 'label': the 60 rows have 60 different labels .* an id column"):
        of([f"ticket-{i}" for i in range(60)])


# A few rows of a day, where production knows what the column is


def test_where_few_rows_leave_it_open_the_column_is_what_it_was() -> None:
    assert of(["a", "b"], expected="multi_label").values == [(0,), (1,)]
    assert of([[0, 1], [1, 0]], expected="multi_label").kind == "multi_label"
    assert of(["1", "2"], expected="number").values == [1.0, 2.0]
    assert len(of([str(3 * i) for i in range(60)], expected="classes").labels) == 60
    assert len(of([f"intent {i}" for i in range(60)], expected="classes").labels) == 60


def test_values_that_cannot_be_what_it_was_are_what_they_are() -> None:
    assert of(["ham", "spam"], expected="number").kind == "classes"
    assert of(["a|b", "a"], expected="classes").kind == "multi_label"
    assert of([0.5, 2.0], expected="classes").kind == "number"


def test_what_the_recipe_says_goes_before() -> None:
    assert of(["a", "b"], kind="classes", expected="multi_label").kind == "classes"
