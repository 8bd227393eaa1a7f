"""Which columns of a table are the text and the label, by what is in them."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from stillhouse.components.formats.batch import Reading
from stillhouse.components.formats.missing import USUAL
from stillhouse.components.formats.settings import CsvSettings
from stillhouse.components.formats.tables import data_files, read_batches
from stillhouse.components.storage.memory import bounded_memory
from stillhouse.errors import UserError

ROWS = 50_000
"""How many are looked at, from the beginning."""
MEMORY = 2 << 30
LABEL_NAMES = (
    ("label", "labels", "target", "class", "category", "categories", "y"),
    (
        "sentiment",
        "topic",
        "topics",
        "intent",
        "tag",
        "tags",
        "team",
        "queue",
        "department",
        "genre",
        "stars",
        "rating",
    ),
    ("type", "kind", "group", "score", "priority", "status", "outcome", "result", "product", "language"),
)
"""What people call the column of a label, the surest names first."""
TITLE_NAMES = {"title", "subject", "headline", "heading", "summary"}
"""What stands before the text."""
SPLIT_NAMES = {"split", "fold", "subset", "partition"}
SPLITS = {"train", "validation", "test", "unlabelled"}
MIN_WORDS, MIN_TITLE_WORDS, MIN_DISTINCT = 2.5, 1.3, 0.3
"""Of a text column: mean of its words, and the share of its values that are different ones."""
UNSPACED_CHARACTERS = 8
"""Mean length from which a column of a script without spaces is text."""
MIN_ROWS_PER_VALUE = 3.0
"""Mean, of a label."""


@dataclass
class Column:
    """What was seen of a column."""

    name: str
    values: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    """With a value."""
    characters: int = 0
    words: int = 0
    lists: int = 0
    texts: int = 0
    fractions: int = 0
    unspaced: int = 0
    """Characters of scripts that have no spaces between words."""

    def see(self, value: Any) -> None:
        """Count one value."""
        if USUAL.is_name_missing(value):
            return
        text = value if isinstance(value, str) else str(value)
        self.rows += 1
        self.values[text] += 1
        self.characters += len(text)
        self.words += len(text.split())
        self.lists += isinstance(value, list)
        self.unspaced += len(re.findall(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]", text))
        number = _number(text)
        self.texts += number is None
        self.fractions += number is not None and not number.is_integer()

    @property
    def mean_words(self) -> float:
        return self.words / max(self.rows, 1)

    @property
    def distinct(self) -> float:
        """Share of the values that are different ones."""
        return len(self.values) / max(self.rows, 1)

    @property
    def is_text(self) -> bool:
        long = self.mean_words >= MIN_WORDS or self.unspaced >= UNSPACED_CHARACTERS * max(self.rows, 1)
        return long and self.texts == self.rows > 0 and self.lists == 0 and self.distinct >= MIN_DISTINCT

    @property
    def is_title(self) -> bool:
        named = self.name.lower() in TITLE_NAMES
        return named and self.texts > self.rows / 2 and self.mean_words >= MIN_TITLE_WORDS

    @property
    def rank(self) -> int:
        """Of its name among those of labels; smaller is surer."""
        last = re.split(r"[^a-z]+", self.name.lower().strip())
        ranks = [i for i, names in enumerate(LABEL_NAMES) if self.name.lower() in names or last[-1] in names]
        return min(ranks, default=len(LABEL_NAMES))

    @property
    def is_label(self) -> bool:
        """Whether its values come again and again, or are numbers under the name of a label."""
        if self.lists:
            return self.lists == self.rows
        if len(self.values) < 2:
            return False
        named = self.rank < len(LABEL_NAMES)
        if self.texts == 0 and self.fractions:
            return named
        return self.rows / len(self.values) >= MIN_ROWS_PER_VALUE and (named or self.mean_words < MIN_WORDS)


@dataclass(frozen=True)
class Chosen:
    """The columns of a recipe, each with the reason."""

    text: list[str]
    label: str
    split: str | None
    why: list[str]
    """Sentences for people."""


def look(source: Path) -> list[Column]:
    """What the columns of a table hold, in its first rows.

    Args:
        source: a file, or a folder of files of the same columns.

    Raises:
        UserError: there is no table, or it cannot be read.
    """
    files = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
    columns: dict[str, Column] = {}
    with bounded_memory(MEMORY) as budget:
        reading = Reading(None, budget, CsvSettings())
        rows = (
            row
            for path in data_files(files, str(source))
            for part in read_batches(path, reading)
            for row in part.rows()
        )
        for row in islice(rows, ROWS):
            for name, value in row.items():
                columns.setdefault(name, Column(name)).see(value)
    if not columns:
        raise UserError(f"{source}: there are no rows in it; name a table that has some.")
    return list(columns.values())


def choose(columns: Sequence[Column], source: Path, text: Sequence[str] = (), label: str = "") -> Chosen:
    """The text and the label; what a person names is taken as it is.

    Raises:
        UserError: there is none, or a named column is not there.
    """
    by_name = {column.name: column for column in columns}
    present = ", ".join(by_name)
    for name in (*text, *([label] if label else [])):
        if name not in by_name:
            raise UserError(f"{source}: there is no column '{name}'; it has: {present}.")
    texts = [by_name[name] for name in text] or _texts([column for column in columns if column.name != label])
    if not texts:
        raise UserError(f"{source}: no column holds text of several words; name one with --text: it has {present}.")
    others = [column for column in columns if column not in texts]
    split = next((column for column in others if _is_split(column)), None)
    candidates = sorted(
        (column for column in others if column.is_label and column is not split),
        key=lambda column: (column.rank, column.texts == 0, -column.rows, len(column.values)),
    )
    found = by_name[label] if label else next(iter(candidates), None)
    if found is None:
        raise UserError(
            f"{source}: no column's values come again as those of a label do; name one with --label: it has {present}."
        )
    why = [
        f"text: {column.name} ({column.mean_words:.0f} words a row, {column.distinct:.0%} of them different)"
        for column in texts
    ]
    why.append(f"label: {found.name} ({_described(found)})")
    if split:
        why.append(f"split: {split.name} (it holds {', '.join(sorted(split.values))})")
    if further := [column.name for column in candidates if column is not found]:
        why.append(f"might be a label too: {', '.join(further)}; --label takes it instead")
    return Chosen([column.name for column in texts], found.name, split.name if split else None, why)


def _texts(columns: Iterable[Column]) -> list[Column]:
    """The column with the longest text, and a title before it."""
    columns = list(columns)
    main = max((column for column in columns if column.is_text), key=lambda column: column.characters, default=None)
    titles = [column for column in columns if column.is_title and column is not main]
    return [*titles, *([main] if main else [])]


def _is_split(column: Column) -> bool:
    return column.name.lower() in SPLIT_NAMES and {value.lower() for value in column.values} <= SPLITS


def _described(column: Column) -> str:
    if column.lists:
        return "lists of labels: several on a row"
    if column.texts == 0 and column.fractions:
        return f"numbers, {len(column.values):,} different ones"
    value, count = column.values.most_common(1)[0]
    return f"{len(column.values):,} values, the most frequent is '{value[:40]}' with {count / column.rows:.0%}"


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
