"""Tags from the source to the dataset and from there to a model, by value."""

import pyarrow as pa
import pytest

from stillhouse.components.formats.missing import Missing
from stillhouse.components.targets.parse import LabelReading
from stillhouse.components.targets.tag_parse import read_tags, tag_arrays, tag_column
from stillhouse.errors import UserError


def where(row: int) -> str:
    return f"words.conll, row {row + 1}, column 'tags'"


def test_entities_become_numbers_of_tags_in_iob2() -> None:
    found = read_tags([["I-PER", "O"], None, ["I-PER", "B-PER", None], ["I-LOC"]], where, LabelReading())
    assert found.kind == "entities"
    assert found.labels == ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
    assert found.values == [(3, 0), None, (3, 3, None), (1,)]
    assert found.notes == ["The tags are read as IOB1."]


def test_plain_tags_stay_as_they_are_and_so_do_entities_where_that_is_asked_for() -> None:
    found = read_tags([["VERB", "NOUN"], ["NOUN"]], where, LabelReading())
    assert (found.kind, found.labels, found.values) == ("plain", ["NOUN", "VERB"], [(1, 0), (0,)])
    asked = read_tags([["B-PER", "O"]], where, LabelReading(), "plain")
    assert (asked.kind, asked.labels) == ("plain", ["B-PER", "O"])


def test_numbers_of_tags_are_named_where_names_are_given() -> None:
    found = read_tags([["1", "0"], ["2"]], where, LabelReading(names=["O", "B-PER", "I-PER"]))
    assert (found.kind, found.labels, found.values) == ("entities", ["O", "B-PER", "I-PER"], [(1, 0), (1,)])


def test_words_that_the_recipe_calls_missing_have_no_tag() -> None:
    found = read_tags([["A", "?"], ["B"]], where, LabelReading(missing=Missing(["?"])))
    assert found.values == [(0, None), (1,)]


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        (
            [None, ["O", "O"]],
            "words.conll, row 2, column 'tags': all words have the tag 'O', so there is nothing to learn",
        ),
        ([None], "words.conll, row 1, column 'tags': no word has a tag; name the column that holds the tags"),
    ],
)
def test_nothing_to_learn_is_told_with_its_place(tags: list[list[str] | None], message: str) -> None:
    with pytest.raises(UserError, match=message.replace("(", r"\(")):
        read_tags(tags, where, LabelReading())  # pyrefly: ignore[bad-argument-type]


def test_a_dataset_gives_back_what_was_put_into_it() -> None:
    column = tag_column([(3, 0), None, (1, None), ()])
    assert column.type == pa.list_(pa.int16())
    arrays = tag_arrays(column.to_pylist(), [2, 3, 2, 0])
    assert [array.tolist() for array in arrays] == [[3, 0], [-100, -100, -100], [1, -100], []]
    assert {array.dtype.name for array in arrays} == {"int64"}
