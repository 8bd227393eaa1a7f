"""Tags of words: learnt from on first sub-words, taught as logits, answered, guessed without a model, told to people.

In a batch `is_word`, bool [rows, tokens], marks the first sub-word of each word that fits in, in the words' order;
`labels`, int64 [rows, tokens], has NO_TAG everywhere else and where a word has no tag.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from stillhouse.components.targets.measure import Measure, Statistics
from stillhouse.components.targets.signal import Ragged, places_of
from stillhouse.components.targets.tag_schemes import Tag
from stillhouse.components.targets.token_measures import (
    ENTITY_MEASURES,
    NO_ANSWER,
    NO_TAG,
    PLAIN_MEASURES,
    entity_spans,
    label_confusions,
    per_label,
    tag_errors,
    tag_statistics,
)

if TYPE_CHECKING:
    from torch import Tensor


class TagAnswer(NamedTuple):
    """What a model says of the words of one example that it has read: the first ones."""

    tags: np.ndarray
    """int32 [words read]; NO_ANSWER where the network gives no finite numbers."""
    confidence: np.ndarray
    """float32 [words read]: the answered tag's probability."""


@dataclass(frozen=True)
class WordTags:
    """The tags of one dataset, as a target."""

    tags: Sequence[str]
    """As `tag_schemes.find_tags` lists them."""
    has_entities: bool

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The main one first: F1 of entities, or the share of right tags where there are none."""
        return ENTITY_MEASURES if self.has_entities else PLAIN_MEASURES

    @property
    def labels(self) -> list[str]:
        """What `per_label` tells figures of: labels of entities, else tags."""
        return [tag[2:] for tag in self.tags[1::2]] if self.has_entities else list(self.tags)

    def indices(self, tags: Sequence[Tag] | None, num_words: int) -> np.ndarray:
        """int64 [words] of one example's normalised tags; NO_TAG where there is none."""
        if tags is None:
            return np.full(num_words, NO_TAG, np.int64)
        return np.array([NO_TAG if tag is None else self._numbers[tag] for tag in tags], np.int64)

    def names(self, numbers: Sequence[int | None] | None) -> list[Tag] | None:
        """Tags of one example by name; None for a word or an example without."""
        return None if numbers is None else [None if number is None else self.tags[number] for number in numbers]

    def in_words(self, numbers: Sequence[int | None] | None) -> str:
        """The tags of one example, for people."""
        names = self.names(numbers)
        return "no tags" if names is None else " ".join(name or "-" for name in names)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {tag: i for i, tag in enumerate(self.tags)}

    def statistics(self, answers: Sequence[TagAnswer], truths: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """All that the measures need and that is shown; `truths` as `indices` gives them.

        Returns:
            See `tag_statistics`; and words_unread, int64 [examples], which a model has not come to, and
            whole_confusion, int64 [labels + 1, labels + 1], see `label_confusions`.
        """
        given, like = [answer.tags for answer in answers], (len(self.tags), self.has_entities)
        unread = np.array([len(truth) - len(tags) for truth, tags in zip(truths, given, strict=True)], np.int64)
        confusion = label_confusions(given, truths, *like)
        return tag_statistics(given, truths, *like) | {"words_unread": unread, "whole_confusion": confusion}

    def per_label(self, statistics: Statistics) -> list[dict[str, str | float | int]]:
        """Precision, recall and F1 of each label, how many truths (`rows`) and answers (`found`) it has."""
        return per_label(statistics, self.labels)

    def never_answered(self, statistics: Statistics) -> list[str]:
        """Labels that there are and that were never answered; the most frequent first."""
        never = [one for one in self.per_label(statistics) if one["rows"] and not one["found"]]
        return [str(one["label"]) for one in sorted(never, key=lambda one: -int(one["rows"]))]

    def counts(self, numbers: Sequence[Sequence[int | None]]) -> dict[str, int]:
        """How many entities of each label there are (plain: words of each tag), for the data card and drift.

        Args:
            numbers: of each example that of each word's tag, None where it has none.
        """
        truths = [np.array([NO_TAG if tag is None else tag for tag in tags], np.int64) for tags in numbers]
        found = tag_statistics(truths, truths, len(self.tags), self.has_entities)
        return {str(one["label"]): int(one["rows"]) for one in per_label(found, self.labels)}

    def errors(self, statistics: Statistics) -> np.ndarray:
        """How wrong each example is, float64 [examples]; 0 is all right."""
        return tag_errors(statistics, self.has_entities)

    def rows(self, answers: Iterable[TagAnswer], examples: Iterable[Sequence[str]]) -> Iterator[dict[str, Any]]:
        """What predict adds to each row, as JSON values.

        `tags` has one for each word, null for those that were not read; with entities `spans` has label, first word,
        word behind the last, their text and the lowest confidence among them.
        """
        for answer, words in zip(answers, examples, strict=True):
            names = [None if tag == NO_ANSWER else self.tags[tag] for tag in answer.tags]
            row: dict[str, Any] = {"tags": names + [None] * (len(words) - len(names))}
            if self.has_entities:
                spans = entity_spans(answer.tags.astype(np.int64), np.zeros(len(answer.tags), np.int64))
                row["spans"] = [
                    {
                        "start": int(start),
                        "end": int(end),
                        "label": self.labels[label],
                        "text": " ".join(words[start:end]),
                        "confidence": round(float(answer.confidence[start:end].min()), 6),
                    }
                    for start, end, label in zip(*spans, strict=True)
                ]
            yield row


def tag_loss(logits: "Tensor", labels: "Tensor", label_smoothing: float = 0.0) -> "tuple[Tensor, int]":
    """Sum of the cross-entropies of the words that have a tag, and how many those are; 0 of 0 where none has.

    Args:
        logits: float [rows, tokens, tags].
        labels: int64 [rows, tokens], NO_TAG where nothing is learnt.
    """
    from torch.nn.functional import cross_entropy

    known = labels != NO_TAG
    chosen = labels[known]
    return cross_entropy(logits[known], chosen, label_smoothing=label_smoothing, reduction="sum"), len(chosen)


def tag_signal(logits: "Tensor", is_word: "Tensor") -> dict[str, Ragged]:
    """A teacher's logits of each word, with a tag of its own or without.

    Args:
        logits: float [rows, tokens, tags].
        is_word: bool [rows, tokens].
    """
    return {"logits": Ragged(logits[is_word], is_word.sum(-1))}


def tag_distillation_loss(
    logits: "Tensor", is_word: "Tensor", signal: Mapping[str, "Tensor"], temperature: float
) -> "tuple[Tensor, int]":
    """Sum over words of the KL divergence of softened tags times T squared (Hinton et al., 2015, arXiv:1503.02531), and
    how many words it is of: those that both have read, should one cut an example shorter than the other.

    Args:
        logits: the student's, float [rows, tokens, tags].
        is_word: bool [rows, tokens], for the student's own tokens.
        signal: the teacher's `logits`, float [words, tags], of the batch's rows end to end, and `logits_row`,
            int64 [words], the row of each.
    """
    import torch
    from torch.nn.functional import kl_div, log_softmax, softmax

    num_rows = len(is_word)
    theirs, ours = signal["logits_row"], is_word.nonzero()[:, 0]
    num_theirs, num_ours = (torch.bincount(row, minlength=num_rows) for row in (theirs, ours))
    student = logits[is_word][places_of(ours, num_ours) < num_theirs[ours]]
    teacher = signal["logits"][places_of(theirs, num_theirs) < num_ours[theirs]].to(student.dtype)
    divergence = kl_div(log_softmax(student / temperature, -1), softmax(teacher / temperature, -1), reduction="sum")
    return divergence * temperature**2, len(student)


def tag_answers(logits: "Tensor", is_word: "Tensor") -> list[TagAnswer]:
    """The likeliest tag of each word.

    Args:
        logits: float [rows, tokens, tags].
        is_word: bool [rows, tokens].
    """
    chosen = logits[is_word].float()
    confidence, tags = chosen.softmax(-1).max(-1)
    missing = ~chosen.isfinite().all(-1)
    tags, confidence = tags.masked_fill(missing, NO_ANSWER), confidence.masked_fill(missing, 0.0)
    bounds = is_word.sum(-1).cumsum(0)[:-1].cpu().numpy()
    of_each = (np.split(tags.int().cpu().numpy(), bounds), np.split(confidence.cpu().numpy(), bounds))
    return [TagAnswer(*each) for each in zip(*of_each, strict=True)]


def unanswered(answers: Sequence[TagAnswer]) -> np.ndarray:
    """bool [examples]: in which a word was read and has no answer."""
    return np.array([bool((answer.tags == NO_ANSWER).any()) for answer in answers], bool)


def most_frequent_tags(
    train: Sequence[Sequence[str]], truths: Sequence[np.ndarray], test: Sequence[Sequence[str]]
) -> list[TagAnswer]:
    """What every model has to beat: the tag that a word has most often in the training rows; of a new word, the one
    that words have most often there. Of equally frequent ones that with the lower number.

    Args:
        train: the words of each training example.
        truths: their tags, int64 [words] each, as `WordTags.indices` gives them.
        test: the words of each example that is asked for.

    Returns:
        The answers; their confidence is the tag's share of the word's occurrences.
    """
    counts: defaultdict[str, Counter[int]] = defaultdict(Counter)
    overall: Counter[int] = Counter()
    for words, tags in zip(train, truths, strict=True):
        for word, tag in zip(words, tags.tolist(), strict=True):
            if tag != NO_TAG:
                counts[word][tag] += 1
                overall[tag] += 1
    best, otherwise = {word: _most(tags) for word, tags in counts.items()}, _most(overall)
    found = ([best.get(word, otherwise) for word in words] for words in test)
    return [
        TagAnswer(np.array([tag for tag, _ in each], np.int32), np.array([share for _, share in each], np.float32))
        for each in found
    ]


def _most(counts: Counter[int]) -> tuple[int, float]:
    tag = min(counts, key=lambda tag: (-counts[tag], tag))
    return tag, counts[tag] / counts.total()
