"""All samples are answered once, in their order, in batches within the budget."""

from collections.abc import Mapping

import numpy as np
import torch

from stillhouse.components.training.score import score_samples


class Lines:
    """Samples of some lengths; a batch tells their numbers."""

    def __init__(self, *lengths: int) -> None:
        self.lengths = np.array(lengths, np.int64)

    def batch(self, rows: np.ndarray, epoch: int) -> dict[str, torch.Tensor]:
        return {"rows": torch.from_numpy(rows), "epoch": torch.tensor(epoch)}


def answered(samples: Lines, batch_units: int) -> tuple[list[list[float]], list[int]]:
    """The answers (a sample's number, the epoch), and the rows of each batch."""

    def answer(model: torch.nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return torch.stack([batch["rows"].float(), batch["epoch"].float().expand(len(batch["rows"]))], 1)

    done: list[int] = []
    scores = score_samples(torch.nn.Linear(1, 1), samples, answer, batch_units=batch_units, progress=done.append)
    assert isinstance(scores, np.ndarray)
    assert scores.dtype == np.float32
    return scores.tolist(), done


def test_answers_come_in_the_order_of_the_samples_and_a_long_one_is_alone() -> None:
    scores, rows = answered(Lines(9, 2, 3, 50, 2), 9)
    assert scores == [[float(i), 0.0] for i in range(5)]
    assert rows == [3, 1, 1]


def test_no_samples_have_no_answers() -> None:
    scores = score_samples(torch.nn.Linear(1, 1), Lines(), lambda model, batch: torch.zeros(0, 1), batch_units=9)
    assert isinstance(scores, np.ndarray)
    assert (scores.shape, scores.dtype) == ((0, 1), np.float32)


def test_whole_numbers_stay_whole_and_answers_keep_their_shape() -> None:
    def answer(model: torch.nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return batch["rows"][:, None, None].expand(-1, 2, 3) + 2**40

    scores = score_samples(torch.nn.Linear(1, 1), Lines(3, 1, 2), answer, batch_units=3)
    assert isinstance(scores, np.ndarray)
    assert (scores.shape, scores.dtype) == ((3, 2, 3), np.int64)
    assert scores[:, 1, 2].tolist() == [2**40, 2**40 + 1, 2**40 + 2]


def test_lists_of_answers_come_in_the_order_of_the_samples() -> None:
    """As of tags, of which each sample has as many as it has words."""
    lines = Lines(9, 2, 3, 50, 2)

    def answer(model: torch.nn.Module, batch: Mapping[str, torch.Tensor]) -> list[list[int]]:
        return [[row] * int(lines.lengths[row]) for row in batch["rows"].tolist()]

    assert score_samples(torch.nn.Linear(1, 1), lines, answer, batch_units=9) == [
        [row] * length for row, length in enumerate(lines.lengths.tolist())
    ]
