"""The teacher's answers: asked for once for each view of an example and reused over the epochs."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import itemgetter

import numpy as np
import torch
from torch import nn

from stillhouse.components.distill.signal import Kept
from stillhouse.components.targets.signal import Ragged, rows_of
from stillhouse.components.training.batches import Samples, split_by_padded_tokens
from stillhouse.components.training.ranks import Ranks
from stillhouse.errors import UserError

PART_UNITS = 1 << 20
"""Answers are kept whenever about so many units are answered: seconds of a GPU's work, a minute or so of a CPU's."""

COUNTS = "_counts"
"""Ends the name under which a part's counts are kept, beside its values."""

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Asking:
    """A teacher and what it is asked."""

    teacher: nn.Module
    signal: Callable[[nn.Module, Mapping[str, torch.Tensor]], Mapping[str, Ragged]]
    """The teacher and a batch on its device -> what it tells of each example."""
    samples: Samples
    num_views: int
    budget: int
    """Units of one forward pass at most, padding included."""
    get_or_make: Callable[[str, Callable[[], Tensors]], Tensors]
    """Gives what an earlier attempt kept under a name, or makes and keeps it (that of `Checkpoints`): a teacher that
    was stopped answers nothing twice, and processes that train together answer each a share of it all."""
    progress: Callable[[float], None]
    """Told how many units are answered."""
    name: str = "teacher"
    """Under which its answers are kept."""

    def signals(self) -> list[dict[str, Kept]]:
        """What it tells of every view of every example, on the CPU.

        Raises:
            UserError: an answer is not a finite number.
        """
        lengths = self.samples.lengths
        order, done = np.argsort(lengths, kind="stable"), 0
        parts = _parts(split_by_padded_tokens(order, lengths, self.budget), lengths)
        asked = [(view, number, runs) for view in range(self.num_views) for number, runs in enumerate(parts)]
        ranks = Ranks.current()
        if ranks.size > 1:
            for view, number, runs in asked[ranks.rank :: ranks.size]:
                self._part(view, number, runs, done)
                done += ranks.size * sum(int(lengths[rows].sum()) for rows in runs)
            ranks.wait()
        found: list[list[Tensors]] = [[] for _ in range(self.num_views)]
        for view, number, runs in asked:
            found[view].append(self._part(view, number, runs, done))
            done += sum(int(lengths[rows].sum()) for rows in runs)
        signals = [_together(of_view, order) for of_view in found]
        _check_finite(signals, len(lengths))
        return signals

    def _part(self, view: int, number: int, runs: list[np.ndarray], done: int) -> Tensors:
        return self.get_or_make(f"{self.name}/{view}-{number:06d}", partial(self._answer, runs, view, done))

    def _answer(self, runs: list[np.ndarray], view: int, done: int) -> Tensors:
        """What the teacher tells of some runs of examples: of each part of the signal its values and counts."""
        device = next(self.teacher.parameters()).device
        told: dict[str, list[torch.Tensor]] = defaultdict(list)
        with torch.inference_mode():
            for rows in runs:
                batch = {name: tensor.to(device) for name, tensor in self.samples.batch(rows, view).items()}
                for name, ragged in self.signal(self.teacher, batch).items():
                    values = ragged.values
                    told[name].append((values.float() if values.is_floating_point() else values).cpu())
                    told[name + COUNTS].append(ragged.counts.cpu())
                done += int(self.samples.lengths[rows].sum())
                self.progress(done)
            return {name: torch.cat(tensors) for name, tensors in told.items()}


def _together(parts: list[Tensors], order: np.ndarray) -> dict[str, Kept]:
    """The parts of one view, whose examples come in this order, as one."""
    names = [name for name in parts[0] if not name.endswith(COUNTS)]
    return {
        name: Kept.of(
            torch.cat([part[name] for part in parts]), torch.cat([part[name + COUNTS] for part in parts]), order
        )
        for name in names
    }


def _check_finite(signals: list[dict[str, Kept]], rows: int) -> None:
    missing = torch.zeros(rows, dtype=torch.bool)
    for kept in _floating(signals):
        strange = ~kept.values.isfinite().flatten(1).all(1) if kept.values.dim() > 1 else ~kept.values.isfinite()
        missing[rows_of(kept.ends.diff())[strange]] = True
    if count := int(missing.sum()):
        raise UserError(
            f"the teacher has no finite answer (nan or infinite) for {count:,} of {rows:,} rows, and a "
            "student would learn that; train the teacher with a lower optimizer.learning_rate."
        )


def _floating(signals: list[dict[str, Kept]]) -> Iterator[Kept]:
    return (kept for of_view in signals for kept in of_view.values() if kept.values.is_floating_point())


def _parts(runs: list[np.ndarray], lengths: np.ndarray) -> list[list[np.ndarray]]:
    """`runs` in groups of about PART_UNITS units."""
    before = np.cumsum([0, *(lengths[rows].sum() for rows in runs[:-1])])
    return [
        [run for run, _ in group]
        for _, group in groupby(zip(runs, before // PART_UNITS, strict=True), key=itemgetter(1))
    ]
