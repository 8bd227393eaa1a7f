"""Whatever a file holds, predict answers for all its rows or says in one sentence where it stopped."""

import gzip
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.models.loaded import LoadedModel
from stillhouse.components.predict import predict as step
from stillhouse.components.tasks.text_classification import TextClassification
from stillhouse.errors import UserError

TRIED = settings(
    max_examples=settings().max_examples // 2,
    deadline=None,
    derandomize=settings().max_examples == 100,
    suppress_health_check=list(HealthCheck),
)

INFO = {"task": "counts", "target": "classes", "labels": ["short", "long"], "columns": {"text": ["text"]}}

CELLS = st.sampled_from(
    [
        None,
        "",
        "\0",
        "\ud800",
        "a\nb",
        math.nan,
        math.inf,
        10**30,
        -1,
        True,
        [],
        [{"a": [1]}],
        {"b": "\udfff"},
        "é",
        '"',
    ]
) | st.text(max_size=5)
ROWS = st.lists(
    st.fixed_dictionaries({"text": CELLS}, optional={"label": CELLS, "x": CELLS, "\ud800": CELLS}),
    min_size=1,
    max_size=6,
)


class Counts(TextClassification):
    """A task without a model: texts of more than three characters are long."""

    def load(self, folder: str | Path, device: str = "cpu") -> LoadedModel:
        return LoadedModel(None, None)  # type: ignore[arg-type]

    def answer(self, loaded: LoadedModel, examples: Examples, **options: Any) -> np.ndarray:
        return np.array([[len(text) <= 3, len(text) > 3] for text in examples.values("text")], np.float32)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "model.json").write_text(json.dumps(INFO))
    monkeypatch.setattr(step, "task_of", Counts)
    return tmp_path


def answered_or_refused(folder: Path, source: Path, out: str) -> str:
    """The sentence; empty when every row was answered for."""
    path = folder / out
    path.unlink(missing_ok=True)
    try:
        rows = step.predict(str(folder), source, out=path)
    except UserError as error:
        assert str(error).isprintable() and len(str(error)) <= 1201
        assert not path.exists()
        return str(error)
    if out.endswith("jsonl"):
        assert len([json.loads(line) for line in path.read_text("utf-8").split("\n")[:-1]]) == rows
    assert not [found for found in folder.iterdir() if found.name.startswith(".")]
    return ""


@TRIED
@given(rows=ROWS, out=st.sampled_from(["out.jsonl", "out.csv", "out.parquet"]))
def test_odd_rows_are_answered_or_refused_in_one_sentence(folder: Path, rows: list[dict[str, Any]], out: str) -> None:
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    event("refused" if answered_or_refused(folder, folder / "rows.jsonl", out) else "answered")


@TRIED
@given(
    data=st.data(), name=st.sampled_from(["a.csv", "a.tsv", "a.jsonl", "a.jsonl.gz", "a.txt", "a.parquet", "a.arrow"])
)
def test_a_damaged_file_is_answered_or_refused_in_one_sentence(folder: Path, data: st.DataObject, name: str) -> None:
    table = pa.table({"text": ["cheap pills", "see you", "naïve"], "n": [1, 2, 3]})
    path = folder / name
    if name.endswith("parquet"):
        parquet.write_table(table, path)
    elif name.endswith("arrow"):
        with pa.ipc.new_stream(path, table.schema) as writer:
            writer.write_table(table)
    else:
        path.write_text("text,n\ncheap pills,1\nsee you,2\n" if "csv" in name else '{"text": "a"}\n{"text": "b"}\n')
    held = path.read_bytes()
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(held)))
        held = held[:at] + data.draw(st.binary(max_size=6)) + held[at + data.draw(st.integers(0, 6)) :]
    path.write_bytes(held)
    event("refused" if answered_or_refused(folder, path, "out.jsonl") else "answered")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.jsonl", b'{"text": ' + b"[" * 100_000, "a.jsonl, row 1: lists or objects lie too deep in one another"),
        ("a.jsonl", b'{"text": 1' + b"0" * 5_000 + b"}", "row 1: not JSON (Exceeds the limit"),
        ("a.jsonl", b'{"text": "a", "text": "b"}', "row 1: not JSON (the key 'text' is given twice)"),
        ("rows.pkl", b"\x80\x04K\x01.", "rows.pkl: this is a pickle"),
    ],
    ids=lambda value: str(value[:20]),
)
def test_a_row_that_cannot_be_read_is_named(folder: Path, name: str, content: bytes, sentence: str) -> None:
    (folder / name).write_bytes(content)
    assert sentence in answered_or_refused(folder, folder / name, "out.jsonl")


def test_a_link_out_of_the_folder_is_refused(folder: Path) -> None:
    (folder / "source").mkdir()
    (folder / "source" / "a.txt").symlink_to("/etc/passwd")
    assert "'a.txt' is a link out of the folder" in answered_or_refused(folder, folder / "source", "out.jsonl")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"task": 1}', '{"task": "a", "target": "b", "labels": [], "columns": []}']
)
def test_a_model_folder_whose_description_is_damaged_is_refused(folder: Path, text: str) -> None:
    (folder / "model.json").write_text(text)
    (folder / "a.txt").write_text("hello")
    assert "not a model of Stillhouse" in answered_or_refused(folder, folder / "a.txt", "out.jsonl")


@pytest.mark.parametrize(
    "content",
    [b'{"text": "not packed"}\n', gzip.compress(b'{"text": "cut", "label": 1}\n')[:-9]],
    ids=["not packed", "cut"],
)
def test_a_packed_file_that_is_damaged_is_refused_in_a_sentence(model: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.jsonl\.gz: cannot be read \(.*fix the file or take it out"):
        step.predict(str(model), tmp_path / "a.jsonl.gz")
