"""Tables in every format, and the sentences for those that cannot be read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillhouse.components.formats.table import Table
from stillhouse.components.prepare.read import read
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.errors import UserError

Write = Callable[[str, dict[str, Any]], Path]
MAILS = {"subject": ["Hello", 'Zürich, "quoted"', "two\nlines"], "label": ["ham", "spam", "ham"]}


def load(*paths: Path, **given: Any) -> Table:
    columns = {"text": ["subject"], **given.pop("columns", {})}
    values = {"source": str(paths[0]), "task": "text_classification", "columns": columns, **given}
    return read(paths, PrepareSettings.model_validate(values))


@pytest.mark.parametrize(
    "name",
    ["a.csv", "a.CSV", "a.tsv", "a.csv.gz", "a.jsonl", "a.jsonl.gz", "a.parquet", "a.arrow", "a.feather"],
)
def test_every_format_gives_the_same_rows(write: Write, name: str) -> None:
    table = load(write(name, MAILS))
    assert (table.inputs["text"].to_pylist(), table.targets) == (MAILS["subject"], MAILS["label"])


def test_text_columns_are_joined_in_the_order_of_the_recipe(write: Write) -> None:
    path = write("a.parquet", {"body": ["b", None], "subject": ["s", "only"], "label": ["x", "y"]})
    table = load(path, columns={"text": ["subject", "body"]})
    assert table.inputs["text"].to_pylist() == ["s\nb", "only\n"]


def test_files_of_a_folder_are_read_one_after_the_other(write: Write) -> None:
    table = load(write("a.csv", MAILS), write("b.jsonl", MAILS))
    assert table.inputs["text"].to_pylist() == MAILS["subject"] * 2


def test_a_file_of_another_kind_is_left_out(write: Write, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("about")
    assert len(load(tmp_path / "README.md", write("a.csv", MAILS)).targets) == 3


def test_a_file_without_rows_adds_none(write: Write) -> None:
    empty = {"subject": pa.array([], pa.string()), "label": pa.array([], pa.string())}
    assert len(load(write("a.csv", MAILS), write("b.parquet", empty)).targets) == 3


def test_csv_labels_are_not_turned_to_numbers(write: Write) -> None:
    table = load(write("a.csv", {"subject": ["x", "y"], "label": ["007", "NA"]}))
    assert table.targets == ["007", "NA"]


def test_json_lists_stay_lists(write: Write) -> None:
    table = load(write("a.jsonl", {"subject": ["x", "y"], "label": [["a", "b"], []]}))
    assert table.targets == [["a", "b"], []]


def test_a_json_row_without_the_label_has_none(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"subject": "x", "label": 1}\n{"subject": "y"}\n')
    assert load(path).targets == ["1", None]


def test_half_a_surrogate_pair_in_json_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"subject": "cut \\ud83d", "label": "x"}\n')
    assert load(path).inputs["text"].to_pylist() == ["cut \ufffd"]


def test_numbers_and_categories_are_written_out_as_text(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    categories = pa.array(["x", "y"]).dictionary_encode()
    pq.write_table(pa.table({"subject": categories, "label": [1, 2], "group": [7, None]}), path)
    table = load(path, columns={"group": "group"})
    assert (table.inputs["text"].to_pylist(), table.groups) == (["x", "y"], ["7", None])


def test_slices_are_strings_and_empty_where_missing(write: Write) -> None:
    path = write("a.parquet", {"subject": ["x", "y"], "label": ["a", "b"], "year": [2002, None]})
    assert load(path, slices=["year"]).slices == [("2002",), ("",)]


def test_a_column_may_play_two_parts(write: Write) -> None:
    path = write("a.csv", {"subject": ["x", "y"], "label": ["a", "b"]})
    assert load(path, slices=["label"], columns={"group": "label"}).slices == [("a",), ("b",)]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train.csv", "train"),
        ("mails-test-00000-of-00002.parquet", "test"),
        ("Dev.csv", "validation"),
        ("train-test.csv", "test"),
    ],
)
def test_the_name_of_a_file_can_tell_the_split(write: Write, name: str, split: str) -> None:
    assert load(write(name, MAILS), columns={"split": "<file name>"}).splits == [split] * 3


def test_names_of_splits_are_understood_in_any_case(write: Write) -> None:
    path = write("a.csv", {"subject": ["a", "b", "c"], "label": list("xyz"), "s": ["TRAIN", "dev", ""]})
    assert load(path, columns={"split": "s"}).splits == ["train", "validation", None]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet", "a.arrow"])
def test_a_missing_column_is_named_beside_those_there(write: Write, name: str) -> None:
    path = write(name, MAILS)
    with pytest.raises(UserError, match=r"a\.\w+: column 'body' is missing; the file has subject, label: name"):
        load(path, columns={"text": ["body"]})


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.parquet", b"nonsense", r"a\.parquet: cannot be read \(.*\); fix the file or take it out\.$"),
        ("a.arrow", b"nonsense", r"a\.arrow: cannot be read"),
        ("a.csv", b"", r"a\.csv: cannot be read \(Empty CSV file\)"),
        (
            "a.csv",
            b"subject,label\nx,y\nz\n",
            r"a\.csv, row 3: cannot be read \(Expected 2 columns, got 1: z\)",
        ),
        ("a.csv", b"subject,label\nx,y\n\xff,z\n", r"a\.csv, row 3: cannot be read \(.*invalid UTF8 data\)"),
        ("a.csv.gz", b"nonsense", r"a\.csv\.gz: cannot be read"),
        ("a.jsonl", b'{"subject": 1}\n{', r"a\.jsonl, row 2: not JSON \(.*\); write one object on each line"),
        ("a.jsonl", b"[1]\n", r"a\.jsonl, row 1: not a JSON object"),
        ("a.jsonl", b'{"subject": "\xff"}\n', r"a\.jsonl, row 1: not UTF-8 .*; save the file as UTF-8"),
        ("a.jsonl", b'{"subject": {}, "label": 1}\n', r"row 1, column 'subject': holds an object where"),
        (
            "a.jsonl",
            b'{"subject": "", "label": []}\n\n{"subject": "", "label": 1}',
            r"row 3, column 'label': holds",
        ),
        ("a.txt", b"x", r"no data file found; it must hold \.csv, .*\.feather"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_row(
    tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        load(tmp_path / name)


def test_a_text_column_of_lists_is_refused(write: Write) -> None:
    path = write("a.parquet", {"subject": [["x"]], "label": ["a"]})
    with pytest.raises(UserError, match=r"column 'subject': holds list<.*>, and one value is needed"):
        load(path)


def test_an_unknown_split_is_named_with_its_row(write: Write) -> None:
    path = write("a.csv", {"subject": ["x", "y"], "label": ["a", "b"], "s": ["train", "holdout"]})
    with pytest.raises(UserError, match=r"a\.csv, row 3, column 's': 'holdout' is not a split; write train"):
        load(path, columns={"split": "s"})


def test_a_file_name_without_a_split_is_refused(write: Write) -> None:
    with pytest.raises(UserError, match=r"a\.csv: its name does not tell the split; put train"):
        load(write("a.csv", MAILS), columns={"split": "<file name>"})


def test_rows_are_counted_as_editors_show_them(write: Write, tmp_path: Path) -> None:
    lines = tmp_path / "b.jsonl"
    lines.write_text('{"subject": "x", "label": 1}\n\n{"subject": "y", "label": 2}\n')
    table = load(write("a.csv", MAILS), lines)
    assert [table.where(row).rpartition("/")[2] for row in (0, 3, 4)] == [
        "a.csv, row 2",
        "b.jsonl, row 1",
        "b.jsonl, row 3",
    ]
