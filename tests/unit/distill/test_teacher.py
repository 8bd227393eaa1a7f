"""The teacher answers each view of a sample once, and the answers are used again in every epoch."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from stillhouse.components.distill import teacher as module
from stillhouse.components.distill.teacher import AnsweredSamples, ViewedSamples, answer_bytes, answers
from stillhouse.components.modalities.text.samples import TextSamples
from stillhouse.components.storage.manifest import Corrupt
from stillhouse.components.storage.store import NotFound, open_store
from stillhouse.components.training.checkpoints import Checkpoints
from stillhouse.errors import UserError


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


def anew(name: str, make: Callable[[], torch.Tensor]) -> torch.Tensor:
    """Nothing was kept before."""
    return make()


@pytest.fixture
def kept(samples: TextSamples) -> torch.Tensor:
    options = {"num_views": 2, "num_labels": 2, "budget": 12, "get_or_make": anew, "progress": lambda done: None}
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
    options = {"num_views": 2, "num_labels": 2, "budget": 12, "get_or_make": anew, "progress": done.append}
    answers(nn.Linear(1, 1), sum_and_count, samples, **options)
    assert done == sorted(done)
    assert done[-1] == 2 * samples.lengths.sum()


def test_a_teacher_without_a_finite_answer_is_refused_with_the_number_of_rows(samples: TextSamples) -> None:
    def silent(teacher: nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        found = sum_and_count(teacher, batch)
        return found.masked_fill(found[:, 1:] == samples.lengths.max(), float("nan"))

    longest = int((samples.lengths == samples.lengths.max()).sum())
    options = {"num_views": 2, "num_labels": 2, "budget": 12, "get_or_make": anew, "progress": lambda done: None}
    with pytest.raises(
        UserError, match=rf"^the teacher has no finite answer \(nan or infinite\) for {longest} of 20 rows"
    ):
        answers(nn.Linear(1, 1), silent, samples, **options)


def test_the_memory_of_answers_is_known_before(samples: TextSamples, kept: torch.Tensor) -> None:
    assert answer_bytes(samples, 2, 2) == kept.numel() * kept.element_size()


@pytest.mark.parametrize(("stopped_after", "passes_left"), [(2, 14), (3, 11), (9, 7), (13, 2)])
def test_a_teacher_that_was_stopped_answers_no_part_twice(
    samples: TextSamples,
    kept: torch.Tensor,
    stopped_after: int,
    passes_left: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each view has parts of 3, 2 and 2 forward passes."""
    monkeypatch.setattr(module, "PART_TOKENS", 24)
    passes = 0

    def run(limit: int) -> torch.Tensor:
        nonlocal passes
        passes = 0

        def counted(teacher: nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
            nonlocal passes
            if passes == limit:
                raise KeyboardInterrupt
            passes += 1
            return sum_and_count(teacher, batch)

        checkpoints = Checkpoints(open_store(tmp_path), "print", 1, damaged=(NotFound, Corrupt))
        options: dict[str, Any] = {"num_views": 2, "num_labels": 2, "budget": 12, "progress": lambda done: None}
        return answers(nn.Linear(1, 1), counted, samples, get_or_make=checkpoints.get_or_make, **options)

    with pytest.raises(KeyboardInterrupt):
        run(stopped_after)
    assert run(100).equal(kept)
    assert passes == passes_left
