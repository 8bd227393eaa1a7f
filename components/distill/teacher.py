"""The teacher's answers: computed once for each view of a sample and reused over the epochs."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from stillhouse.components.training.batches import Samples, split_by_padded_tokens

NUM_VIEWS = 2
"""Different views of a sample that augmentation makes; their answers are kept for each."""


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
    progress: Callable[[float], None],
) -> torch.Tensor:
    """The teacher's logits for every view of every sample, float32 [views, rows, labels] on the CPU.

    Args:
        budget: tokens of one forward pass at most, padding included.
        progress: told how many tokens are answered.
    """
    device = next(teacher.parameters()).device
    kept = torch.zeros(num_views, len(samples.lengths), num_labels)
    order, done = np.argsort(samples.lengths, kind="stable"), 0
    with torch.inference_mode():
        for view in range(num_views):
            for rows in split_by_padded_tokens(order, samples.lengths, budget):
                batch = {name: tensor.to(device) for name, tensor in samples.batch(rows, view).items()}
                kept[view, torch.from_numpy(rows)] = logits_of(teacher, batch).float().cpu()
                done += int(samples.lengths[rows].sum())
                progress(done)
    return kept
