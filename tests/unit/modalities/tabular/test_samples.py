"""Rows of a table as the loop asks for them, and learning from rows without labels."""

import numpy as np
import pytest
import torch

from stillhouse.components.modalities.tabular.columns import Columns
from stillhouse.components.modalities.tabular.encode import Encoded, features
from stillhouse.components.modalities.tabular.pretraining import is_there, pretraining_loss, pretraining_samples
from stillhouse.components.modalities.tabular.samples import SwapNoise, TabularSamples
from stillhouse.components.training.loader import load


def _noisy(columns: Columns, encoded: Encoded, share: float = 0.4) -> TabularSamples:
    return TabularSamples(columns, encoded, np.arange(len(encoded.numbers)), SwapNoise(3, share))


def test_each_row_counts_as_one(columns: Columns, encoded: Encoded) -> None:
    samples = TabularSamples(columns, encoded)
    assert samples.lengths.dtype == np.int64
    assert samples.lengths.tolist() == [1] * 90


def test_a_batch_holds_the_rows_that_are_asked_for(columns: Columns, encoded: Encoded) -> None:
    batch = TabularSamples(columns, encoded, np.arange(90) / 2).batch(np.array([7, 3]), 0)
    assert batch["numbers"].tolist() == encoded.numbers[[7, 3]].tolist()
    assert batch["categories"].tolist() == encoded.categories[[7, 3]].tolist()
    assert batch["labels"].tolist() == [3.5, 1.5]
    assert [tensor.dtype for tensor in batch.values()] == [torch.float32, torch.int64, torch.float32]
    assert "labels" not in TabularSamples(columns, encoded).batch(np.array([0]), 0)


def test_noise_derives_from_seed_epoch_and_row_alone(columns: Columns, encoded: Encoded) -> None:
    samples = _noisy(columns, encoded)
    whole = samples.view(np.arange(90), 2)
    for rows in ([5], [88, 5, 41]):
        part = samples.view(np.array(rows), 2)
        assert part.numbers.tobytes() == whole.numbers[rows].tobytes()
        assert part.categories.tolist() == whole.categories[rows].tolist()
    assert samples.view(np.arange(90), 3).numbers.tolist() != whole.numbers.tolist()


@pytest.mark.parametrize("num_workers", [0, 2])
def test_workers_change_nothing(columns: Columns, encoded: Encoded, num_workers: int) -> None:
    samples = _noisy(columns, encoded)
    wanted = [(np.array([i, 80 - i]), i % 2) for i in range(4)]
    for batch, (rows, epoch) in zip(load(samples, wanted, num_workers), wanted, strict=True):
        assert batch["numbers"].tolist() == samples.view(rows, epoch).numbers.tolist()


def test_noise_gives_a_cell_the_value_of_another_row(columns: Columns, encoded: Encoded) -> None:
    rows = np.arange(90)
    swapped = [_noisy(columns, encoded).view(rows, epoch) for epoch in range(20)]
    width, colour = encoded.numbers[:, 0], encoded.categories[:, 0]
    assert all(np.isin(view.numbers[:, 0], width).all() for view in swapped)
    assert np.mean([view.numbers[:, 0] != width for view in swapped]) == pytest.approx(0.4, abs=0.03)
    # 0.4 of the cells are drawn, and a quarter or so of these draw the colour that they had.
    assert np.mean([view.categories[:, 0] != colour for view in swapped]) == pytest.approx(0.29, abs=0.04)
    # Columns are drawn independently of each other.
    both = np.mean([(v.numbers[:, 0] != width) & (v.numbers[:, 3] != encoded.numbers[:, 3]) for v in swapped])
    assert both == pytest.approx(0.16, abs=0.03)


def test_the_floats_of_a_column_come_from_one_row(columns: Columns, encoded: Encoded) -> None:
    view = _noisy(columns, encoded, 1.0).view(np.arange(90), 0)
    of_date = [i for i, feature in enumerate(features(columns)) if feature.column == "when"]
    assert len(of_date) == 5
    there = {row.tobytes() for row in encoded.numbers[:, of_date]}
    assert all(row.tobytes() in there for row in view.numbers[:, of_date])
    # A value and what says that it is missing stay together, too.
    assert (view.numbers[view.numbers[:, 2] == 1, 1] == 0).all()


def test_without_noise_each_epoch_is_alike(columns: Columns, encoded: Encoded) -> None:
    samples = _noisy(columns, encoded, 0.0)
    assert samples.view(np.arange(90), 5).numbers.tobytes() == encoded.numbers.tobytes()


def test_denoising_gives_what_was_there_beside_the_noise(columns: Columns, encoded: Encoded) -> None:
    rows = np.array([0, 4, 10])
    batch = pretraining_samples(columns, encoded, seed=1, share=0.5).batch(rows, 1)
    assert batch["true_numbers"].tolist() == encoded.numbers[rows].tolist()
    assert batch["true_categories"].tolist() == encoded.categories[rows].tolist()
    assert batch["numbers"].tolist() != batch["true_numbers"].tolist()
    # Rows 0 and 10 have no weight: nothing is known of it but that it is missing.
    assert [feature.part for feature in features(columns)][:3] == ["value", "value", "missing"]
    assert batch["is_there"][:, :3].tolist() == [[True, False, True], [True, True, True], [True, False, True]]
    assert batch["is_there"][:, 3:].all()
    assert is_there(columns, encoded.numbers)[:, 1].sum() == 81


class _Answers(torch.nn.Module):
    """Always gives the same."""

    def forward(self, numbers: torch.Tensor, categories: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return torch.ones(len(numbers), 2), torch.tensor([[0.0, 0.0, 0.0, 0.0]]).expand(len(numbers), 4)


def test_the_loss_is_squared_error_and_cross_entropy_over_the_cells_of_a_row() -> None:
    batch = {
        "numbers": torch.zeros(2, 2),
        "categories": torch.zeros(2, 1, dtype=torch.int64),
        "true_numbers": torch.tensor([[1.0, 3.0], [0.0, 9.0]]),
        "is_there": torch.tensor([[True, True], [True, False]]),
        "true_categories": torch.tensor([[2], [0]]),
    }
    loss, count = pretraining_loss(_Answers(), batch)
    assert count == 2
    assert loss.item() == pytest.approx((0 + 4 + np.log(4)) / 3 + (1 + 0 + np.log(4)) / 3)
