"""Which values stand for no value: one list for labels, groups, splits, numbers and slices."""

import re
from collections.abc import Sequence
from typing import Any

MARKS = frozenset(
    {"nan", "-nan", "+nan", "nat", "<na>", "#n/a", "#na", "#n/a n/a", "1.#qnan", "-1.#qnan", "-1.#ind", "\\n"}
)
"""What programs write for no value (NumPy, pandas, spreadsheets, C; `\\N` of PostgreSQL, MySQL and Hive), in small
letters; nobody's name of anything."""
WORDS = frozenset({"none", "null", "na", "n/a", "n.a.", "nil"})
"""What people and programs write for no value, in lower case; as a label each may be the name of a class."""


class Missing:
    """What stands for no value in a source.

    Null, NaN and blank text always do. So do MARKS; and WORDS where a value tells rows apart (a group, a split) or is
    measured (a number), but not where it is a name (a label, a slice): a class may be called `None`. Upper and lower
    case are one. `words` replaces both lists, in all columns alike.
    """

    def __init__(self, words: Sequence[str] | None = None) -> None:
        given = None if words is None else frozenset(map(_written, words))
        self.names = MARKS if given is None else given
        """Words that are missing where names stand."""
        self.keys = MARKS | WORDS if given is None else given
        """Words that are missing in groups, splits and numbers."""
        self._has_typed = any(_TYPED.fullmatch(word) for word in given or ())
        """Whether a number or a truth value is one of the words."""

    def is_name_missing(self, value: Any) -> bool:
        """Whether a label or the value of a slice is none; a list never is."""
        return self._is_missing(value, self.names)

    def is_key_missing(self, value: Any) -> bool:
        """Whether a group, a split or a number is none."""
        return self._is_missing(value, self.keys)

    def is_word(self, value: Any) -> bool:
        """Whether a name looks like one of WORDS and is taken as a name all the same; the data card says so."""
        return isinstance(value, str) and value.strip().lower() in WORDS - self.names

    def _is_missing(self, value: Any, words: frozenset[str]) -> bool:
        if isinstance(value, str):
            return not value.strip() or _written(value) in words
        if value is None or isinstance(value, list | tuple):
            return value is None
        # NaN and NaT alone are not themselves.
        return bool(value != value) or (self._has_typed and _written(str(value)) in words)


_TYPED = re.compile(r"[+-]?\d+(\.\d+)?|true|false")
_WHOLE = re.compile(r"^([+-]?\d+)\.0+$")


def _written(value: str) -> str:
    """One spelling for one value: -1 of whole numbers is -1.0 in a column of floats."""
    return _WHOLE.sub(r"\1", value.strip().lower()) if "." in value else value.strip().lower()


USUAL = Missing()
"""Where no setting says otherwise."""
