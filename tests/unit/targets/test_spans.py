"""Spans of characters and tags of words say the same."""

from hypothesis import given, settings
from hypothesis import strategies as st

from stillhouse.components.modalities.text.word_split import split_words
from stillhouse.components.targets.spans import OVERLAPPING, cuts, flat_spans, in_characters, span_tags
from stillhouse.components.targets.tag_schemes import TagScheme

TEXT = "Ada Lovelace lived in London."
SPANS = [(0, 12, "PER"), (22, 28, "LOC")]


def test_words_of_a_span_are_tagged() -> None:
    bounds = split_words(TEXT, cuts(SPANS))
    assert span_tags(bounds, SPANS) == ["B-PER", "I-PER", "O", "O", "B-LOC", "O"]


def test_a_span_that_begins_or_ends_inside_of_a_word_parts_it() -> None:
    spans = [(0, 6, "LOC"), (8, 10, "X")]
    bounds = split_words("Berliner Luft", cuts(spans))
    assert [("Berliner Luft"[a:b], tag) for (a, b), tag in zip(bounds, span_tags(bounds, spans), strict=True)] == [
        ("Berlin", "B-LOC"), ("er", "O"), ("L", "B-X"), ("uft", "O"),
    ]  # fmt: skip


def test_two_spans_that_touch_are_two() -> None:
    spans = [(0, 1, "A"), (1, 2, "A")]
    assert span_tags(split_words("東京", cuts(spans)), spans) == ["B-A", "B-A"]


def test_white_space_at_the_ends_of_a_span_is_none_of_it() -> None:
    assert flat_spans(TEXT, [(21, 29, "LOC"), (3, 4, "PER"), (0, 4, "PER")]) == ([(0, 3, "PER"), (22, 29, "LOC")], 0)


def test_a_span_inside_of_another_is_left_out_and_counted() -> None:
    nested = [(4, 12, "NAME"), *SPANS, (22, 28, "CITY")]
    assert flat_spans(TEXT, nested) == (SPANS, 2)


def test_spans_that_cross_have_no_tags() -> None:
    assert flat_spans(TEXT, [(0, 12, "PER"), (4, 18, "X")]) == OVERLAPPING


def test_a_span_of_characters_in_no_word_has_no_tag() -> None:
    assert span_tags(split_words("a\x00b"), [(1, 2, "X")]) == ["O", "O"]


def test_answers_for_a_text_are_counted_in_its_characters() -> None:
    bounds = split_words(TEXT)
    row = {"tags": [], "spans": [{"start": 0, "end": 2, "label": "PER", "text": "Ada Lovelace", "confidence": 0.5}]}
    assert in_characters(row, TEXT, bounds)["spans"] == [
        {"start": 0, "end": 12, "label": "PER", "text": "Ada Lovelace", "confidence": 0.5}
    ]


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_spans_come_back_from_the_tags_that_they_make(data: st.DataObject) -> None:
    text = data.draw(st.text("ab c.é東", max_size=25))
    places = sorted(data.draw(st.sets(st.integers(0, len(text)))))
    pairs = list(zip(places[::2], places[1::2], strict=False))
    found = flat_spans(text, [(start, end, data.draw(st.sampled_from("XY"))) for start, end in pairs])
    assert not isinstance(found, str)
    spans, _ = found
    bounds = split_words(text, cuts(spans))
    entities = TagScheme("positions").entities(span_tags(bounds, spans))
    assert [(bounds[one.start].start, bounds[one.end - 1].end, one.label) for one in entities] == spans
