"""The baseline that has to be beaten: it learns from ends, shapes and neighbours what no single word tells."""

import numpy as np

from stillhouse.components.modalities.text.perceptron import perceptron_tags

DET, NOUN, VERB = 0, 1, 2
Examples = tuple[list[list[str]], list[np.ndarray]]


def sentences(number: int, seed: int) -> Examples:
    """`the runs` and `she runs`: which it is only the word before tells; nouns and verbs are new words each time."""
    draw = np.random.default_rng(seed)
    words, tags = [], []
    for _ in range(number):
        stem = "".join(draw.choice(list("bdfgklmnprst"), 4))
        is_noun = bool(draw.integers(0, 2))
        words.append(["the" if is_noun else "she", f"{stem}s", "the", f"{stem}ing"])
        tags.append(np.array([DET if is_noun else NOUN, NOUN if is_noun else VERB, DET, NOUN]))
    return words, tags


def test_new_words_are_known_by_their_neighbours_and_ends() -> None:
    test, truths = sentences(50, seed=2)
    answers = perceptron_tags(*sentences(150, seed=1), test, 3, seed=0)
    assert [tags.tolist() for tags, _ in answers] == [truth.tolist() for truth in truths]
    assert all(tags.dtype == np.int32 and confidence.dtype == np.float32 for tags, confidence in answers)
    assert all(((confidence > 1 / 3) & (confidence <= 1)).all() for _, confidence in answers)


def test_a_word_sees_the_answers_before_it() -> None:
    # Which tag an x has hangs on that of the word before, and of the first only its first character tells it.
    train = [[f"A{i}", f"x{i}"] for i in range(40)] + [[f"7{i}", f"x{i}"] for i in range(40)]
    truths = [np.array([1, 1])] * 40 + [np.array([2, 2])] * 40
    answers = perceptron_tags(train, truths, [["A99", "x99", "x98"], ["799", "x99", "x98"]], 3, 0)
    assert [tags.tolist() for tags, _ in answers] == [[1, 1, 1], [2, 2, 2]]


def test_the_same_seed_gives_the_same_answers_whatever_else_is_asked() -> None:
    train, test = sentences(40, seed=1), sentences(9, seed=5)[0]
    together = perceptron_tags(*train, test, 3, seed=4)
    alone = [perceptron_tags(*train, [words], 3, seed=4)[0] for words in test[:2]]
    for (tags, confidence), (other_tags, other) in zip(together, alone, strict=False):
        assert tags.tolist() == other_tags.tolist()
        assert confidence.tolist() == other.tolist()


def test_words_without_a_tag_teach_nothing_and_no_example_is_no_answer() -> None:
    untold = perceptron_tags([["a", "b"]], [np.array([-100, -100])], [["a"], []], 3, seed=0)
    assert [tags.tolist() for tags, _ in untold] == [[0], []]
    assert perceptron_tags([["a"]], [np.array([1])], [], 3, seed=0) == []
