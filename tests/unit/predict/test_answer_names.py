"""The columns of answers are called as no column of the data is, whatever the format."""

from pathlib import Path

import pytest

from stillhouse.components.formats.settings import CsvSettings
from stillhouse.components.predict.answer_names import answer_names
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
