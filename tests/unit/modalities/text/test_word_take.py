"""Words and tags out of the two layouts that tagged words come in."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from stillhouse.components.formats.batch import ArrowBatch
from stillhouse.components.modalities.text.word_take import take_words_or_spans, with_places
from stillhouse.errors import UserError


def taken(rows: list[dict[str, Any]], **columns: str | None) -> tuple[list[Any], list[Any]]:
    batch = ArrowBatch(list(range(1, len(rows) + 1)), 1.0, pa.RecordBatch.from_pylist(rows))
    inputs, tags = take_words_or_spans(Path("words.parquet"), batch, columns)
    return inputs["tokens"].to_pylist(), tags


def test_words_come_with_a_tag_each_or_without() -> None:
    rows = [{"w": ["Rome", "fell"], "t": ["LOC", "O"]}, {"w": ["x"], "t": None}]
    assert taken(rows, tokens="w", tags="t", text=None) == ([["Rome", "fell"], ["x"]], [["LOC", "O"], None])
    assert taken(rows, tokens="w", tags=None, text=None)[1] == [None, None]


def test_a_text_is_split_into_words_at_the_ends_of_spans_too() -> None:
    rows = [{"text": "Ann's in New York.", "spans": [[0, 3, "PER"], [9, 17, "LOC"]]}]
    words, tags = taken([{**rows[0], "spans": [{"start": a, "end": b, "label": c} for a, b, c in rows[0]["spans"]]}],
                        tokens=None, text="text", tags="spans")  # fmt: skip
    assert words == [["Ann", "'", "s", "in", "New", "York", "."]]
    assert tags == [["B-PER", "O", "O", "O", "B-LOC", "I-LOC", "O"]]


def test_spans_inside_of_another_are_counted_and_crossing_ones_leave_no_words() -> None:
    def row(*spans: tuple[int, int]) -> dict[str, Any]:
        return {"text": "ab cd ef", "spans": [{"start": a, "end": b, "label": "X"} for a, b in spans]}

    words, tags = taken([row((0, 5), (0, 2)), row((0, 5), (3, 8)), row()], text="text", tags="spans")
    assert words == [["ab", "cd", "ef"], None, ["ab", "cd", "ef"]]
    assert tags == [["B-X", "I-X", "O"], None, ["O", "O", "O"]]
    assert tags[0].inside == 1


def test_tags_that_do_not_fit_the_words_are_refused_with_the_row() -> None:
    with pytest.raises(UserError, match=r"words\.parquet, row 1, column 't': 1 tags for 2 words; give each word one"):
        taken([{"w": ["a", "b"], "t": ["O"]}], tokens="w", tags="t")


def test_an_answer_for_a_text_tells_characters_and_words() -> None:
    row = {"tags": ["O", "O", "B-LOC", "I-LOC"], "spans": [{"start": 2, "end": 4, "label": "LOC", "text": "New York"}]}
    assert with_places(row, "Ann in New  York") == {
        "words": ["Ann", "in", "New", "York"],
        "tags": ["O", "O", "B-LOC", "I-LOC"],
        "spans": [{"start": 7, "end": 16, "label": "LOC", "text": "New  York"}],
    }
    assert with_places({"tags": ["NN"]}, " Ann") == {"words": ["Ann"], "tags": ["NN"]}
