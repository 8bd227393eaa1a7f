"""Rows on their way out keep the types that they came with, or are refused with what to write instead."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillhouse.components.formats.tables import common_schema
from stillhouse.components.predict.predict import BATCH_ROWS, predict
from stillhouse.components.predict.write import writer
from stillhouse.errors import UserError


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A table that begins with nulls."""
    table = pa.table({"n": pa.array([None, 7]), "day": pa.array([None, 5], pa.date32()), "text": ["a", "b"]})
    pq.write_table(table, tmp_path / "in.parquet")
    return tmp_path / "in.parquet"


def test_parquet_columns_that_begin_with_nulls_keep_their_types(source: Path) -> None:
    rows = pq.read_table(source).to_pylist()
    out = source.with_name("out.parquet")
    answers = pa.schema([("label", pa.list_(pa.string())), ("score", pa.list_(pa.float64()))])
    with writer(out, common_schema([source]), answers) as write:
        for row in rows:
            write([{**row, "label": [], "score": []}])
        write([{"text": "c", "label": ["x"], "score": [0.5]}])
    written = pq.read_table(out)
    assert written.schema.field("n").type == pa.int64() and written.schema.field("day").type == pa.date32()
    assert written.select(["n", "day", "text"]).to_pylist()[:2] == rows
    assert written["score"].to_pylist() == [[], [], [0.5]] and written["label"].to_pylist()[2] == ["x"]


@pytest.mark.parametrize("given", [True, False])
def test_parquet_without_a_row_is_a_table_without_a_row(source: Path, given: bool) -> None:
    out = source.with_name("out.parquet")
    with writer(out, common_schema([source]) if given else None):
        pass
    assert pq.read_table(out).num_rows == 0
    assert pq.read_schema(out).names == (["n", "day", "text"] if given else [])


def test_files_that_do_not_agree_have_no_types_in_common(source: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"n": ["seven"]}), other)
    (tmp_path / "a.csv").write_text("n\n7\n")
    assert common_schema([source, other]) is None
    assert common_schema([source, tmp_path / "a.csv"]) is None


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_rows_that_bring_a_new_column_late_are_not_cut(model: Path, tmp_path: Path, suffix: str) -> None:
    lines = ['{"text": "a"}'] * BATCH_ROWS + ['{"text": "a", "late": 1}']
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))

    with pytest.raises(UserError, match=r"column 'late' is not in the first rows; write .jsonl"):
        predict(str(model), tmp_path / "rows.jsonl", out=tmp_path / f"out.{suffix}")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.jsonl"]


def test_a_column_that_changes_its_type_is_refused_for_parquet(model: Path, tmp_path: Path) -> None:
    lines = ['{"text": "a", "n": 1}'] * BATCH_ROWS + ['{"text": "a", "n": "many"}']
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))

    with pytest.raises(UserError, match=r"the rows differ in their types .*; write .jsonl instead"):
        predict(str(model), tmp_path / "rows.jsonl", out=tmp_path / "out.parquet")
