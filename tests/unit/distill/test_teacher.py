"""The teacher answers each view of a sample once, and the answers are used again in every epoch."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.distill import teacher as module
from stillhouse.components.distill.signal import AnsweredSamples, Kept, ViewedSamples, signal_in
from stillhouse.components.distill.teacher import Asking
from stillhouse.components.modalities.text.samples import TextSamples
from stillhouse.components.storage.manifest import Corrupt
from stillhouse.components.storage.store import NotFound, open_store
from stillhouse.components.targets.signal import Ragged
from stillhouse.components.tasks import task_of
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


def sum_and_count(batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """A teacher's logits: sum of the real tokens, and their number."""
    mask = batch["attention_mask"]
    return torch.stack([(batch["input_ids"] * mask).sum(1), mask.sum(1)], 1).float()


def told(teacher: nn.Module, batch: Mapping[str, torch.Tensor]) -> dict[str, Ragged]:
    """Logits, and the real tokens themselves: a text has as many as it is long."""
    mask = batch["attention_mask"]
    return {"logits": Ragged.of(sum_and_count(batch)), "tokens": Ragged(batch["input_ids"][mask], mask.sum(1))}


Tensors = dict[str, torch.Tensor]


def anew(name: str, make: Callable[[], Tensors]) -> Tensors:
    """Nothing was kept before."""
    return make()


def asked(samples: TextSamples, signal: Any = told, **changes: Any) -> list[dict[str, Kept]]:
    """What a teacher tells of two views of the samples."""
    options: dict[str, Any] = {"num_views": 2, "budget": 12, "get_or_make": anew, "progress": lambda done: None}
    return Asking(nn.Linear(1, 1), signal, samples, **{**options, **changes}).signals()


@pytest.fixture
def kept(samples: TextSamples) -> list[dict[str, Kept]]:
    return asked(samples)


def test_every_view_of_every_sample_is_answered(samples: TextSamples, kept: list[dict[str, Kept]]) -> None:
    for view in (0, 1):
        for row in range(20):
            alone = samples.batch(np.array([row]), view)
            logits, _ = kept[view]["logits"].of_rows(torch.tensor([row]))
            assert logits.equal(sum_and_count(alone))
            tokens, of = kept[view]["tokens"].of_rows(torch.tensor([row]))
            assert tokens.equal(alone["input_ids"][0])
            assert of.tolist() == [0] * int(samples.lengths[row])


def test_numbers_of_things_stay_whole_and_other_values_are_kept_in_float32(samples: TextSamples) -> None:
    def signal(teacher: nn.Module, batch: Mapping[str, torch.Tensor]) -> dict[str, Ragged]:
        halves = sum_and_count(batch).to(torch.bfloat16)
        return {"logits": Ragged.of(halves), "items": Ragged.of(batch["labels"] + 2**40)}

    (of_view,) = asked(samples, signal, num_views=1)
    assert (of_view["logits"].values.dtype, of_view["items"].values.dtype) == (torch.float32, torch.int64)
    assert of_view["items"].values.tolist() == [2**40 + row for row in range(20)]


@pytest.mark.parametrize("epoch", range(5))
def test_teacher_and_student_see_the_same_view(samples: TextSamples, kept: list[dict[str, Kept]], epoch: int) -> None:
    batch = AnsweredSamples(samples, kept).batch(np.array([3, 11]), epoch)
    signal = signal_in(batch)
    assert signal["logits"].equal(sum_and_count(batch))
    assert signal["logits_row"].tolist() == [0, 1]
    assert signal["tokens"].equal(batch["input_ids"][batch["attention_mask"]])
    assert signal["tokens_row"].tolist() == [0] * int(samples.lengths[3]) + [1] * int(samples.lengths[11])


def test_views_repeat(samples: TextSamples) -> None:
    viewed, rows = ViewedSamples(samples, 2), np.array([0, 1])
    ids = [viewed.batch(rows, epoch)["input_ids"] for epoch in range(4)]
    assert ids[0].equal(ids[2])
    assert ids[1].equal(ids[3])
    assert not ids[0].equal(ids[1])


def test_progress_ends_with_the_tokens_of_all_views(samples: TextSamples) -> None:
    done: list[float] = []
    asked(samples, progress=done.append)
    assert done == sorted(done)
    assert done[-1] == 2 * samples.lengths.sum()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("part", ["logits", "tokens"])
def test_a_teacher_without_a_finite_answer_is_refused_with_the_number_of_rows(
    samples: TextSamples, part: str, value: float
) -> None:
    """In any part of what it tells, and however many values of a row are not finite."""

    def silent(teacher: nn.Module, batch: Mapping[str, torch.Tensor]) -> dict[str, Ragged]:
        mask, longest = batch["attention_mask"], samples.lengths.max()
        logits, tokens = sum_and_count(batch), batch["input_ids"].float()
        if part == "logits":
            logits = logits.masked_fill(logits[:, 1:] == longest, value)
        else:
            tokens = tokens.masked_fill(mask.sum(1, keepdim=True) == longest, value)
        return {"logits": Ragged.of(logits), "tokens": Ragged(tokens[mask], mask.sum(1))}

    longest = int((samples.lengths == samples.lengths.max()).sum())
    with pytest.raises(
        UserError, match=rf"^the teacher has no finite answer \(nan or infinite\) for {longest} of 20 rows"
    ):
        asked(samples, silent)


def test_the_memory_of_answers_is_known_before(samples: TextSamples, kept: list[dict[str, Kept]]) -> None:
    spec = Spec(
        format=1, task="text_classification", target="classes", labels=["a", "b"], columns={}, content_digest=""
    )
    for of_view in kept:
        values = of_view["logits"].values
        assert task_of(spec).signal_bytes(samples) == values.numel() * values.element_size()


@pytest.mark.parametrize(("stopped_after", "passes_left"), [(2, 14), (3, 11), (9, 7), (13, 2)])
def test_a_teacher_that_was_stopped_answers_no_part_twice(
    samples: TextSamples,
    kept: list[dict[str, Kept]],
    stopped_after: int,
    passes_left: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each view has parts of 3, 2 and 2 forward passes."""
    monkeypatch.setattr(module, "PART_UNITS", 24)
    passes = 0

    def run(limit: int) -> list[dict[str, Kept]]:
        nonlocal passes
        passes = 0

        def counted(teacher: nn.Module, batch: Mapping[str, torch.Tensor]) -> dict[str, Ragged]:
            nonlocal passes
            if passes == limit:
                raise KeyboardInterrupt
            passes += 1
            return told(teacher, batch)

        checkpoints = Checkpoints(open_store(tmp_path), "print", 1, damaged=(NotFound, Corrupt))
        return asked(samples, counted, get_or_make=checkpoints.get_or_make)

    with pytest.raises(KeyboardInterrupt):
        run(stopped_after)
    again = run(100)
    assert passes == passes_left
    for found, expected in zip(again, kept, strict=True):
        assert found.keys() == expected.keys() == {"logits", "tokens"}
        for name, part in expected.items():
            assert found[name].values.equal(part.values)
            assert found[name].ends.equal(part.ends)
