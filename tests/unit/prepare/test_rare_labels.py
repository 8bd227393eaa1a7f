"""One rare or mistyped label stops no run: its rows are kept, counted and named."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stillhouse.components.prepare.rare_labels import spelt_alike
from stillhouse.errors import UserError

Make = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("no_card")


@pytest.fixture
def source(write: Make, table: Make, texts: Make) -> Callable[[dict[str, int]], Path]:
    """240 rows of ham and spam, and so many of others."""

    def of(others: dict[str, int]) -> Path:
        columns = table(240)
        columns["label"] += [label for label, rows in others.items() for _ in range(rows)]
        columns["text"] += texts(sum(others.values()), seed=7)
        return write("a.csv", columns)

    return of


def thirds(table: Make) -> dict[str, list[Any]]:
    """240 rows, a third of ham and spam alike in each split."""
    return {**table(240), "part": [("train", "test", "dev")[i // 2 % 3] for i in range(240)]}


def labelled(found: dict[str, Any]) -> int:
    return sum(len(found[split]) for split in ("train", "validation", "test"))


def test_rows_of_rare_labels_are_text_without_a_label_and_all_are_counted(source: Make, prepared: Make) -> None:
    found = prepared(source({"spamm": 2, "news": 4, "Ham": 1}))
    assert (found["json"]["labels"], len(found["unlabelled"]), labelled(found)) == (["ham", "spam"], 7, 240)
    assert {(one["label"], one["rows"], one["like"]) for one in found["json"]["rare_labels"]} == {
        ("spamm", 2, "spam"),
        ("news", 4, ""),
        ("Ham", 1, "ham"),
    }
    assert found["json"]["notes"] == [
        "3 labels have fewer than 5 rows or none in train; their rows count as rows without a label: 'news' (4 rows), "
        "'spamm' (2 rows; a misspelling of 'spam'?), 'Ham' (1 row; a misspelling of 'ham'?). "
        "prepare.min_rows_per_label and prepare.rare_labels decide it."
    ]


def test_they_may_make_one_class_other(source: Make, prepared: Make) -> None:
    found = prepared(source({"news": 4, "ads": 4}), rare_labels="other")
    assert (found["json"]["labels"], len(found["unlabelled"]), labelled(found)) == (["ham", "spam", "other"], 0, 248)
    assert "count as rows of one class 'other'" in found["json"]["notes"][0]


def test_they_join_a_class_other_that_is_there(source: Make, prepared: Make) -> None:
    found = prepared(source({"other": 20, "news": 2}), rare_labels="other")
    assert (found["json"]["labels"], labelled(found)) == (["ham", "other", "spam"], 262)


def test_what_is_too_rare_even_together_has_no_label(source: Make, prepared: Make) -> None:
    found = prepared(source({"news": 1, "ads": 2}), rare_labels="other")
    assert (found["json"]["labels"], len(found["unlabelled"])) == (["ham", "spam"], 3)


def test_the_limit_can_be_set(source: Make, prepared: Make) -> None:
    path = source({"news": 12})
    assert prepared(path, min_rows_per_label=12)["json"]["labels"] == ["ham", "news", "spam"]
    assert prepared(path, min_rows_per_label=13)["json"]["labels"] == ["ham", "spam"]


def test_asked_to_stop_the_run_names_all_of_them_in_one_sentence(source: Make, prepared: Make) -> None:
    sentence = (
        r"column 'label': 2 labels have fewer than 5 rows or none in train, 'news' \(4 rows\), 'spamm' "
        r"\(1 row; a misspelling of 'spam'\?\); add rows, .*min_rows_per_label, or set prepare.rare_labels to "
        r"unlabelled or other\.$"
    )
    with pytest.raises(UserError, match=sentence):
        prepared(source({"spamm": 1, "news": 4}), rare_labels="error")


def test_a_label_whose_rows_are_all_copies_is_named_with_that_reason(write: Make, table: Make, prepared: Make) -> None:
    columns = table(240)
    columns["text"] += [*columns["text"][:6], *["one text only"] * 6]
    columns["label"] += ["legal"] * 12
    found = prepared(write("a.csv", columns))
    [lost] = found["json"]["rare_labels"]
    assert (lost["label"], lost["rows"], lost["left"]) == ("legal", 12, 1)
    assert lost["dropped"] == {"conflicting_label": 6, "duplicate": 5}
    assert "'legal' (1 of 12 rows left, dropped were conflicting_label 6, duplicate 5)" in found["json"]["notes"][0]


def test_rows_that_disagreed_with_a_rare_label_stay_once_it_is_none(write: Make, table: Make, prepared: Make) -> None:
    columns = table(240)
    columns["text"] += columns["text"][:1]
    columns["label"] += ["hamm"]
    found = prepared(write("a.csv", columns))
    assert labelled(found) == 240
    assert sum(found["json"]["dropped"].values()) == 1


def test_a_label_without_a_test_row_is_learnt_and_said_not_to_be_measured(
    write: Make, table: Make, prepared: Make
) -> None:
    columns = thirds(table)
    columns["label"][::12] = ["news"] * 20
    found = prepared(write("a.csv", columns), columns={"split": "part"})
    assert found["json"]["labels"] == ["ham", "news", "spam"]
    assert found["json"]["notes"] == ["No test row has the label 'news': it is learnt, and nothing is measured of it."]


def test_a_label_that_no_training_row_has_is_not_learnt(write: Make, table: Make, prepared: Make) -> None:
    columns = thirds(table)
    columns["label"][2::12] = ["news"] * 20
    found = prepared(write("a.csv", columns), columns={"split": "part"})
    assert (found["json"]["labels"], len(found["unlabelled"])) == (["ham", "spam"], 20)
    assert "'news' (20 rows, none of them in train)" in found["json"]["notes"][0]


def test_where_fewer_than_two_labels_would_be_left_the_run_ends(write: Make, table: Make, prepared: Make) -> None:
    columns = table(120)
    columns["label"] = ["ham"] * 117 + ["spam"] * 3
    with pytest.raises(UserError, match=r"'spam' \(3 rows\); without it fewer than two labels are left: add rows"):
        prepared(write("a.csv", columns), columns={"text": ["text"]})


def test_a_test_split_of_one_class_is_refused(write: Make, table: Make, prepared: Make) -> None:
    columns = thirds(table)
    columns["label"] = [
        "ham" if part == "test" else label for part, label in zip(columns["part"], columns["label"], strict=True)
    ]
    with pytest.raises(UserError, match=r"all 80 rows of the split test have the label 'ham'.*; put rows into it"):
        prepared(write("a.csv", columns), columns={"split": "part"})


def test_numbered_labels_are_no_slips_for_one_another(source: Make, prepared: Make) -> None:
    rare = prepared(source({"intent 12": 20, "intent 13": 2, "intnt 12": 1}))["json"]["rare_labels"]
    assert {one["label"]: one["like"] for one in rare} == {"intent 13": "", "intnt 12": "intent 12"}


def test_numbers_that_differ_in_their_sign_are_not_spelt_alike() -> None:
    assert spelt_alike(Counter({"-1": 9, "1": 8, "0": 7, "a-b": 6, "A b": 5})) == [("a-b", "A b")]


def test_a_place_of_vectors_that_no_row_sets_is_named(write: Make, texts: Make, prepared: Make) -> None:
    found = prepared(write("a.jsonl", {"text": texts(60), "label": [[1, 0, 0], [0, 1, 0], [1, 1, 0]] * 20}))
    assert found["json"]["labels"] == ["label 0", "label 1"]
    assert [(one["label"], one["rows"]) for one in found["json"]["rare_labels"]] == [("label 2", 0)]


def test_rare_labels_are_taken_off_sets_of_labels(write: Make, texts: Make, prepared: Make) -> None:
    labels = [["a", "b"], ["a"], ["b"]] * 40 + [["a", "rare"], ["rare"]]
    found = prepared(write("a.parquet", {"text": texts(122), "label": labels}))
    assert (found["json"]["labels"], labelled(found), len(found["unlabelled"])) == (["a", "b"], 121, 1)


def test_sets_that_are_all_the_same_are_refused(write: Make, texts: Make, prepared: Make) -> None:
    with pytest.raises(UserError, match=r"the 60 rows left hold one set of labels only \(a, b\)"):
        prepared(write("a.parquet", {"text": texts(60), "label": [["a", "b"]] * 60}))


def test_labels_that_differ_in_case_only_are_named(source: Make, prepared: Make) -> None:
    notes = prepared(source({"Spam": 30}))["json"]["notes"]
    assert notes == ["Labels that differ in case, spaces or hyphens only are kept apart: 'spam' and 'Spam'."]


def test_three_hundred_labels_of_which_some_are_rare_are_prepared(write: Make, texts: Make, prepared: Make) -> None:
    labels = [f"intent {i % 300}" for i in range(3000)] + [f"slip {i}" for i in range(40)]
    found = prepared(write("a.parquet", {"text": texts(3040), "label": labels}), near_duplicates=1.0)
    assert len(found["json"]["rare_labels"]) == 40
    assert len(found["json"]["labels"]) == 300
