"""How tags of words spell entities, and one spelling for them all: IOB2.

What a tag set spells is found out: positions before or behind a label (`B-PER`, `B_PER`, `PER-B`) or alone (`B`), in
any of IOB1, IOB2, IOBES, BILOU and BMES; labels alone beside an outside tag (`PER`, `O`); or plain tags, as parts of
speech, where each word has its own and there are no entities.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from stillhouse.errors import UserError

Tag = str | None
"""The tag of a word; None where the word has none: it is neither learnt from nor counted."""
Kind = Literal["positions", "labels", "plain"]
Asked = Literal["auto", "entities", "plain"]

OUTSIDE = "O"
_BEGIN, _INSIDE, _END, _SINGLE = "B", "I", "E", "S"
_POSITIONS = {
    **{position: position for position in (_BEGIN, _INSIDE, _END, _SINGLE)},
    "L": _END,  # last, of BILOU
    "U": _SINGLE,  # unit
    "M": _INSIDE,  # middle, of BMES
    "W": _SINGLE,  # whole
}
"""What the letters of all schemes mean."""
UNNAMED = "entity"
"""The label of entities whose tags are positions alone."""


class Entity(NamedTuple):
    """Some words of an example that are one thing."""

    start: int
    end: int
    """Behind its last word."""
    label: str


@dataclass(frozen=True)
class TagScheme:
    """How the tags of a source are spelt; its fields are JSON values."""

    kind: Kind
    """Tags have positions, are labels of entities, or are plain: one for each word, without entities."""
    outside: str = OUTSIDE
    """The tag of words that belong to no entity."""
    separator: str = "-"
    """Between position and label; empty where positions stand alone."""
    position_first: bool = True

    @property
    def has_entities(self) -> bool:
        """Whether neighbouring words can be one entity."""
        return self.kind != "plain"

    def parts(self, tag: str) -> tuple[str, str]:
        """Position (B, I, E, S) and label of a tag that is not the outside one; a label alone goes on as I does."""
        if self.kind == "positions":
            if not self.separator:
                return _POSITIONS.get(tag, _INSIDE), UNNAMED if tag in _POSITIONS else tag
            left, _, right = tag.partition(self.separator) if self.position_first else tag.rpartition(self.separator)
            position, label = (left, right) if self.position_first else (right, left)
            if position in _POSITIONS:
                return _POSITIONS[position], label or UNNAMED
        return _INSIDE, tag

    def entities(self, tags: Sequence[Tag]) -> list[Entity]:
        """The entities of one example, as conlleval finds them: one begins at B, S and whatever follows another label,
        an end or no entity, so that an I there loses none (IOB1, or a network that forgot the B)."""
        return [Entity(*found) for found in self._entities(tags)]

    def _entities(self, tags: Sequence[Tag]) -> Iterator[tuple[int, int, str]]:
        start, label, is_closed = 0, None, True
        for i, tag in enumerate(tags):
            is_outside = tag is None or tag == self.outside
            position, now = ("", None) if is_outside else self.parts(tag)
            is_new = position in (_BEGIN, _SINGLE) or is_closed or now != label
            if label is not None and (is_outside or is_new):
                yield start, i, label
            if not is_outside and is_new:
                start = i
            label, is_closed = now, is_outside or position in (_END, _SINGLE)
        if label is not None:
            yield start, len(tags), label

    def normalised(self, tags: Sequence[Tag]) -> list[Tag]:
        """The same in IOB2, `B-PER I-PER O`; plain tags as they are. A word without a tag has none."""
        if not self.has_entities:
            return list(tags)
        found: list[Tag] = [None if tag is None else OUTSIDE for tag in tags]
        for start, end, label in self._entities(tags):
            found[start:end] = spelled(end - start, label)
        return found


def spelled(length: int, label: str) -> list[str]:
    """The tags of an entity of `length` words in IOB2."""
    return [f"{_BEGIN}-{label}", *[f"{_INSIDE}-{label}"] * (length - 1)]


class Found(NamedTuple):
    """What the tags of a source are."""

    scheme: TagScheme
    tags: list[str]
    """All tags that a model learns, normalised: the outside one first, then B and I of each label in the order of the
    labels' names; plain ones in the order of their names."""
    notes: list[str]
    """What must be said of how they were read; one sentence each."""


def find_tags(examples: Sequence[Sequence[Tag]], asked: Asked = "auto") -> Found:
    """Find out how the tags of all examples are spelt.

    Args:
        examples: the tags of each labelled example.
        asked: whether there are entities in it, where a recipe says so.

    Raises:
        UserError: there is no tag, or one alone.
    """
    counts = Counter(tag for tags in examples for tag in tags if tag is not None)
    if not counts:
        raise UserError("no word has a tag; name the column that holds the tags in the recipe's columns.")
    if len(counts) == 1:
        raise UserError(f"all words have the tag '{next(iter(counts))}', so there is nothing to learn; add other rows.")
    scheme = TagScheme("plain") if asked == "plain" else _scheme(counts, asked)
    if not scheme.has_entities:
        return Found(scheme, sorted(counts), _plain_notes(counts))
    labels = {scheme.parts(tag)[1] for tag in counts if tag != scheme.outside}
    tags = [OUTSIDE, *(f"{position}-{label}" for label in sorted(labels) for position in (_BEGIN, _INSIDE))]
    return Found(scheme, tags, [_description(scheme, counts, examples), *_bare_notes(scheme, counts)])


_SEPARATORS = (("-", True), ("_", True), ("-", False), ("_", False), ("", True))


def _scheme(counts: Counter[str], asked: Asked) -> TagScheme:
    """The spelling under which half of the words in entities have a position; else labels alone or plain tags."""
    outside = OUTSIDE if OUTSIDE in counts or "_" not in counts else "_"
    inside = Counter({tag: number for tag, number in counts.items() if tag != outside})
    for separator, position_first in _SEPARATORS:
        scheme = TagScheme("positions", outside, separator, position_first)
        having = sum(number for tag, number in inside.items() if _has_position(tag, scheme))
        if having and 2 * having >= inside.total() and (separator or _are_positions(inside)):
            return scheme
    # Some parts of speech are called O too, but then not most words are that.
    if asked == "entities" or (counts[outside] and counts[outside] == max(counts.values())):
        return TagScheme("labels", outside)
    return TagScheme("plain")


def _has_position(tag: str, scheme: TagScheme) -> bool:
    if not scheme.separator:
        return tag in _POSITIONS
    affix = tag.split(scheme.separator)[0 if scheme.position_first else -1]
    return scheme.separator in tag and affix in _POSITIONS


def _are_positions(inside: Counter[str]) -> bool:
    """Whether tags of one letter are B, I and their kin, and not parts of speech."""
    return inside.keys() <= _POSITIONS.keys() and _BEGIN in inside and bool({_INSIDE, "M"} & inside.keys())


def _description(scheme: TagScheme, counts: Counter[str], examples: Sequence[Sequence[Tag]]) -> str:
    if scheme.kind == "labels":
        return (
            "The tags are labels without B- and I-: neighbouring words of one label are read as one entity; two that "
            "touch cannot be told apart."
        )
    letters = {_letter(tag, scheme) for tag in counts if tag != scheme.outside and _has_position(tag, scheme)}
    if letters & {"L", "U"}:
        name = "BILOU"
    elif letters & {"M", "W"}:
        name = "BMES"
    elif letters & {_END, _SINGLE}:
        name = "IOBES"
    else:
        name = _iob(scheme, examples)
    return f"The tags are read as {name}."


def _letter(tag: str, scheme: TagScheme) -> str:
    return tag.split(scheme.separator)[0 if scheme.position_first else -1] if scheme.separator else tag


def _iob(scheme: TagScheme, examples: Sequence[Sequence[Tag]]) -> str:
    """Which of the two, by how entities begin: in IOB1 with a B only where one touches another of its label."""
    begun: Counter[str] = Counter()
    for tags in examples:
        behind: Entity | None = None
        for entity in scheme.entities(tags):
            position, _ = scheme.parts(tags[entity.start] or "")
            touches = behind is not None and behind.end == entity.start and behind.label == entity.label
            begun["touching" if touches else position] += 1
            behind = entity
    if not begun[_INSIDE]:
        return "IOB2"
    if not begun[_BEGIN]:
        return "IOB1"
    return f"IOB2; {begun[_INSIDE]:,} entities begin with I where IOB2 has B, and count as entities"


def _bare_notes(scheme: TagScheme, counts: Counter[str]) -> list[str]:
    bare = [tag for tag in counts if tag != scheme.outside and not _has_position(tag, scheme)]
    if scheme.kind != "positions" or not bare:
        return []
    words = sum(counts[tag] for tag in bare)
    return [
        f"{words:,} words have a label without a position, as '{min(bare)}': neighbours of one such label are read as "
        "one entity."
    ]


def _plain_notes(counts: Counter[str]) -> list[str]:
    if all(re.fullmatch(r"\d+", tag) for tag in counts):
        return [
            "The tags are numbers and are taken as names: entities cannot be counted in them; prepare.label_names "
            "gives their names, in order."
        ]
    return []
