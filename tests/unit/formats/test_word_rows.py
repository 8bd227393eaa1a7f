"""Words with tags and texts with spans, from files of every kind."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillhouse.components.formats.batch import Batch, Reading
from stillhouse.components.formats.tables import read_batches
from stillhouse.components.formats.word_rows import SpanRow, WordRow, span_rows, word_rows
from stillhouse.components.storage.memory import Budget
from stillhouse.errors import UserError

TEXT = "Ada lived in London 😀 ok"


def batch_of(path: Path, names: list[str] | None) -> Batch:
    return next(read_batches(path, Reading(names, Budget(1 << 20))))


def from_lines(tmp_path: Path, *rows: dict[str, Any]) -> list[WordRow]:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return word_rows(path, batch_of(path, ["tokens", "tags"]), "tokens", "tags")


def spans_of(tmp_path: Path, *spans: Any, text: str | None = TEXT) -> list[SpanRow]:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"text": text, "entities": value}) + "\n" for value in spans))
    return span_rows(path, batch_of(path, ["text", "entities"]), "text", "entities")


def test_rows_of_words_may_lack_a_tag_or_all(tmp_path: Path) -> None:
    assert from_lines(
        tmp_path,
        {"tokens": ["Ada", "fell"], "tags": ["B-PER", "O"]},
        {"tokens": ["It", "rains"], "tags": ["O", None]},
        {"tokens": ["No", "tags"], "tags": None},
        {"tokens": ["Blank", "ones"], "tags": ["", " "]},
        {"tokens": [], "tags": []},
        {"tokens": None, "tags": None},
    ) == [
        WordRow(1, ["Ada", "fell"], ["B-PER", "O"]),
        WordRow(2, ["It", "rains"], ["O", None]),
        WordRow(3, ["No", "tags"], None),
        WordRow(4, ["Blank", "ones"], None),
        WordRow(5, [], []),
        WordRow(6, [], None),
    ]


def test_a_word_keeps_its_spelling_and_a_tag_may_be_called_none(tmp_path: Path) -> None:
    rows = from_lines(tmp_path, {"tokens": ["007", "null", "1.0"], "tags": ["None", "NA", "1"]})
    assert rows == [WordRow(1, ["007", "null", "1.0"], ["None", "NA", "1"])]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"tokens": ["a", "b"], "tags": ["O"]}, "row 1, column 'tags': 1 tags for 2 words; give each word one"),
        ({"tokens": ["a", None], "tags": ["O", "O"]}, "row 1, column 'tokens': word 2 is null; give each word"),
        ({"tokens": "a b", "tags": ["O", "O"]}, "column 'tokens': holds one value, and a list of words is needed"),
        ({"tokens": ["a"], "tags": "O"}, "row 1, column 'tags': holds one value, and a list with a tag for each word"),
        ({"tokens": [["a"]], "tags": ["O"]}, "row 1, column 'tokens': holds a list, and one value is needed"),
    ],
)  # fmt: skip
def test_rows_that_are_not_words_with_tags_are_refused_with_their_place(
    tmp_path: Path, row: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        from_lines(tmp_path, row)


NAMES = ["O", "B-PER", "I-PER"]


def test_numbers_of_tags_have_the_names_in_the_files_metadata(tmp_path: Path) -> None:
    features = {"tokens": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"},
                "tags": {"feature": {"names": NAMES, "_type": "ClassLabel"}, "_type": "List"}}  # fmt: skip
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    table = pa.table({"tokens": [["Ada", "B"], ["x"]], "tags": [[1, 2], [0]]}).replace_schema_metadata(metadata)
    pq.write_table(table, tmp_path / "rows.parquet")
    batch = batch_of(tmp_path / "rows.parquet", ["tokens", "tags"])
    assert [row.tags for row in word_rows(tmp_path / "rows.parquet", batch, "tokens", "tags")] == [
        ["B-PER", "I-PER"], ["O"],
    ]  # fmt: skip


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64()])
def test_numbers_of_tags_have_the_names_that_are_given_else_they_are_names(tmp_path: Path, kind: pa.DataType) -> None:
    table = pa.table({"tokens": [["Ada", "B"]], "tags": pa.array([[1, 2]], pa.list_(kind))})
    pq.write_table(table, tmp_path / "rows.parquet")
    batch = batch_of(tmp_path / "rows.parquet", ["tokens", "tags"])
    named = replace(batch, classes={"tags": NAMES})
    found = [word_rows(tmp_path / "rows.parquet", one, "tokens", "tags")[0].tags for one in (named, batch)]
    assert found == [["B-PER", "I-PER"], ["1", "2"]]


def test_rows_to_answer_need_no_tags(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"tokens": ["Ada"]}\n')
    batch = batch_of(tmp_path / "rows.jsonl", ["tokens"])
    assert word_rows(tmp_path / "rows.jsonl", batch, "tokens", None) == [WordRow(1, ["Ada"], None)]


def test_spans_as_programs_write_them(tmp_path: Path) -> None:
    ada, london = (0, 3, "PER"), (13, 19, "LOC")
    rows = spans_of(
        tmp_path,
        [{"start": 0, "end": 3, "label": "PER"}, {"start": 13, "end": 19, "label": "LOC", "token_start": 3}],  # Prodigy
        [{"id": 4, "label": "PER", "start_offset": 0, "end_offset": 3}],  # doccano
        [[0, 3, "PER"], [13, 19, "LOC"]],  # spaCy, doccano of old
        [{"start": 0.0, "end": 3.0, "labels": ["PER"], "text": "Ada"}],  # Label Studio
        [{"entity_group": "PER", "score": 0.9, "word": "Ada", "start": 0, "end": 3}],  # transformers
        [],
        None,
    )
    assert [row.spans for row in rows] == [[ada, london], [ada], [ada, london], [ada], [ada], [], None]
    assert {row.text for row in rows} == {TEXT}
    assert spans_of(tmp_path, None, text=None) == [SpanRow(1, "", None)]


def test_spans_of_parquet_are_the_same(tmp_path: Path) -> None:
    table = pa.table({"text": [TEXT], "entities": [[{"start": 0, "end": 3, "label": "PER"}]]})
    pq.write_table(table, tmp_path / "rows.parquet")
    batch = batch_of(tmp_path / "rows.parquet", ["text", "entities"])
    assert span_rows(tmp_path / "rows.parquet", batch, "text", "entities") == [SpanRow(1, TEXT, [(0, 3, "PER")])]


@pytest.mark.parametrize(
    ("spans", "message"),
    [
        ([[0, 3]], r"row 1, column 'entities': \[0, 3\] is not a span; write each as"),
        ([{"start": "0", "end": 3, "label": "X"}], "is not a span"),
        ([{"start": 0, "end": 3}], "is not a span"),
        ([[0, 3, " "]], "is not a span"),
        ([[0, True, "X"]], "is not a span"),
        ([[3, 3, "X"]], r"\[3, 3, 'X'\] is not within the text, which has 24 characters; count characters from 0"),
        ([[-1, 3, "X"]], "is not within the text"),
        ([[20, 25, "X"]], r"which has 24 characters \(and 25 UTF-16 units\); count characters"),
        ([[20, 27, "X"]], r"which has 24 characters \(and 27 bytes\); count characters"),
        ({"start": 0, "end": 3, "label": "X"}, "holds an object"),
        ("PER", "row 1, column 'entities': holds one value, and a list of spans is needed"),
    ],
)  # fmt: skip
def test_what_is_not_a_span_of_the_text_is_refused(tmp_path: Path, spans: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        spans_of(tmp_path, spans)
