"""The columns of answers are called as no column of the data is, whatever the format."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from asking import answers
from pyarrow import parquet

from stillhouse.components.formats.settings import CsvSettings
from stillhouse.components.predict.answer_names import answer_names
from stillhouse.components.predict.predict import BATCH_ROWS, predict
from stillhouse.components.predict.read import parts_to_answer


@pytest.mark.parametrize(
    ("name", "written", "format_", "taken"),
    [
        ("a.conll", "tokens tags\na O\n\n", "words", "tags"),
        ("a.inter", "user:token\titem:token\n1\t2\n", "interactions", "item"),
        ("a.csv", "tags,b\n1,2\n", "tables", "tags"),
        ("a.jsonl", '{"b": 1}\n{"tags": 2}\n', "tables", "tags"),
    ],
)
def test_a_name_that_the_data_has_is_not_taken(
    tmp_path: Path, name: str, written: str, format_: str, taken: str
) -> None:
    (tmp_path / name).write_text(written)
    formats = ("tables", format_)
    parts = parts_to_answer(tmp_path / name, formats)
    assert answer_names([taken, "free"], parts, formats, CsvSettings()) == {taken: f"predicted_{taken}", "free": "free"}


def test_a_column_of_the_same_name_is_kept_beside_the_answer(model: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("text,label\nhello,truth\n")

    predict(str(model), tmp_path / "rows.csv", out=tmp_path / "out.jsonl")

    [row] = answers(tmp_path / "out.jsonl")
    assert row["label"] == "truth"
    assert row["predicted_label"] in ("ham", "spam")


def test_the_answers_have_one_name_in_all_rows_where_only_some_have_a_label(model: Path, tmp_path: Path) -> None:
    lines = ['{"text": "a"}'] * (BATCH_ROWS + 1) + ['{"text": "b", "l\\u0061bel": "truth"}', '{"text": "score"}']
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    said: list[str] = []

    predict(str(model), tmp_path / "rows.jsonl", out=tmp_path / "out.jsonl", note=said.append)

    found = answers(tmp_path / "out.jsonl")
    assert all(row["predicted_label"] in ("ham", "spam") and 0 <= row["score"] <= 1 for row in found)
    assert [row["label"] for row in found if "label" in row] == ["truth"]
    assert said == ["The data has a column 'label' of its own; the answers are in 'predicted_label'."]


def test_the_answers_have_one_name_in_all_files_of_a_folder(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.txt").write_text("one\n")
    (folder / "b.csv").write_text("text,score\ntwo,7\n")
    parquet.write_table(
        pa.table({"text": ["three"], "label": ["truth"], "predicted_label": ["x"]}), folder / "c.parquet"
    )
    said: list[str] = []

    predict(str(model), folder, out=tmp_path / "out.jsonl", note=said.append)

    found = answers(tmp_path / "out.jsonl")
    assert all({"predicted_label_2", "predicted_score"} <= row.keys() for row in found)
    assert [row.get("score") for row in found] == [None, "7", None]
    assert [(row.get("label"), row.get("predicted_label")) for row in found][2] == ("truth", "x")
    assert said == [
        "The data has a column 'label', 'score' of its own; the answers are in 'predicted_label_2', 'predicted_score'."
    ]


def test_a_json_list_keeps_its_own_labels(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[{"text": "a"},\n{"text": "b", "label": "truth"}]')
    predict(str(model), tmp_path / "a.json", out=tmp_path / "out.jsonl")
    first, second = map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())
    assert second["label"] == "truth" and {"predicted_label", "score"} <= first.keys() & second.keys()


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.csv"])
@pytest.mark.parametrize("end", ["parquet", "csv"])
def test_a_table_without_rows_has_the_columns_of_the_answers_too(
    model: Path, tmp_path: Path, name: str, end: str
) -> None:
    table = pa.table({"text": pa.array([], pa.string()), "label": pa.array([], pa.string())})
    if name == "a.csv":
        (tmp_path / name).write_text("text,label\n")
    elif name == "a.arrow":
        with pa.ipc.new_file(tmp_path / name, table.schema):
            pass
    else:
        parquet.write_table(table, tmp_path / name)
    out = tmp_path / f"out.{end}"
    assert predict(str(model), tmp_path / name, out=out) == 0
    columns = ["text", "label", "predicted_label", "score"]
    if end == "csv":
        assert out.read_text() == ",".join(columns) + "\n"
    else:
        assert parquet.read_schema(out).names == columns
        assert parquet.read_schema(out).types == [pa.string()] * 3 + [pa.float64()]
