"""The teacher's answers: computed once for each view of a sample and reused over the epochs."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import torch
from torch import nn

from stillhouse.components.training.batches import Samples, split_by_padded_tokens
from stillhouse.components.training.ranks import Ranks
from stillhouse.errors import UserError

NUM_VIEWS = 2
"""Different views of a sample that augmentation makes; their answers are kept for each."""

PART_TOKENS = 1 << 20
"""Answers are kept whenever about so many tokens are answered: seconds of a GPU's work, a minute or so of a CPU's."""


class ViewedSamples:
    """Samples whose random view repeats every `num_views` epochs, so that answers can be reused.

    Teacher and student see the same view.
    """

    def __init__(self, samples: Samples, num_views: int) -> None:
        self.samples, self.num_views, self.lengths = samples, num_views, samples.lengths

    def batch(self, rows: np.ndarray, epoch: int) -> Mapping[str, Any]:
        """Inputs in the view of `epoch`."""
        return self.samples.batch(rows, epoch % self.num_views)


class AnsweredSamples(ViewedSamples):
    """Viewed samples that carry the teacher's kept logits.

    Args:
        logits: float32 [views, rows, labels].
    """

    def __init__(self, samples: Samples, logits: torch.Tensor) -> None:
        super().__init__(samples, len(logits))
        self.logits = logits

    def batch(self, rows: np.ndarray, epoch: int) -> Mapping[str, Any]:
        """Inputs in the view of `epoch`, with `teacher_logits` float32 [rows, labels]."""
        return {
            **super().batch(rows, epoch),
            "teacher_logits": self.logits[epoch % self.num_views, torch.from_numpy(rows)],
        }


def answer_bytes(samples: Samples, num_views: int, num_labels: int) -> int:
    """Memory that kept answers take."""
    return num_views * len(samples.lengths) * num_labels * 4


def answers(
    teacher: nn.Module,
    logits_of: Callable[..., torch.Tensor],
    samples: Samples,
    *,
    num_views: int,
    num_labels: int,
    budget: int,
    get_or_make: Callable[[str, Callable[[], torch.Tensor]], torch.Tensor],
    progress: Callable[[float], None],
) -> torch.Tensor:
    """The teacher's logits for every view of every sample, float32 [views, rows, labels] on the CPU.

    Args:
        budget: tokens of one forward pass at most, padding included.
        get_or_make: gives what an earlier attempt kept under a name, or makes and keeps it (that of `Checkpoints`): a
            teacher that was stopped answers nothing twice, and processes that train together answer each a share of
            it all.
        progress: told how many tokens are answered.

    Raises:
        UserError: an answer is not a finite number.
    """
    kept = torch.zeros(num_views, len(samples.lengths), num_labels)
    device = next(teacher.parameters()).device
    order, done = np.argsort(samples.lengths, kind="stable"), 0
    parts = _parts(split_by_padded_tokens(order, samples.lengths, budget), samples.lengths)

    def answer(runs: list[np.ndarray], view: int) -> torch.Tensor:
        logits, tokens = [], done
        with torch.inference_mode():
            for rows in runs:
                batch = {name: tensor.to(device) for name, tensor in samples.batch(rows, view).items()}
                logits.append(logits_of(teacher, batch).float().cpu())
                tokens += int(samples.lengths[rows].sum())
                progress(tokens)
            return torch.cat(logits)

    asked = [(view, number, runs) for view in range(num_views) for number, runs in enumerate(parts)]
    ranks = Ranks.current()
    if ranks.size > 1:
        for view, number, runs in asked[ranks.rank :: ranks.size]:
            get_or_make(_name(view, number), partial(answer, runs, view))
            done += ranks.size * sum(int(samples.lengths[rows].sum()) for rows in runs)
        ranks.wait()
    for view, number, runs in asked:
        rows = np.concatenate(runs)
        kept[view, torch.from_numpy(rows)] = get_or_make(_name(view, number), partial(answer, runs, view))
        done += int(samples.lengths[rows].sum())
    if missing := int((~kept.isfinite().all(-1)).any(0).sum()):
        raise UserError(
            f"the teacher has no finite answer (nan or infinite) for {missing:,} of {kept.shape[1]:,} rows, and a "
            "student would learn that; train the teacher with a lower optimizer.learning_rate."
        )
    return kept


def _name(view: int, number: int) -> str:
    """Of a part's answers, beside the checkpoints."""
    return f"teacher/{view}-{number:06d}"


def _parts(runs: list[np.ndarray], lengths: np.ndarray) -> list[list[np.ndarray]]:
    """`runs` in groups of about PART_TOKENS tokens."""
    before = np.cumsum([0, *(lengths[rows].sum() for rows in runs[:-1])])
    return [
        [run for run, _ in group]
        for _, group in groupby(zip(runs, before // PART_TOKENS, strict=True), key=itemgetter(1))
    ]
