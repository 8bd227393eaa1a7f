"""Tagged words as a person looks at them, in the card and among the worst mistakes."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from markupsafe import Markup

Tag = str | None
MOST_WORDS = 60
"""Words of an example that are shown; of a longer one those around the first mistake."""
_BEFORE = 15
"""Words that are shown before the first mistake."""


class _Piece(NamedTuple):
    """Neighbouring words that are shown as one."""

    words: list[str]
    true: str | None
    """Label of their entity, or their plain tag; empty outside of entities, None where nobody has tagged them."""
    answered: str | None
    """The same of a model's answer; None where there is not any."""


def show_tagged(
    words: Sequence[str], true: Sequence[Tag] | None, answered: Sequence[Tag] | None = None, *, has_entities: bool
) -> "Markup":
    """The words of one example with their tags; where there are answers, what is wrong stands out.

    Args:
        words: of one example.
        true: normalised tags, None where a word has none; None where nobody has tagged it.
        answered: a model's tags, None where a word was not read; None where no model was asked.
        has_entities: whether the tags spell entities, as `B-PER I-PER O`.

    Returns:
        HTML that needs no style of its own: `<ruby>` with the tag above, `<mark>` around what is wrong, with
        the answer and, in `<s>`, what it should have been. Whatever is in words and tags is escaped.
    """
    from markupsafe import Markup

    blank: Sequence[Tag] = [None] * len(words)
    pairs = list(zip(words, blank if true is None else true, blank if answered is None else answered, strict=True))
    wrong = (i for i, (_, tag, answer) in enumerate(pairs) if answered is not None and tag not in (None, answer))
    start = max(min(next(wrong, 0) - _BEFORE, len(pairs) - MOST_WORDS), 0)
    end = start + MOST_WORDS
    shown = Markup(" ").join(_shown(piece, answered is not None) for piece in _pieces(pairs[start:end], has_entities))
    return Markup("{}{}{}").format("… " if start else "", shown, " …" if end < len(pairs) else "")


def _pieces(pairs: Sequence[tuple[str, Tag, Tag]], has_entities: bool) -> Iterator[_Piece]:
    """Words of one entity together, and those outside of any; each word with a plain tag alone."""
    piece: _Piece | None = None
    for word, tag, answer in pairs:
        true, answered = _label(tag, has_entities), _label(answer, has_entities)
        begins = not has_entities or any((one or "").startswith("B-") for one in (tag, answer))
        if piece is None or begins or (true, answered) != (piece.true, piece.answered):
            if piece is not None:
                yield piece
            piece = _Piece([], true, answered)
        piece.words.append(word)
    if piece is not None:
        yield piece


def _label(tag: Tag, has_entities: bool) -> str | None:
    if tag is None or not has_entities:
        return tag
    return tag[2:]  # of the outside tag, which has one letter, nothing


def _shown(piece: _Piece, is_answered: bool) -> "Markup":
    from markupsafe import Markup

    words = " ".join(piece.words)
    told = piece.answered if is_answered else piece.true
    if not is_answered or piece.true is None or piece.true == told:
        return Markup("<ruby>{}<rt>{}</rt></ruby>").format(words, told) if told else Markup("{}").format(words)
    answer = "not read" if told is None else told or "none"
    return Markup("<mark><ruby>{}<rt>{} <s>{}</s></rt></ruby></mark>").format(words, answer, piece.true or "none")
