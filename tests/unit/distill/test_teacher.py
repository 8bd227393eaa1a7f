"""The teacher answers each view of a sample once, and the answers are used again in every epoch."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import nn

from stillhouse.components.distill.teacher import AnsweredSamples, ViewedSamples, answer_bytes, answers
from stillhouse.components.tasks.text import TextSamples


@pytest.fixture
def samples() -> TextSamples:
    """Twenty texts of 1 to 6 tokens; the view of an epoch adds the epoch to each token."""
    lengths = np.random.default_rng(1).integers(1, 7, 20)
    return TextSamples(
        tokens=np.arange(5, 5 + lengths.sum(), dtype=np.int32),
        offsets=np.concatenate([[0], lengths.cumsum()]),
        pad_id=0,
        targets=np.arange(20),
        change=lambda ids, rows, epoch: {"input_ids": ids + epoch},
    )


def sum_and_count(teacher: nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """A teacher's logits: sum of the real tokens, and their number."""
    mask = batch["attention_mask"]
    return torch.stack([(batch["input_ids"] * mask).sum(1), mask.sum(1)], 1).float()


@pytest.fixture
def kept(samples: TextSamples) -> torch.Tensor:
    options = {"num_views": 2, "num_labels": 2, "budget": 12, "progress": lambda done: None}
    return answers(nn.Linear(1, 1), sum_and_count, samples, **options)


def test_every_view_of_every_sample_is_answered(samples: TextSamples, kept: torch.Tensor) -> None:
    for view in (0, 1):
        for row in range(20):
            alone = sum_and_count(nn.Identity(), samples.batch(np.array([row]), view))
            assert kept[view, row].equal(alone[0])


@pytest.mark.parametrize("epoch", range(5))
def test_teacher_and_student_see_the_same_view(samples: TextSamples, kept: torch.Tensor, epoch: int) -> None:
    batch = AnsweredSamples(samples, kept).batch(np.array([3, 11]), epoch)
    assert batch["teacher_logits"].equal(sum_and_count(nn.Identity(), batch))


def test_views_repeat(samples: TextSamples) -> None:
    viewed, rows = ViewedSamples(samples, 2), np.array([0, 1])
    ids = [viewed.batch(rows, epoch)["input_ids"] for epoch in range(4)]
    assert ids[0].equal(ids[2])
    assert ids[1].equal(ids[3])
    assert not ids[0].equal(ids[1])


def test_progress_ends_with_the_tokens_of_all_views(samples: TextSamples) -> None:
    done: list[float] = []
    answers(nn.Linear(1, 1), sum_and_count, samples, num_views=2, num_labels=2, budget=12, progress=done.append)
    assert done == sorted(done)
    assert done[-1] == 2 * samples.lengths.sum()


def test_the_memory_of_answers_is_known_before(samples: TextSamples, kept: torch.Tensor) -> None:
    assert answer_bytes(samples, 2, 2) == kept.numel() * kept.element_size()
