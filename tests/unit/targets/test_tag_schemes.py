"""How entities are spelt in tags, and what they are whatever the spelling."""

import pytest

from stillhouse.components.targets.tag_schemes import Entity, Tag, TagScheme, find_tags
from stillhouse.errors import UserError

PEOPLE = [Entity(0, 2, "PER"), Entity(2, 3, "PER"), Entity(4, 7, "LOC"), Entity(7, 8, "ORG")]
"""Two people who touch, a place of three words, an organisation that touches it."""
SPELLINGS = {
    "IOB2": "B-PER I-PER B-PER O B-LOC I-LOC I-LOC B-ORG O",
    "IOB1": "I-PER I-PER B-PER O I-LOC I-LOC I-LOC I-ORG O",
    "IOBES": "B-PER E-PER S-PER O B-LOC I-LOC E-LOC S-ORG O",
    "BILOU": "B-PER L-PER U-PER O B-LOC I-LOC L-LOC U-ORG O",
    "BMES": "B-PER E-PER S-PER O B-LOC M-LOC E-LOC S-ORG O",
}


@pytest.mark.parametrize(("name", "tags"), SPELLINGS.items())
@pytest.mark.parametrize("change", ["{0}-{1}", "{0}_{1}", "{1}-{0}", "{1}_{0}"])
def test_each_scheme_with_its_position_before_or_behind_the_label_spells_the_same_entities(
    name: str, tags: str, change: str
) -> None:
    written: list[Tag] = [change.format(*tag.split("-")) if "-" in tag else tag for tag in tags.split()]
    found = find_tags([written])
    assert found.scheme.entities(written) == PEOPLE
    assert found.scheme.normalised(written) == SPELLINGS["IOB2"].split()
    assert found.tags == ["O", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-PER", "I-PER"]
    assert found.notes == [f"The tags are read as {name}."]


def test_a_label_may_hold_the_separator() -> None:
    found = find_tags([["B-creative-work", "I-creative-work", "O"]])
    assert found.scheme.entities(["B-creative-work", "I-creative-work", "O"]) == [Entity(0, 2, "creative-work")]


def test_positions_alone_are_entities_without_a_name() -> None:
    found = find_tags([["B", "I", "O", "B"]])
    assert found.scheme.entities(["B", "I", "O", "B"]) == [Entity(0, 2, "entity"), Entity(3, 4, "entity")]
    assert found.tags == ["O", "B-entity", "I-entity"]


def test_words_of_a_segmented_text_are_entities() -> None:
    tags = ["B", "E", "S", "B", "M", "E"]
    found = find_tags([tags])
    assert found.scheme.entities(tags) == [Entity(0, 2, "entity"), Entity(2, 3, "entity"), Entity(3, 6, "entity")]


def test_labels_beside_an_outside_tag_are_entities_as_long_as_the_label_goes_on() -> None:
    tags = ["PER", "PER", "O", "LOC", "ORG", "O", "O"]
    found = find_tags([tags])
    assert found.scheme.entities(tags) == [Entity(0, 2, "PER"), Entity(3, 4, "LOC"), Entity(4, 5, "ORG")]
    assert found.scheme.normalised(tags) == ["B-PER", "I-PER", "O", "B-LOC", "B-ORG", "O", "O"]
    assert "without B- and I-" in found.notes[0]


def test_a_label_without_a_position_among_others_is_an_entity_whole_letters_and_all() -> None:
    # seqeval 1.2.2 takes `PER` for the position P of a label ER, and PER TER for one entity.
    tags = ["B-LOC", "I-LOC", "O", "PER", "TER", "B-LOC", "LOC"]
    found = find_tags([tags])
    assert found.scheme.entities(tags) == [
        Entity(0, 2, "LOC"), Entity(3, 4, "PER"), Entity(4, 5, "TER"), Entity(5, 7, "LOC"),
    ]  # fmt: skip
    assert "3 words have a label without a position, as 'LOC'" in found.notes[1]


@pytest.mark.parametrize(
    "tags",
    [
        ["at", "np-tl", "nn-tl", "nn", "np$", "--", "*-hl"],  # Brown
        ["DET", "NOUN", "PUNCT", "X"],  # Universal Dependencies
        ["-LRB-", "NN", "S-NP", "-RRB-"],
        ["N", "V", "O", "S", "E", "B", "N"],  # one letter each: pronouns are O
    ],
)
def test_parts_of_speech_are_plain(tags: list[Tag]) -> None:
    found = find_tags([tags])
    assert not found.scheme.has_entities
    assert found.scheme.normalised(tags) == tags
    assert found.tags == sorted({tag for tag in tags if tag})
    assert found.notes == []


def test_a_recipe_can_say_which() -> None:
    tags = [["PER", "LOC", "O"], ["PER", "LOC", "LOC"]]
    assert not find_tags(tags).scheme.has_entities
    assert find_tags(tags, "entities").tags == ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
    assert find_tags([["B-PER", "O"]], "plain").tags == ["B-PER", "O"]


def test_words_without_a_tag_end_an_entity_and_stay_without() -> None:
    scheme = TagScheme("positions")
    assert scheme.normalised(["I-PER", None, "I-PER", "O"]) == ["B-PER", None, "B-PER", "O"]


def test_an_underscore_may_stand_for_outside() -> None:
    found = find_tags([["B-V", "_", "B-ARG1", "I-ARG1"]])
    assert found.scheme.normalised(["B-V", "_", "B-ARG1", "I-ARG1"]) == ["B-V", "O", "B-ARG1", "I-ARG1"]


def test_entities_that_begin_with_i_among_those_that_do_not_are_kept_and_told() -> None:
    tags = ["B-PER", "O", "I-PER", "O"]
    found = find_tags([tags])
    assert found.scheme.entities(tags) == [Entity(0, 1, "PER"), Entity(2, 3, "PER")]
    assert found.notes == [
        "The tags are read as IOB2; 1 entities begin with I where IOB2 has B, and count as entities."
    ]


def test_numbers_are_names_and_the_mend_is_told() -> None:
    assert "prepare.label_names" in find_tags([["0", "3", "4"]]).notes[0]


def test_tags_that_are_all_missing_or_all_outside_are_refused() -> None:
    with pytest.raises(UserError, match="no word has a tag"):
        find_tags([[None, None]])
    with pytest.raises(UserError, match="all words have the tag 'O', so there is nothing to learn"):
        find_tags([["O", "O"]], "entities")
