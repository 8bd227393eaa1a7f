"""Words that are typical of each label: log-odds against all other rows, with all rows as an informative prior.

Monroe, Colaresi and Quinn (2008), Fightin' Words, section 3.5. Words that are frequent everywhere, such as articles,
and rare ones whose share may be chance get a small score, so no list of stop words of any language is needed.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from stillhouse.components.modalities.text.words import words

MAX_ROWS = 20_000
"""Rows that are looked at; they are sorted by their hash, so the first ones are as good as any."""
NUM_WORDS = 8
LEAST_ROWS = 3
"""Rows of a label that have the word, at least."""
LEAST_SCORE = 1.96
"""Standard deviations that the log-odds ratio is above zero."""


def typical_words(texts: Sequence[str], labels: Sequence[Iterable[int]], num_labels: int) -> list[list[str]]:
    """Of each label the words that tell it from the others, the clearest one first.

    A word counts once a row: one long row that repeats a word does not make it typical.

    Args:
        texts: of the rows.
        labels: indices of each row's labels.
        num_labels: of all.
    """
    counts = [Counter[str]() for _ in range(num_labels)]
    for text, own in zip(texts[:MAX_ROWS], labels, strict=False):
        found = {word for word in words(text) if _is_telling(word)}
        for label in own:
            counts[label].update(found)
    everything = sum(counts, Counter[str]())
    total = everything.total()
    return [_typical(here, everything, total) for here in counts]


def _is_telling(word: str) -> bool:
    """No number, and no single letter; one character is a word where no spaces stand between words."""
    return not word.isdigit() and (len(word) > 1 or not word.isascii())


def _typical(here: Counter[str], everything: Counter[str], total: int) -> list[str]:
    own = here.total()
    candidates = sorted(word for word, rows in here.items() if rows >= LEAST_ROWS)
    if not candidates or own == total:
        return []
    rows = np.array([here[word] for word in candidates], float)
    prior = np.array([everything[word] for word in candidates], float)
    others = prior - rows
    log_odds = np.log((rows + prior) / (own + total - rows - prior))
    log_odds -= np.log((others + prior) / (total - own + total - others - prior))
    scores = log_odds / np.sqrt(1 / (rows + prior) + 1 / (others + prior))
    order = np.argsort(-scores, kind="stable")[:NUM_WORDS]
    return [candidates[i] for i in order if scores[i] >= LEAST_SCORE]
