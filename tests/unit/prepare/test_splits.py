"""Which split a row falls into, and which rows it loses."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillhouse.components.formats.splits import SPLITS, Split
from stillhouse.components.modalities.text.likeness import WordHashes, shingles
from stillhouse.components.prepare.rows import Row, digest
from stillhouse.components.prepare.settings import SplitShares
from stillhouse.components.prepare.splits import Splits, assign, drop_copies, separate

SHARES = SplitShares(validation=0.1, test=0.2)


def row(text: str, split: Split, target: int | None = 0, slices: tuple[str, ...] = ()) -> Row:
    return Row(digest(text), {"text": text}, None if split == "unlabelled" else target, slices, split)


def single(rows: Sequence[Row]) -> tuple[list[Row], Counter[str]]:
    """The rows that `drop_copies` keeps, and the number of those dropped by reason."""
    kept, dropped = drop_copies(rows)
    return kept, Counter(reason for reason, _ in dropped)


def kept(splits: Splits) -> dict[str, set[str]]:
    return {split: {text_of(row) for row in rows} for split, rows in splits.items()}


def text_of(row: Row) -> str:
    return row.example["text"]


def likeness(example: Mapping[str, str]) -> np.ndarray:
    return shingles(example["text"], WordHashes())


def near(text: str, others: int) -> list[str]:
    """The text, and so many others that nearly equal it and one another."""
    words = " ".join(f"{text}{i}" for i in range(100))
    return [words, *(f"{words} end{i}" for i in range(others))]


# Where a row falls


def splits_of(keys: Sequence[str], shares: SplitShares = SHARES) -> list[Split]:
    rows = len(keys)
    return assign([digest(key) for key in keys], [0] * rows, [None] * rows, [None] * rows, shares)


def test_the_shares_are_about_those_asked_for() -> None:
    found = Counter(splits_of([f"text {i}" for i in range(5000)]))
    assert {split: round(found[split] / 5000, 1) for split in found} == {
        "test": 0.2,
        "validation": 0.1,
        "train": 0.7,
    }


def test_a_larger_test_share_takes_from_the_others_only() -> None:
    keys = [f"text {i}" for i in range(500)]
    larger = splits_of(keys, SplitShares(validation=0.1, test=0.4))
    assert all(after == "test" for before, after in zip(splits_of(keys), larger, strict=True) if before == "test")


def test_a_row_falls_where_it_fell_before_whatever_else_there_is() -> None:
    assert splits_of(["a", "b", "c"])[1:] == splits_of(["b", "c"])


def test_a_group_stays_together() -> None:
    hashes = [digest(f"text {i}") for i in range(300)]
    groups = [f"thread {i % 30}" for i in range(300)]
    splits = assign(hashes, [0] * 300, groups, [None] * 300, SHARES)
    assert len(set(zip(groups, splits, strict=True))) == 30


def test_a_row_without_a_group_falls_by_its_text() -> None:
    hashes = [digest(f"text {i}") for i in range(100)]
    assert assign(hashes, [0] * 100, [""] * 100, [None] * 100, SHARES) == splits_of([f"text {i}" for i in range(100)])


def test_given_splits_are_kept() -> None:
    given: list[Split | None] = ["test", "train", "validation"]
    assert assign(["0" * 32] * 3, [0] * 3, [None] * 3, given, SHARES) == given


def test_a_row_without_a_label_is_unlabelled_wherever_it_was_put() -> None:
    assert assign(["0" * 32], [None], [None], ["test"], SHARES) == ["unlabelled"]


def test_validation_is_taken_from_train_where_the_source_gives_none() -> None:
    hashes = [digest(f"text {i}") for i in range(1000)]
    given: list[Split | None] = ["test" if i >= 900 else "train" for i in range(1000)]
    found = Counter(assign(hashes, [0] * 1000, [None] * 1000, given, SHARES))
    assert found["test"] == 100
    assert 60 < found["validation"] < 120


# Exact copies


def test_one_of_several_copies_stays_and_the_rest_is_counted() -> None:
    rows, dropped = single([row("a", "train"), row("a", "train"), row("a", "train"), row("b", "test")])
    assert [(text_of(one), one.split) for one in rows] == [("b", "test"), ("a", "train")]
    assert dropped == {"duplicate": 2}


@pytest.mark.parametrize(
    ("first", "other", "reason"),
    [
        ("test", "validation", "overlaps_test"),
        ("test", "train", "overlaps_test"),
        ("test", "unlabelled", "overlaps_test"),
        ("validation", "train", "overlaps_validation"),
        ("validation", "unlabelled", "overlaps_validation"),
        ("train", "unlabelled", "duplicate"),
    ],
)
def test_a_copy_in_two_splits_stays_in_the_first(first: Split, other: Split, reason: str) -> None:
    for rows in ([row("a", first), row("a", other)], [row("a", other), row("a", first)]):
        left, dropped = single(rows)
        assert ([one.split for one in left], dropped) == ([first], {reason: 1})


def test_a_text_with_two_labels_goes_with_all_its_copies() -> None:
    rows = [row("a", "train", 0), row("a", "test", 1), row("a", "unlabelled"), row("b", "train", 1)]
    left, dropped = single(rows)
    assert ([text_of(one) for one in left], dropped) == (["b"], {"conflicting_label": 3})


def test_equal_examples_that_may_be_different_things_all_stay_in_one_order() -> None:
    rows = [row("red", "train", 1), row("red", "train", 0), row("a b c d e", "train"), row("a b c d e", "train")]
    expected = [("a b c d e", 0), ("red", 0), ("red", 1)]
    for order in (rows, rows[::-1]):
        kept, dropped = drop_copies(order, lambda example: " " not in example["text"])
        assert sorted((r.example["text"], r.target) for r in kept) == expected
        assert [r.target for r in kept if r.example["text"] == "red"] == [0, 1]
        assert [reason for reason, _ in dropped] == ["duplicate"]


def test_which_of_the_copies_stays_does_not_depend_on_the_order() -> None:
    rows = [row("a", "train", slices=("2002",)), row("a", "train", slices=("2001",))]
    assert single(rows)[0] == single(rows[::-1])[0]


# Near copies


def parted(rows: list[Row], threshold: float = 0.85, labelled_rows: int | None = None) -> tuple[Splits, Counter[str]]:
    one_each, _ = single(rows)
    splits, dropped = separate(one_each, likeness, threshold, labelled_rows)
    return splits, Counter(copy.reason for copy in dropped)


@pytest.mark.parametrize(
    ("split", "other", "reason"),
    [
        ("test", "validation", "overlaps_test"),
        ("test", "train", "overlaps_test"),
        ("test", "unlabelled", "overlaps_test"),
        ("validation", "train", "overlaps_validation"),
        ("validation", "unlabelled", "overlaps_validation"),
    ],
)
def test_what_nearly_equals_a_held_out_row_is_dropped(split: Split, other: Split, reason: str) -> None:
    one, two = near("x", 1)
    splits, dropped = parted([row(one, split), row(two, other), row("far away", other)])
    assert (kept(splits)[split], kept(splits)[other]) == ({one}, {"far away"})
    assert dropped == {reason: 1}


def test_unlabelled_text_may_nearly_equal_a_training_row() -> None:
    one, two = near("x", 1)
    assert parted([row(one, "train"), row(two, "unlabelled")])[1] == {}


@pytest.mark.parametrize("split", ["validation", "train", "unlabelled"])
def test_within_a_split_the_smallest_hash_stays(split: Split) -> None:
    texts = near("x", 4)
    splits, dropped = parted([row(text, split) for text in texts])
    assert kept(splits)[split] == {min(texts, key=digest)}
    assert dropped == {"near_duplicate": 4}


def test_test_keeps_its_near_copies() -> None:
    texts = near("x", 4)
    assert kept(parted([row(text, "test") for text in texts])[0])["test"] == set(texts)


def test_a_threshold_of_one_drops_exact_copies_only() -> None:
    one, two = near("x", 1)
    assert parted([row(one, "test"), row(two, "train")], threshold=1.0)[1] == {}


def test_a_dropped_row_is_given_beside_the_one_it_nearly_equals() -> None:
    one, two = near("x", 1)
    _, dropped = separate([row(one, "test"), row(two, "train")], likeness, 0.85)
    assert [(copy.reason, text_of(copy.row), text_of(copy.equals)) for copy in dropped] == [("overlaps_test", two, one)]


def test_only_the_smallest_hashes_keep_their_labels() -> None:
    texts = [f"text number {i}" for i in range(20)]
    splits, _ = parted([row(text, "train") for text in texts], labelled_rows=5)
    assert kept(splits)["train"] == set(sorted(texts, key=digest)[:5])
    assert kept(splits)["unlabelled"] == set(sorted(texts, key=digest)[5:])


def test_rows_that_lost_their_label_are_compared_with_unlabelled_ones() -> None:
    one, two = sorted(near("x", 1), key=digest)
    splits, dropped = parted([row("a", "train"), row(two, "train"), row(one, "unlabelled")], labelled_rows=0)
    assert (kept(splits)["unlabelled"], dropped) == ({"a", one}, {"near_duplicate": 1})


def test_rows_come_sorted_by_hash() -> None:
    splits, _ = parted([row(f"text number {i}", SPLITS[i % 4]) for i in range(80)], labelled_rows=3)
    for rows in splits.values():
        assert [one.hash for one in rows] == sorted(one.hash for one in rows)


# Texts of a few families, near copies within each, so that all rules meet.
_texts = st.builds(lambda family, i: near(family, 3)[i], st.sampled_from("abcdef"), st.integers(0, 3))
_sources = st.lists(st.tuples(_texts, st.sampled_from([None, 0, 0, 0, 1])), max_size=25)


def from_source(source: list[tuple[str, int | None]]) -> tuple[dict[str, set[str]], Counter[str]]:
    hashes, targets = [digest(text) for text, _ in source], [target for _, target in source]
    nothing = [None] * len(source)
    places = assign(hashes, targets, nothing, nothing, SplitShares(validation=0.3, test=0.3))
    rows = [Row(h, {"text": text}, target, (), p) for h, (text, target), p in zip(hashes, source, places, strict=True)]
    one_each, copies = single(rows)
    splits, dropped = separate(one_each, likeness, 0.85)
    return kept(splits), copies + Counter(copy.reason for copy in dropped)


@settings(max_examples=40, deadline=None)
@given(_sources, st.integers(0, 2**32))
def test_no_result_depends_on_the_order_of_rows(source: list[tuple[str, int | None]], seed: int) -> None:
    other = source.copy()
    random.Random(seed).shuffle(other)
    assert from_source(source) == from_source(other)


@settings(max_examples=60, deadline=None)
@given(_sources, _sources)
def test_as_the_data_grows_no_row_moves_from_test_to_training(
    source: list[tuple[str, int | None]], more: list[tuple[str, int | None]]
) -> None:
    before, _ = from_source(source)
    after, _ = from_source(source + more)
    assert not before["test"] & (after["train"] | after["validation"] | after["unlabelled"])


@settings(max_examples=40, deadline=None)
@given(_sources)
def test_every_row_is_in_a_split_or_counted(source: list[tuple[str, int | None]]) -> None:
    splits, dropped = from_source(source)
    assert sum(map(len, splits.values())) + dropped.total() == len(source)


@settings(max_examples=40, deadline=None)
@given(_sources)
def test_no_held_out_row_has_a_near_copy_elsewhere(source: list[tuple[str, int | None]]) -> None:
    splits, _ = from_source(source)
    family = {split: {text[0] for text in texts} for split, texts in splits.items()}
    assert not family["test"] & (family["validation"] | family["train"] | family["unlabelled"])
    assert not family["validation"] & (family["train"] | family["unlabelled"])
