"""How good the tags of words are, under any weights of the examples: entities as conlleval counts them, and words.

An entity is right where its first word, its last word and its label are. What an entity is follows conlleval
(Tjong Kim Sang and De Meulder, 2003, arXiv:cs/0306050), which seqeval's default follows too, so that figures can be
compared with published ones: an I behind another label or behind no entity begins one. seqeval's strict mode counts no
such entity, neither in the truth nor in the answers; a network that writes `O I-PER` then loses what it has found, and
files in IOB1 most of what is in them.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from stillhouse.components.targets.measure import Measure, Statistics, Weights
from stillhouse.components.targets.resamples import blocks

OUTSIDE = 0
"""The outside tag's number where there are entities; then B and I of the first label are 1 and 2, and so on."""
NO_TAG = -100
"""In the place of a word's true tag where there is none; torch's cross-entropy skips it."""
NO_ANSWER = -1
"""In the place of a word's answer where there is none: wrong, and in no entity."""


class _Spans(NamedTuple):
    """Entities in a run of words, in their order."""

    starts: np.ndarray
    ends: np.ndarray
    labels: np.ndarray


def entity_spans(tags: np.ndarray, rows: np.ndarray) -> _Spans:
    """The entities in the tags of many examples, end to end.

    Args:
        tags: whole numbers [words], numbered as `tag_schemes.find_tags` lists them; 0 and below are outside.
        rows: whole numbers [words], the example of each word, in ascending order.

    Returns:
        First word, word behind the last and label's number of each entity, int64 [entities] each.
    """
    inside, label = tags > OUTSIDE, (tags - 1) // 2
    begins = np.ones(len(tags), bool)
    goes_on = inside[1:] & inside[:-1] & (label[1:] == label[:-1]) & (rows[1:] == rows[:-1])
    begins[1:] = ~goes_on | (tags[1:] % 2 == 1)
    first = inside & begins
    last = inside & np.append(first[1:] | ~inside[1:], True)
    starts = np.flatnonzero(first)
    return _Spans(starts, np.flatnonzero(last) + 1, label[starts].astype(np.int64))


def tag_statistics(
    answers: Sequence[np.ndarray], truths: Sequence[np.ndarray], num_tags: int, has_entities: bool
) -> dict[str, np.ndarray]:
    """All that the measures need of one model's answers.

    Args:
        answers: of each example whole numbers [words]; fewer than there are words where some were not read.
        truths: of each example whole numbers [words], NO_TAG where a word has none: it is not counted.
        num_tags: how many tags there are.
        has_entities: whether they are those of entities, numbered as `tag_schemes.find_tags` lists them.

    Returns:
        int64 [examples]: words, words_right; with entities hits, found, wanted, and in words of entities, whose
        label counts and not the position, word_hits, word_found, word_wanted. Flat, for each label (else tag) of
        each example that has it: flat_row, flat_label, flat_hits, flat_found, flat_wanted.
    """
    examples = len(truths)
    rows = np.repeat(np.arange(examples), [len(truth) for truth in truths])
    true = _end_to_end(truths, truths, NO_TAG)
    known = true != NO_TAG
    answered = np.where(known, _end_to_end(answers, truths, NO_ANSWER), NO_ANSWER)

    def of_each(mask: np.ndarray) -> np.ndarray:
        return np.bincount(rows[mask], minlength=examples)

    found = {"words": of_each(known), "words_right": of_each(known & (true == answered))}
    if not has_entities:
        return found | _by_label(
            rows[known & (true == answered)], true[known & (true == answered)],
            rows[answered >= 0], answered[answered >= 0], rows[known], true[known], num_tags,
        )  # fmt: skip
    theirs, ours = entity_spans(np.where(known, true, OUTSIDE), rows), entity_spans(answered, rows)
    end_of, label_of = (np.full(len(true), -1) for _ in range(2))
    end_of[theirs.starts], label_of[theirs.starts] = theirs.ends, theirs.labels
    hit = (end_of[ours.starts] == ours.ends) & (label_of[ours.starts] == ours.labels)
    of_label = _by_label(
        rows[ours.starts[hit]], ours.labels[hit], rows[ours.starts], ours.labels, rows[theirs.starts], theirs.labels,
        (num_tags - 1) // 2,
    )  # fmt: skip
    for name in ("hits", "found", "wanted"):
        counts = np.bincount(of_label["flat_row"], of_label[f"flat_{name}"], minlength=examples)
        found[name] = counts.astype(np.int64)
    in_true, in_answered = known & (true > OUTSIDE), answered > OUTSIDE
    found["word_hits"] = of_each(in_true & in_answered & ((true - 1) // 2 == (answered - 1) // 2))
    found["word_found"], found["word_wanted"] = of_each(in_answered), of_each(in_true)
    return found | of_label


def _end_to_end(values: Sequence[np.ndarray], shape_of: Sequence[np.ndarray], fill: int) -> np.ndarray:
    """int64 [words] of all examples, `fill` where there are fewer than `shape_of` has."""
    parts = [
        np.concatenate([part[: len(like)], np.full(max(len(like) - len(part), 0), fill)])
        for part, like in zip(values, shape_of, strict=True)
    ]
    return np.concatenate([np.zeros(0), *parts]).astype(np.int64)


def _by_label(
    hit_rows: np.ndarray,
    hit_labels: np.ndarray,
    found_rows: np.ndarray,
    found_labels: np.ndarray,
    wanted_rows: np.ndarray,
    wanted_labels: np.ndarray,
    num_labels: int,
) -> dict[str, np.ndarray]:
    """How many of each there are in each example that has any."""
    parts = ((hit_rows, hit_labels), (found_rows, found_labels), (wanted_rows, wanted_labels))
    keys = [row * num_labels + label for row, label in parts]
    pairs = np.unique(np.concatenate(keys))
    counts = [np.bincount(np.searchsorted(pairs, key), minlength=len(pairs)) for key in keys]
    return {"flat_row": pairs // num_labels, "flat_label": pairs % num_labels} | {
        f"flat_{name}": count for name, count in zip(("hits", "found", "wanted"), counts, strict=True)
    }


def per_label(statistics: Statistics, labels: Sequence[str]) -> list[dict[str, str | float | int]]:
    """Precision, recall and F1 of each label (plain: tag), 0 where it has none; how many entities (plain: words)
    have it in truth, `rows`, and in the answers, `found`."""
    sums = [_label_sums(statistics, name, len(labels), None)[:, 0] for name in ("hits", "found", "wanted")]
    precision, recall, f1 = _ratios(*sums)
    return [
        {
            "label": label,
            "precision": float(precision[i]),
            "recall": float(recall[i]),
            "f1": float(f1[i]),
            "rows": int(sums[2][i]),
            "found": int(sums[1][i]),
        }
        for i, label in enumerate(labels)
    ]


def label_confusions(
    answers: Sequence[np.ndarray], truths: Sequence[np.ndarray], num_tags: int, has_entities: bool
) -> np.ndarray:
    """How many words of each label (rows; plain: tag) were given each label (columns), int64 [labels + 1, labels + 1].

    The first row and column are words in no entity, and those that were not read; positions do not count. The arguments
    are those of `tag_statistics`.
    """
    true = _end_to_end(truths, truths, NO_TAG)
    known = true != NO_TAG
    pair = np.stack([true, _end_to_end(answers, truths, NO_ANSWER)])[:, known]
    labels = np.where(pair > OUTSIDE, (pair + 1) // 2, 0) if has_entities else pair + 1
    size = (num_tags - 1) // 2 + 1 if has_entities else num_tags + 1
    return np.bincount(labels[0] * size + labels[1], minlength=size * size).reshape(size, size)


def tag_errors(statistics: Statistics, has_entities: bool) -> np.ndarray:
    """How wrong each example is, float64 [examples] from 0 (all right) to 1: 1 less its F1 of entities, else the share
    of its words that are wrong."""
    if has_entities:
        hits, counted = 2.0 * statistics["hits"], statistics["found"] + statistics["wanted"]
    else:
        hits, counted = statistics["words_right"].astype(np.float64), statistics["words"]
    return 1.0 - np.divide(hits, counted, out=np.ones(len(hits)), where=counted > 0)


def _sums(statistics: Statistics, weights: Weights, *names: str) -> np.ndarray:
    """float64 [names, resamples]; they are exact."""
    counts = np.stack([statistics[name] for name in names])
    return np.concatenate([counts @ block for block in blocks(weights)], axis=1).astype(np.float64)


def _label_sums(statistics: Statistics, name: str, num_labels: int, block: np.ndarray | None) -> np.ndarray:
    """float64 [labels, resamples] of a block [examples, resamples]; None: all examples once."""
    row, label, counts = statistics["flat_row"], statistics["flat_label"], statistics[f"flat_{name}"]
    if block is None or block.shape[1] == 1:  # while a model trains, maybe where there is no SciPy
        drawn = counts if block is None else counts * block[row, 0]
        return np.bincount(label, drawn, minlength=num_labels)[:, None]
    from scipy.sparse import csr_matrix

    return (csr_matrix((counts, (label, row)), shape=(num_labels, len(block))) @ block).astype(np.float64)


def _ratios(hits: np.ndarray, found: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision, recall and F1; 0 where nothing was found or wanted, as conlleval has it."""
    return tuple(  # type: ignore[return-value]
        np.divide(part, whole, out=np.zeros_like(part, dtype=np.float64), where=whole > 0)
        for part, whole in ((hits, found), (hits, wanted), (2 * hits, found + wanted))
    )


def _micro(which: int, *names: str) -> Callable[[Statistics, Weights], np.ndarray]:
    """Precision (0), recall (1) or F1 (2) of all labels together; nan where there is nothing to find or found."""

    def value(statistics: Statistics, weights: Weights) -> np.ndarray:
        hits, found, wanted = _sums(statistics, weights, *names)
        return np.where(found + wanted > 0, _ratios(hits, found, wanted)[which], np.nan)

    return value


def _macro_f1(statistics: Statistics, weights: Weights) -> np.ndarray:
    """Mean over the labels that occur among the resample's truths or answers; nan where none does."""
    num_labels = int(statistics["flat_label"].max(initial=0)) + 1
    parts = []
    for block in blocks(weights):
        sums = [_label_sums(statistics, name, num_labels, block) for name in ("hits", "found", "wanted")]
        present = (sums[1] + sums[2] > 0).sum(axis=0)
        total = _ratios(*sums)[2].sum(axis=0)
        parts.append(np.divide(total, present, out=np.full(len(total), np.nan), where=present > 0))
    return np.concatenate(parts)


def _accuracy(statistics: Statistics, weights: Weights) -> np.ndarray:
    right, words = _sums(statistics, weights, "words_right", "words")
    return np.divide(right, words, out=np.full(len(words), np.nan), where=words > 0)


def _example_accuracy(statistics: Statistics, weights: Weights) -> np.ndarray:
    """Share of the examples, among those with a word that has a truth, whose words are all right."""
    words = statistics["words"]
    counts = {"right": (words > 0) & (statistics["words_right"] == words), "all": words > 0}
    right, total = _sums({name: count.astype(np.int64) for name, count in counts.items()}, weights, "right", "all")
    return np.divide(right, total, out=np.full(len(total), np.nan), where=total > 0)


_ENTITY, _WORD = ("hits", "found", "wanted"), ("word_hits", "word_found", "word_wanted")
_OF_WORDS = (
    Measure("token_accuracy", "accuracy of words", _accuracy),
    Measure("example_accuracy", "accuracy of examples", _example_accuracy),
)
ENTITY_MEASURES = (
    Measure("entity_f1", "F1 of entities", _micro(2, *_ENTITY)),
    Measure("entity_precision", "precision of entities", _micro(0, *_ENTITY)),
    Measure("entity_recall", "recall of entities", _micro(1, *_ENTITY)),
    Measure("entity_f1_macro", "F1 of entities, mean over labels", _macro_f1),
    Measure("token_f1", "F1 of words in entities", _micro(2, *_WORD)),
    *_OF_WORDS,
)
PLAIN_MEASURES = (_OF_WORDS[0], Measure("token_f1_macro", "F1 of words, mean over tags", _macro_f1), _OF_WORDS[1])
