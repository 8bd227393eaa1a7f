"""prepare makes datasets of tagged words: from lists, from texts with spans, from words in columns."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from stillhouse.components.prepare.prepare import refine
from stillhouse.components.prepare.read import read
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.prepare.write_dataset import Prepared
from stillhouse.components.tasks.interface.settings import settings_for_name
from stillhouse.errors import UserError


def prepared(path: Path, columns: dict[str, Any] | None = None, **settings: Any) -> Prepared:
    given = {"source": str(path), "task": "token_classification", "columns": columns or {}, **settings}
    parsed = settings_for_name(PrepareSettings, "token_classification").model_validate(given)
    return refine(read([path], parsed), parsed)


def write(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def found(made: Prepared) -> dict[str, Any]:
    return {
        " ".join(row.example["tokens"]): made.task.target_in_words(row.target)
        for rows in made.splits.values()
        for row in rows
    }


def test_lists_of_words_and_tags_become_examples_and_targets(tmp_path: Path) -> None:
    rows = [
        {"tokens": ["Ann", "slept"], "tags": ["I-PER", "O"]},
        {"tokens": ["caf\u0065\u0301 ", "Roma"], "tags": ["O", "I-LOC"]},
        {"tokens": ["Bob", "Rome"], "tags": ["I-PER", None]},
        {"tokens": ["who"], "tags": None},
        {"tokens": ["", " "], "tags": ["O", "O"]},
    ]
    made = prepared(write(tmp_path / "rows.jsonl", rows))
    assert (made.kind, made.labels) == ("entities", ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"])
    assert found(made) == {"Ann slept": "B-PER O", "café Roma": "O B-LOC", "Bob Rome": "B-PER -", "who": "no tags"}
    assert made.dropped == {"empty": 1}
    assert [row.example["tokens"] for row in made.splits["unlabelled"]] == [["who"]]


def test_texts_with_spans_become_words_with_tags(tmp_path: Path) -> None:
    rows = [
        {"body": "Ann in New York.", "found": [[0, 3, "PER"], [7, 15, "LOC"]]},
        {"body": "a b c", "found": [[0, 3, "PER"], [2, 5, "LOC"]]},
        {"body": "x y z", "found": [[0, 5, "PER"], [2, 3, "LOC"]]},
    ]
    made = prepared(write(tmp_path / "rows.jsonl", rows), {"text": "body", "tags": "found"})
    assert found(made) == {"Ann in New York .": "B-PER O B-LOC I-LOC O", "x y z": "B-PER I-PER I-PER"}
    assert made.dropped == {"overlapping spans": 1}
    assert "1 spans that lie inside of another one are left out." in made.notes


@pytest.mark.parametrize("name", ["words.conll", "words.txt", "words.tsv"])
def test_words_in_columns_are_read_whatever_the_file_is_called(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("Ann\tNNP\tB-PER\nslept\tVBD\tO\n\nRome\tNNP\tB-LOC\n")
    assert found(prepared(tmp_path / name)) == {"Ann slept": "B-PER O", "Rome": "B-LOC"}
    plain = prepared(tmp_path / name, {"tags": "2"})
    assert (plain.kind, found(plain)) == ("plain", {"Ann slept": "NNP VBD", "Rome": "NNP"})


def test_conllu_has_universal_parts_of_speech(tmp_path: Path) -> None:
    path = tmp_path / "words.conllu"
    path.write_text(
        "# newdoc id = d1\n1\tAnn\tAnn\tPROPN\t_\t_\t2\tnsubj\t_\t_\n2\tslept\tsleep\tVERB\t_\t_\t0\troot\t_\t_\n\n"
    )
    assert found(prepared(path, {"group": "document"})) == {"Ann slept": "PROPN VERB"}


def test_a_recipe_says_whether_tags_are_entities(tmp_path: Path) -> None:
    rows = [{"tokens": ["Ann", "slept"], "tags": ["B-PER", "O"]}]
    made = prepared(write(tmp_path / "rows.jsonl", rows), input={"tags": "plain"})
    assert (made.kind, made.labels) == ("plain", ["B-PER", "O"])


def test_nearly_equal_sentences_are_one_and_the_same_words_with_other_tags_go(tmp_path: Path) -> None:
    words = [*"abcdefghijklmn"]
    rows = [
        {"tokens": words, "tags": ["D", *["N"] * 13]},
        {"tokens": [*words, "."], "tags": ["D", *["N"] * 14]},
        {"tokens": ["so"], "tags": ["N"]},
        {"tokens": ["so"], "tags": ["D"]},
    ]
    made = prepared(write(tmp_path / "rows.jsonl", rows))
    assert sum(made.dropped.values()) == 3
    assert made.dropped["conflicting_label"] == 2


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"tokens": ["a", "b"], "tags": ["O"]}, "row 1, column 'tags': 1 tags for 2 words; give each word one"),
        ({"tokens": "a b", "tags": ["O"]}, "row 1, column 'tokens': holds one value, and a list of words is needed"),
        ({"tokens": ["a"], "tags": ["O"]}, "row 1, column 'tags': all words have the tag 'O'"),
        ({"words": ["a"], "tags": ["O"]}, "column 'tokens' is missing; the file has words, tags"),
    ],
)
def test_what_is_wrong_is_told_in_one_sentence(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        prepared(write(tmp_path / "rows.jsonl", [row]))
