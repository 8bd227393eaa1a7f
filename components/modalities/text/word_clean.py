"""Words in their one canonical form: as texts are cleaned, and as many as there were."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from stillhouse.components.modalities.text.clean import cleaned

EMPTY = "empty"
"""Why an example is dropped."""


def clean_words(examples: Sequence[Sequence[str]], cleaning: Mapping[str, Any]) -> list[list[str]]:
    """The words of each example, cleaned as `cleaning.cleaned` cleans texts, and without line breaks.

    Each stays where it is, for its tag does: one of which nothing is left is empty.

    Args:
        cleaning: what dataset.json says under that name.
    """
    import pyarrow as pa

    words = pa.array([word for example in examples for word in example], pa.string())
    found = iter(" ".join(word.split("\n")) for word in cleaned(words, cleaning).to_pylist())
    return [list(islice(found, len(example))) for example in examples]


def why_dropped(words: Sequence[str]) -> str | None:
    """Why an example of cleaned words cannot be used; None where it can."""
    return None if any(words) else EMPTY


def identity(words: Sequence[str]) -> bytes:
    """What an example's hash, its split and exact copies go by; the mark between words is in none that is cleaned."""
    return "\x1f".join(words).encode()
