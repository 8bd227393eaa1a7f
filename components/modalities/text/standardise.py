"""Texts in their one canonical form, or why they are dropped."""

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute

from stillhouse.components.modalities.text.clean import cleaned

pc: Any = pyarrow.compute  # its functions are made at run time, where no type checker sees them

EMPTY, TOO_LONG = "empty", "too_long"
_BATCH = 8192


def standardise_texts(
    texts: pa.ChunkedArray, cleaning: Mapping[str, Any], progress: Callable[[int, int], None] = lambda *_: None
) -> list[dict[str, Any] | str]:
    """Of each text its example, cleaned, or why it is dropped: EMPTY, or TOO_LONG.

    Args:
        texts: strings without nulls.
        cleaning: as `clean.cleaned` takes it; `max_characters` among it drops longer texts.
        progress: is told the texts done and the texts in all.
    """
    found: list[dict[str, Any] | str] = []
    longest = cleaning.get("max_characters")
    for batch in pa.table([texts], ["text"]).to_batches(_BATCH):
        column = batch["text"]
        # Cleaning shortens a text, but not tenfold; far longer ones are dropped anyway, and would take minutes.
        short = pc.less_equal(pc.utf8_length(column), 10 * longest) if longest else pa.array([True] * len(column))
        clean = pc.replace_with_mask(column, short, cleaned(column.filter(short), cleaning))
        for text in clean.to_pylist():
            too_long = longest is not None and len(text) > longest
            found.append(EMPTY if not text else TOO_LONG if too_long else {"text": text})
        progress(len(found), len(texts))
    return found
