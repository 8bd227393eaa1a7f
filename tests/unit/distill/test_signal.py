"""What a teacher told is kept end to end, however much it told of each example, and given out for any rows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from stillhouse.components.distill.signal import AnsweredSamples, Kept, ViewedSamples, signal_in

TOLD = [[10.0, 11.0], [], [30.0], [40.0, 41.0, 42.0], []]
"""Of five examples."""


def kept(order: list[int], dtype: torch.dtype = torch.float32) -> Kept:
    """TOLD, that came in this order."""
    values = torch.tensor([value for row in order for value in TOLD[row]], dtype=dtype)
    return Kept.of(values, torch.tensor([len(TOLD[row]) for row in order]), np.array(order))


ORDERS = [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [3, 0, 4, 2, 1], [1, 4, 2, 0, 3]]


@pytest.mark.parametrize("order", ORDERS)
def test_values_stand_in_the_order_of_the_examples_in_whatever_order_they_came(order: list[int]) -> None:
    found = kept(order)
    assert found.values.tolist() == [10, 11, 30, 40, 41, 42]
    assert found.ends.tolist() == [0, 2, 2, 3, 6, 6]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("rows", [[0, 1, 2, 3, 4], [3, 0], [2], [1, 4], [4, 3, 1, 0], [3, 3, 0, 3], []])
def test_any_rows_get_their_values_and_which_row_each_is_of(order: list[int], rows: list[int]) -> None:
    values, row = kept(order).of_rows(torch.tensor(rows, dtype=torch.int64))
    assert values.tolist() == [value for each in rows for value in TOLD[each]]
    assert row.tolist() == [place for place, each in enumerate(rows) for _ in TOLD[each]]
    assert row.dtype == torch.int64


def test_values_keep_their_shape_and_their_kind() -> None:
    boxes = torch.arange(12, dtype=torch.int64).reshape(3, 2, 2) + 2**40
    found = Kept.of(boxes, torch.tensor([1, 2]), np.array([1, 0]))
    values, row = found.of_rows(torch.tensor([1, 0]))
    assert (values.dtype, row.tolist()) == (torch.int64, [0, 1, 1])
    assert values.equal(boxes)
    assert found.values.equal(boxes[[1, 2, 0]])


class Numbers:
    """Five samples, which tell their row and the epoch."""

    lengths = np.array([3, 1, 2, 5, 4])

    def batch(self, rows: np.ndarray, epoch: int) -> Mapping[str, Any]:
        return {"rows": torch.from_numpy(rows), "epoch": torch.tensor(epoch)}


def test_views_repeat() -> None:
    viewed = ViewedSamples(Numbers(), 2)
    assert [viewed.batch(np.array([0]), epoch)["epoch"].item() for epoch in range(5)] == [0, 1, 0, 1, 0]
    assert viewed.lengths.tolist() == Numbers.lengths.tolist()


@pytest.mark.parametrize("epoch", range(5))
def test_a_batch_carries_what_was_told_of_its_rows_in_its_view(epoch: int) -> None:
    first, second = kept([0, 1, 2, 3, 4]), kept([3, 0, 4, 2, 1])
    other = Kept(-second.values, second.ends)
    samples = AnsweredSamples(Numbers(), [{"spans": first, "sum": first}, {"spans": other, "sum": other}])
    batch = samples.batch(np.array([3, 1, 0]), epoch)
    sign = (1, -1)[epoch % 2]
    assert (batch["rows"].tolist(), batch["epoch"].item()) == ([3, 1, 0], epoch % 2)
    for name in ("spans", "sum"):
        assert (sign * batch[f"teacher_{name}"]).tolist() == [40, 41, 42, 10, 11]
        assert batch[f"teacher_{name}_row"].tolist() == [0, 0, 0, 2, 2]


def test_the_signal_in_a_batch_is_found_under_its_own_names() -> None:
    samples = AnsweredSamples(Numbers(), [{"spans": kept([0, 1, 2, 3, 4])}])
    found = signal_in(samples.batch(np.array([2, 0]), 0))
    assert {name: tensor.tolist() for name, tensor in found.items()} == {"spans": [30, 10, 11], "spans_row": [0, 1, 1]}
    assert signal_in(Numbers().batch(np.array([0]), 0)) == {}
