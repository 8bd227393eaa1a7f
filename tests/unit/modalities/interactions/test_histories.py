"""Histories: canonical, numbered, cut into what is shown and what is asked for; the strong baseline; groups."""

import math

import numpy as np
import pytest
import torch

from stillhouse.components.modalities.interactions.items import ItemIndex
from stillhouse.components.modalities.interactions.neighbours import item_groups, item_neighbours
from stillhouse.components.modalities.interactions.report import show
from stillhouse.components.modalities.interactions.samples import HistorySamples


def test_items_are_shown_as_text() -> None:
    assert show({"items": ["<b>", "c"]}) == "&lt;b&gt;, c"
    assert show({"items": ["a", "b", "c"]}, 2) == "<small>1 before</small> b, c"


def test_items_are_numbered_by_popularity_then_name() -> None:
    index = ItemIndex.fit(["bc", "ca", "cb", "ad"])
    assert index.items == ["c", "a", "b", "d"]
    encoded = index.encode(["dxc", "", "b"])
    assert encoded.items.tolist() == [3, 0, 2]
    assert encoded.offsets.tolist() == [0, 2, 2, 3]
    assert encoded.unknown.tolist() == [1, 0, 0]
    assert ItemIndex.fit(["bc", "ca", "cb", "ad"], 2).items == ["c", "a", "b"]


NAMES = [f"user {n}" for n in range(40)]


def _samples(
    seed: int | None = None, names: list[str] = NAMES, hide: float = 0.2, whole: bool = False
) -> HistorySamples:
    """The user n took n items, of which the last n // 4 are held out."""
    index = ItemIndex([str(n) for n in range(50)])
    sizes = [int(name[5:]) for name in names]
    histories = [[str(i) for i in np.random.default_rng(size).permutation(50)[:size]] for size in sizes]
    ends = [size - size // 4 for size in sizes]
    items = [history[:end] for history, end in zip(histories, ends, strict=True)]
    held_out = [history[end:] or None for history, end in zip(histories, ends, strict=True)]
    return HistorySamples.of(index, items, held_out, seed=seed, hide=hide, whole=whole)


def _of_row(samples: HistorySamples, rows: list[int], row: int, epoch: int) -> list[list[int]]:
    batch = samples.batch(np.array(rows), epoch)
    place = rows.index(row)
    return [batch[name][batch[f"{name}_row"] == place].tolist() for name in ("items", "held_out")]


@pytest.mark.parametrize("seed", [None, 3])
def test_a_row_is_cut_alike_whatever_else_is_in_the_batch(seed: int | None) -> None:
    samples = _samples(seed)
    for row in (0, 1, 2, 17, 30):
        alone = _of_row(samples, [row], row, 5)
        assert alone == _of_row(samples, [39, row, 4], row, 5) == _of_row(_samples(seed), [row, 38], row, 5)


def test_training_cuts_anew_each_epoch_and_evaluation_never() -> None:
    training, evaluation = _samples(3), _samples()
    assert _of_row(training, [30], 30, 0) != _of_row(training, [30], 30, 1) != _of_row(_samples(4), [30], 30, 1)
    assert _of_row(evaluation, [30], 30, 0) == _of_row(evaluation, [30], 30, 1)


def test_evaluation_asks_for_what_the_dataset_holds_out() -> None:
    samples = _samples()
    history = [int(item) for item in samples.encoded.items[samples.encoded.offsets[30] :][:30]]
    assert _of_row(samples, [30], 30, 0) == [history[:23], history[23:]]
    assert _of_row(samples, [0], 0, 0) == [[], []]


def test_items_that_are_not_known_are_neither_shown_nor_asked_for() -> None:
    samples = HistorySamples.of(ItemIndex(["a", "b", "c"]), [["x", "a", "b"], ["c"]], [["y", "c"], None])
    assert _of_row(samples, [0, 1], 0, 0) == [[0, 1], [2]]
    assert _of_row(samples, [0, 1], 1, 0) == [[2], []]


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 1.0])
def test_one_item_at_least_is_shown_and_one_asked_for(share: float) -> None:
    parts = _samples(3, hide=share).parts(np.arange(40))
    shown, asked = (np.bincount(row, minlength=40).tolist() for row in (parts.items_row, parts.held_out_row))
    expected = [min(max(math.floor(n * share), 1), n - 1) if n else 0 for n in range(40)]
    assert asked == expected
    assert shown == [n - held for n, held in zip(range(40), expected, strict=True)]
    for row in range(40):
        assert not set(parts.items[parts.items_row == row]) & set(parts.held_out[parts.held_out_row == row])


def test_pretraining_asks_for_the_whole_history() -> None:
    samples = _samples(1, hide=0.5, whole=True)
    batch = samples.batch(np.array([10, 6]), 0)
    encoded = samples.encoded
    assert torch.equal(batch["held_out"][:10], torch.from_numpy(encoded.items[encoded.offsets[10] :][:10]).long())
    assert torch.bincount(batch["items_row"]).tolist() == [5, 3]
    assert torch.bincount(batch["held_out_row"]).tolist() == [10, 6]


def test_names_that_are_not_known_have_numbers_beyond_all_that_are() -> None:
    index = ItemIndex(["a", "b"])
    found = index.numbers(["b", "x", "a", "y"])
    assert (found.dtype, found[[0, 2]].tolist()) == (np.int64, [1, 0])
    assert found[1] >= 2
    assert found[3] >= 2
    assert found[1] != found[3]
    assert found[1] == ItemIndex(["a", "b"]).numbers(["x"])[0]


def test_neighbours_are_those_of_the_dense_cosine() -> None:
    taken = np.random.default_rng(0).random((30, 12)) < 0.3
    index = ItemIndex([str(n) for n in range(12)])
    train = index.encode([[str(i) for i in np.flatnonzero(row)] for row in taken])
    length = np.maximum(np.linalg.norm(taken.astype(float), axis=0), 1)
    like = (taken / length).T @ (taken / length)
    np.fill_diagonal(like, 0)
    shown = [np.array([0, 3]), np.array([], int), np.array([5])]
    for answer, each in zip(item_neighbours(train, shown, 12), shown, strict=True):
        score = like[each].sum(axis=0)
        score[each] = 0
        assert not set(answer) & set(each)
        assert len(answer) == (score > 0).sum()
        np.testing.assert_allclose(score[answer], np.sort(score)[::-1][: len(answer)])
    (nearest,) = item_neighbours(train, [np.array([5])], 12, neighbours=1)
    assert nearest.tolist() == [int(like[5].argmax())]


def test_groups_are_of_items_that_point_the_same_way() -> None:
    embeddings = np.array([[1, 0], [0, 3], [9, 0.1], [0, 1], [2, 0]])
    assert item_groups(embeddings, 2, seed=0) == [(3, [0, 2, 4]), (2, [1, 3])]
