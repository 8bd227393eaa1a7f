"""Words in their one canonical form: as texts are cleaned, and as many as there were."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from stillhouse.components.modalities.text.clean import cleaned
from stillhouse.components.modalities.text.standardise import EMPTY, TOO_LONG
from stillhouse.components.targets.spans import OVERLAPPING


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


def standardise_words(
    examples: Sequence[Sequence[str] | None], cleaning: Mapping[str, Any]
) -> list[dict[str, Any] | str]:
    """Of each example its cleaned words under `tokens`, or why it is dropped: EMPTY, TOO_LONG or OVERLAPPING.

    Args:
        examples: None for one whose spans cross.
        cleaning: as `clean_words` takes it; `max_characters` among it drops what is longer.
    """
    longest = cleaning.get("max_characters")
    found: list[dict[str, Any] | str] = []
    for words, came in zip(clean_words([words or [] for words in examples], cleaning), examples, strict=True):
        too_long = longest is not None and sum(map(len, words)) + len(words) - 1 > longest
        why = OVERLAPPING if came is None else EMPTY if not any(words) else TOO_LONG if too_long else ""
        found.append(why or {"tokens": words})
    return found
