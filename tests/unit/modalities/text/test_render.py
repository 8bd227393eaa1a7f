"""Texts as a report shows them."""

from stillhouse.components.modalities.text.render import EXCERPT_CHARACTERS, excerpt


def test_an_excerpt_is_one_line_and_ends_where_the_text_is_cut() -> None:
    found = excerpt("a \n\n b " * 200)
    assert found.startswith("a b a b")
    assert len(found) <= EXCERPT_CHARACTERS + 2
    assert found.endswith(" …")


def test_a_short_text_is_shown_whole() -> None:
    assert excerpt("a\nb") == "a b"
