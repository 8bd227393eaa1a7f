"""What a tagger of words has to beat: an averaged perceptron on a word, its ends, its shape and its neighbours
(Collins, 2002, doi:10.3115/1118693.1118694)."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

NUM_FEATURES = 50_000
"""Features that are kept, those of most words first."""
TRAIN_WORDS = 200_000
"""Words that it learns from, those of the first examples: seconds."""
_PASSES = 3
_EDGE = "\n"
"""Beyond the ends of an example, where no word can be so."""
_BEFORE = 2
"""Words before it whose tags a word sees."""


def perceptron_tags(
    train: Sequence[Sequence[str]],
    truths: Sequence[np.ndarray],
    test: Sequence[Sequence[str]],
    num_tags: int,
    seed: int,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Learn from the training examples and answer, from left to right: each word sees the two answers before it.

    Args:
        train: the words of each training example.
        truths: their tags, int64 [words] each; below 0 where a word has none.
        test: the words of each example that is asked for.
        seed: of the order in which the examples are learnt from.

    Returns:
        Of each example the tags, int32 [words], and their confidence (softmax of the scores), float32 [words].
    """
    lengths = np.cumsum([len(words) for words in train])
    train = train[: int(np.searchsorted(lengths, TRAIN_WORDS)) + 1]
    counts = Counter(feature for words in train for window in _windows(words) for feature in window)
    columns = {feature: i for i, (feature, _) in enumerate(counts.most_common(NUM_FEATURES))}
    tagger = _Perceptron(len(columns), num_tags)
    examples = [[_places(window, columns) for window in _windows(words)] for words in train]
    random = np.random.default_rng(seed)
    for _ in range(_PASSES):
        for i in random.permutation(len(examples)).tolist():
            tagger.learn(examples[i], truths[i])
    tagger.average()
    return [tagger.answer([_places(window, columns) for window in _windows(words)]) for words in test]


class _Perceptron:
    """Weights [features and tags before, tags], and what they were on the way."""

    def __init__(self, num_features: int, num_tags: int) -> None:
        # Behind the features stand the tags of each of the two words before, and the edge.
        self._num_features, self._num_before = num_features, num_tags + 1
        self._weights = np.zeros((num_features + self._num_before * _BEFORE, num_tags), np.float32)
        self._sums, self._step = np.zeros_like(self._weights), 0

    def learn(self, example: Sequence[np.ndarray], truth: np.ndarray) -> None:
        """Go through one example; where the answer is wrong the weights of the right one grow."""
        before, earlier = -1, -1
        for places, true in zip(example, truth.tolist(), strict=True):
            here = self._with_tags(places, before, earlier)
            answer = int(self._weights[here].sum(axis=0).argmax())
            self._step += 1
            if true >= 0 and answer != true:
                for tag, change in ((true, 1.0), (answer, -1.0)):
                    self._weights[here, tag] += change
                    self._sums[here, tag] += change * self._step
            before, earlier = answer, before

    def average(self) -> None:
        """Take the mean of the weights of all steps."""
        self._weights -= self._sums / max(self._step, 1)

    def answer(self, example: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Tags and their confidence."""
        tags, confidence = np.zeros(len(example), np.int32), np.zeros(len(example), np.float32)
        before, earlier = -1, -1
        for i, places in enumerate(example):
            scores = self._weights[self._with_tags(places, before, earlier)].sum(axis=0)
            tags[i] = scores.argmax()
            confidence[i] = 1.0 / np.exp(scores - scores.max()).sum()
            before, earlier = int(tags[i]), before
        return tags, confidence

    def _with_tags(self, places: np.ndarray, before: int, earlier: int) -> np.ndarray:
        """`places` [features of the word] and those of the tags of the two words before; -1 is the edge."""
        first = self._num_features
        return np.append(places, (first + before + 1, first + self._num_before + earlier + 1))


def _places(window: Sequence[str], columns: dict[str, int]) -> np.ndarray:
    return np.array([columns[feature] for feature in window if feature in columns], np.int64)


def _windows(words: Sequence[str]) -> Iterator[list[str]]:
    """The features of each word."""
    around = [_EDGE, *words, _EDGE]
    for before, word, behind in zip(around, words, around[2:], strict=False):
        yield [
            "bias",
            f"word {word}",
            f"lower {word.lower()}",
            f"shape {_shape(word)}",
            f"before {before}",
            f"behind {behind}",
            f"before's end {before[-3:]}",
            f"behind's end {behind[-3:]}",
            f"before's shape {_shape(before)}",
            f"first {word[:1]}",
            *(f"end {word[-length:]}" for length in range(1, min(len(word), 4) + 1)),
        ]


def _shape(word: str) -> str:
    """`Xx` of `Rome`, `X` of `NATO`, `d,d` of `1,500`: kinds of characters, each run of one kind once."""
    kinds = "".join("X" if c.isupper() else "x" if c.isalpha() else "d" if c.isdigit() else c for c in word[:20])
    return "".join(kind for i, kind in enumerate(kinds) if i == 0 or kind != kinds[i - 1])
