"""Files and folders as known programs write them."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillhouse.components.formats.settings import CsvSettings
from stillhouse.components.formats.table import Table
from stillhouse.components.predict.read import parts_to_answer, read_part
from stillhouse.components.prepare.read import read
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.storage.sources import fetch_source, list_source
from stillhouse.errors import UserError

POLARS = Path(__file__).parents[2] / "data" / "polars-2.1.0"
LISTS = [["ham"], [], None, ["spam", "ham"]]


FORMATS = ("tables", "lines")
"""What predict takes of text."""


def load(source: Path, **columns: Any) -> Table:
    """As prepare reads a source."""
    given = {"source": str(source), "task": "text_classification", "columns": columns}
    return read(fetch_source(str(source), source), PrepareSettings.model_validate(given))


def answered(source: Path) -> list[dict[str, Any]]:
    """The rows that predict answers."""
    parts = parts_to_answer(source, FORMATS)
    some = (read_part(part, FORMATS, CsvSettings(), lambda _, batch: batch.rows()) for part in parts)
    return [row for of_part in some for rows in of_part for row in rows]


@pytest.mark.parametrize("name", ["lists.parquet", "lists.arrow"])
@pytest.mark.parametrize("label", ["label", "tags"])
def test_lists_and_categories_of_polars_are_lists_of_names(name: str, label: str) -> None:
    table = load(POLARS / name, label=label, group="kind")
    assert table.targets == [["ham"], [], ["spam", "ham"]]
    assert (table.inputs["text"].to_pylist(), table.groups) == (["one", "two", "three"], ["a", "b", "a"])
    assert [row[label] for row in answered(POLARS / name)] == table.targets


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.string()),
        pa.large_list(pa.large_string()),
        pa.list_(pa.string_view()),
        pa.list_view(pa.string()),
        pa.large_list_view(pa.large_string()),
    ],
    ids=str,
)
def test_every_kind_of_list_is_a_list_of_names(tmp_path: Path, kind: pa.DataType) -> None:
    pq.write_table(pa.table({"text": list("abcd"), "label": pa.array(LISTS, kind)}), tmp_path / "a.parquet")
    assert load(tmp_path).targets == LISTS


def test_lists_of_categories_and_lists_that_are_all_empty(tmp_path: Path) -> None:
    names = pa.array(["ham", "spam"]).dictionary_encode()
    lists = pa.ListArray.from_arrays(pa.array([0, 1, 2], pa.int32()), names)
    pq.write_table(pa.table({"text": ["a", "b"], "label": lists}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": ["c"], "label": pa.array([[]], pa.list_(pa.null()))}), tmp_path / "b.parquet")
    assert load(tmp_path).targets == [["ham"], ["spam"], []]


def test_lists_of_a_fixed_length_may_be_null_in_arrow_and_are_told_the_mend_in_parquet(tmp_path: Path) -> None:
    vectors = [[0, 1], None, [1, 1]]
    table = pa.table({"text": list("abc"), "label": pa.array(vectors, pa.list_(pa.int8(), 2))})
    with pa.ipc.new_file(tmp_path / "a.arrow", table.schema) as writer:
        writer.write_table(table)
    assert load(tmp_path / "a.arrow").targets == vectors
    pq.write_table(table.slice(0, 1), tmp_path / "a.parquet")
    assert load(tmp_path / "a.parquet").targets == vectors[:1]
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(
        UserError, match=r"a\.parquet: cannot be read .*; a column has lists of a fixed length and a row"
    ):
        load(tmp_path / "a.parquet")


def test_lists_of_bytes_as_older_writers_have_them_are_lists_of_names(tmp_path: Path) -> None:
    lists = [[b"ham"], None, [], [b"spam", b"ham"]]
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": list("abcd"), "label": pa.array(lists)}), path)
    assert load(path).targets == [["ham"], None, [], ["spam", "ham"]]
    pq.write_table(pa.table({"text": list("abcd"), "label": pa.array([*lists[:3], [b"x", b"\xff"]])}), path)
    with pytest.raises(UserError, match=r"a\.parquet, row 4, column 'label': holds bytes that are not text in UTF-8"):
        load(path)


def test_columns_that_a_spreadsheet_leaves_without_a_name_are_called_by_their_place(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label,,\na,ham,x,\n,,,\n")
    assert load(path).inputs["text"].to_pylist() == ["a", ""]
    assert answered(path)[0] == {"text": "a", "label": "ham", "3": "x", "4": ""}
    path.write_text(",text,label\n0,a,ham\n")
    assert answered(path) == [{"": "0", "text": "a", "label": "ham"}]


def test_a_folder_of_save_to_disk_is_its_shards_and_nothing_else(tmp_path: Path) -> None:
    from datasets import Dataset, DatasetDict

    made = Dataset.from_dict({"text": ["a", "b", "c"], "label": ["x", "y", "x"]})
    made.save_to_disk(str(tmp_path / "one"), num_shards=2)
    (tmp_path / "one" / "cache-0123.arrow").write_bytes((tmp_path / "one" / "data-00000-of-00002.arrow").read_bytes())
    assert sorted(load(tmp_path / "one").inputs["text"].to_pylist()) == ["a", "b", "c"]
    assert len(answered(tmp_path / "one")) == 3

    splits: dict[Any, Any] = {"train": made, "test": made.select([0])}
    DatasetDict(splits).save_to_disk(str(tmp_path / "splits"))
    table = load(tmp_path / "splits", split="<file name>")
    assert sorted(zip(table.inputs["text"].to_pylist(), table.splits, strict=True)) == [
        ("a", "test"),
        ("a", "train"),
        ("b", "train"),
        ("c", "train"),
    ]


def test_what_spark_leaves_beside_its_files_is_not_data_for_anybody(tmp_path: Path) -> None:
    for name in ("part-0.csv", "_temporary/0/part-0.csv", "_metadata/a.csv", ".part-0.csv.crc", "_SUCCESS", ".x/a.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("text,label\na,x\n")
    assert [file.name for file in list_source(str(tmp_path))] == ["part-0.csv"]
    assert load(tmp_path).inputs["text"].to_pylist() == ["a"]
    assert answered(tmp_path) == [{"text": "a", "label": "x"}]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_folders_named_key_is_value_are_a_column(tmp_path: Path, ending: str) -> None:
    for day in ("2026-01-01", "__HIVE_DEFAULT_PARTITION__"):
        folder = tmp_path / f"day={day}" / "team=a%2Fb"
        folder.mkdir(parents=True)
        path = folder / f"part.{ending}"
        if ending == "parquet":
            pq.write_table(pa.table({"text": ["a"], "label": ["x"]}), path)
        else:
            path.write_text("text,label\na,x\n" if ending == "csv" else '{"text": "a", "label": "x"}\n')
    table = load(tmp_path, group="day", label="team")
    assert (table.groups, table.targets) == (["2026-01-01", None], ["a/b", "a/b"])
    assert answered(tmp_path)[0] == {"text": "a", "label": "x", "day": "2026-01-01", "team": "a/b"}


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_part_without_the_label_is_not_labelled_yet(tmp_path: Path, ending: str) -> None:
    write(tmp_path / f"a.{ending}", {"text": "new"})
    write(tmp_path / f"b.{ending}", {"text": "old", "label": "x"})
    table = load(tmp_path)
    assert (table.inputs["text"].to_pylist(), table.targets) == (["new", "old"], [None, "x"])
    assert "(without the column 'label': not labelled yet)" in table.files[0].written


@pytest.mark.parametrize("wrong", ["lable", "Label", "labels"])
def test_a_part_whose_label_is_misspelt_is_refused(tmp_path: Path, wrong: str) -> None:
    write(tmp_path / "a.jsonl", {"text": "old", "label": "x"})
    write(tmp_path / "b.jsonl", {"text": "new", wrong: "x"})
    with pytest.raises(UserError, match=rf"b\.jsonl: column 'label' is missing; the file has text, {wrong}"):
        load(tmp_path)


def test_a_label_that_no_part_has_is_missing(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", {"text": "old"})
    with pytest.raises(UserError, match=r"a\.jsonl: column 'label' is missing"):
        load(tmp_path)


def write(path: Path, row: dict[str, str]) -> None:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist([row]), path)
    elif path.suffix == ".csv":
        path.write_text(f"{','.join(row)}\n{','.join(row.values())}\n")
    else:
        path.write_text(json.dumps(row) + "\n")


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("_delta_log/00000000000000000000.json", "a Delta table"),
        ("metadata/v1.metadata.json", "an Iceberg table"),
        (".hoodie/hoodie.properties", "a Hudi table"),
    ],
)
def test_tables_whose_files_hold_deleted_rows_are_refused(tmp_path: Path, file: str, kind: str) -> None:
    for name in (file, "data/part-0.parquet"):
        (tmp_path / "t" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "t" / name).write_text("{}")
    for look in (
        lambda: list_source(str(tmp_path)),
        lambda: load(tmp_path),
        lambda: parts_to_answer(tmp_path, FORMATS),
    ):
        with pytest.raises(UserError, match=f"' is {kind}, in whose files deleted rows still are; write its current"):
            look()


@pytest.mark.parametrize(
    "text", ['[{"text": "a [1]", "label": "x"}, {"text": "b", "label": null}]', "[\n {}\n,\n{}]", "[]"]
)
def test_a_json_file_may_be_one_list(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stillhouse.components.formats.json_lines._PIECE", 7)
    (tmp_path / "a.json").write_text(text)
    assert answered(tmp_path) == json.loads(text)


@pytest.mark.parametrize("text", ['[{"text": "a"}', '[{"text": "a"} {}]', '[{"text": "a"}, 1]', '[{"text": "a"},]'])
def test_a_list_that_is_broken_is_refused_with_its_row(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UserError, match=r"a\.json, row [12]: not (a )?JSON"):
        answered(tmp_path)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("mails.xlsx", r"'mails.xlsx' is a spreadsheet: save its sheet as CSV \(UTF-8\); it must hold .csv, "),
        ("mails.csv.zip", r"'mails.csv.zip' is an archive: unpack it; "),
        ("mails.csv.bz2", r"is packed in another way than .gz: unpack it, or pack the file as .gz; "),
        ("mails.qqq", r"'mails.qqq' is of an unknown kind; it must hold"),
    ],
)
def test_files_that_are_not_read_are_called_by_name_with_what_to_do(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    for look in (lambda: load(tmp_path), lambda: parts_to_answer(tmp_path, FORMATS)):
        with pytest.raises(UserError, match=sentence):
            look()
