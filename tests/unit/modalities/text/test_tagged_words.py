"""Tagged words as HTML."""

from stillhouse.components.modalities.text.tagged_words import MOST_WORDS, show_tagged

WORDS = ["Ada", "Lovelace", "of", "London", "fell"]
TRUE = ["B-PER", "I-PER", "O", "B-LOC", "O"]


def test_entities_have_their_label() -> None:
    assert show_tagged(WORDS, TRUE, has_entities=True) == (
        "<ruby>Ada Lovelace<rt>PER</rt></ruby> of <ruby>London<rt>LOC</rt></ruby> fell"
    )


def test_two_entities_that_touch_are_two() -> None:
    assert show_tagged(["Rome", "Kiel"], ["B-LOC", "B-LOC"], has_entities=True) == (
        "<ruby>Rome<rt>LOC</rt></ruby> <ruby>Kiel<rt>LOC</rt></ruby>"
    )


def test_what_is_wrong_is_marked_with_the_answer_and_the_truth() -> None:
    assert show_tagged(WORDS, TRUE, ["B-PER", "I-PER", "B-ORG", "O", None], has_entities=True) == (
        "<ruby>Ada Lovelace<rt>PER</rt></ruby> <mark><ruby>of<rt>ORG <s>none</s></rt></ruby></mark> "
        "<mark><ruby>London<rt>none <s>LOC</s></rt></ruby></mark> "
        "<mark><ruby>fell<rt>not read <s>none</s></rt></ruby></mark>"
    )


def test_plain_tags_stand_above_each_word() -> None:
    assert show_tagged(["old", "men", "x"], ["ADJ", "NOUN", None], ["ADJ", "VERB", "X"], has_entities=False) == (
        "<ruby>old<rt>ADJ</rt></ruby> <mark><ruby>men<rt>VERB <s>NOUN</s></rt></ruby></mark> <ruby>x<rt>X</rt></ruby>"
    )


def test_words_without_tags_are_words() -> None:
    assert show_tagged(["no", "tags"], None, has_entities=True) == "no tags"
    assert show_tagged([], [], has_entities=False) == ""


def test_words_and_tags_are_no_html() -> None:
    shown = show_tagged(["<script>", "&"], ['B-<b onload="">', "O"], ["B-\"'", "O"], has_entities=True)
    assert shown == (
        "<mark><ruby>&lt;script&gt;<rt>&#34;&#39; <s>&lt;b onload=&#34;&#34;&gt;</s></rt></ruby></mark> &amp;"
    )


def test_of_a_long_example_the_words_around_the_first_mistake_are_shown() -> None:
    words, true = [f"w{i}" for i in range(200)], ["O"] * 200
    answered = ["B-X" if i == 100 else "O" for i in range(200)]
    shown = str(show_tagged(words, true, answered, has_entities=True))
    assert shown.startswith("… w85 ")
    assert shown.endswith("w144 …")
    assert str(show_tagged(words, true, has_entities=True)).split() == [*words[:MOST_WORDS], "…"]
    assert str(show_tagged(words[:61], true[:61], [*true[:60], "B-X"], has_entities=True)).startswith("… w1 ")
