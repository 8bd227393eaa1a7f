"""Near duplicates."""

import random

import pytest

from stillhouse.components.modalities.text.likeness import WordHashes, shingles
from stillhouse.components.modalities.text.words import words
from stillhouse.components.prepare.near_duplicates import NUM_HASHES, Finder, Index, num_bands

BASE = [f"word{i}" for i in range(102)]


def changed(places: int) -> str:
    """The base text with so many words changed, so far apart that each spoils three of its 100 shingles."""
    return " ".join("other" if i % 10 == 5 and i < 10 * places else word for i, word in enumerate(BASE))


def finder_of(texts: list[str], threshold: float = 0.85) -> Finder:
    hashes = WordHashes()
    return Finder([{"text": text} for text in texts], lambda example: shingles(example["text"], hashes), threshold)


def first_match(texts: list[str], threshold: float = 0.85) -> int | None:
    """Which of the texts but the last nearly equals the last."""
    finder = finder_of(texts, threshold)
    index = Index(finder)
    for i in range(len(texts) - 1):
        index.add(i)
    return index.match(len(texts) - 1)


@pytest.mark.parametrize(("places", "similarity"), [(1, 97 / 103), (2, 94 / 106), (3, 91 / 109)])
def test_similarity_is_the_shared_part_of_the_shingles(places: int, similarity: float) -> None:
    finder = finder_of([" ".join(BASE), changed(places)])
    assert finder.similarity(0, 1) == pytest.approx(similarity)


def test_a_text_with_few_words_changed_matches() -> None:
    assert first_match([" ".join(BASE), changed(2)]) == 0


def test_a_text_below_the_threshold_never_matches() -> None:
    assert first_match([" ".join(BASE), changed(3)]) is None


def test_a_lower_threshold_matches_it() -> None:
    assert first_match([" ".join(BASE), changed(3)], 0.8) == 0


def test_the_first_of_several_matches_is_given() -> None:
    assert first_match([changed(6), changed(1), changed(2), " ".join(BASE)]) == 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("> Call me, NOW!", "call me now", True),
        ("ok", "OK.", True),
        ("ok 👍", "ok 👎", False),
        ("!!!", "???", False),
        ("now call", "call now", False),
        ("one two three four", "one two three five", False),
    ],
)
def test_short_texts_match_when_their_words_are_the_same(one: str, other: str, same: bool) -> None:
    assert (first_match([one, other]) == 0) is same


def test_texts_without_spaces_are_compared_by_character() -> None:
    text = "日本語の件名とスパムメールではありませんという長い文章をここに書いておきます" * 2
    assert first_match([text, text + "。"]) == 0


@pytest.mark.parametrize("threshold", [0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95])
def test_the_bands_miss_few_pairs_at_the_threshold(threshold: float) -> None:
    bands = num_bands(threshold)
    assert (1 - threshold ** (NUM_HASHES // bands)) ** bands <= 0.02


def test_hardly_a_pair_above_the_threshold_is_missed() -> None:
    chance = random.Random(0)
    missed = 0
    for _ in range(200):
        text = [f"w{chance.randrange(10**6)}" for _ in range(200)]
        other = [word if chance.random() > 0.02 else "other" for word in text]
        finder = finder_of([" ".join(text), " ".join(other)])
        if finder.similarity(0, 1) >= 0.85:
            index = Index(finder)
            index.add(0)
            missed += index.match(1) is None
    assert missed <= 2


def test_progress_ends_at_all_texts() -> None:
    seen: list[tuple[int, int]] = []
    Finder([{}] * 3, lambda _: None, 0.85, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (3, 3)


def test_shingles_are_of_the_words() -> None:
    assert len(shingles("one two three four", WordHashes())) == len(words("one two three four")) - 2
