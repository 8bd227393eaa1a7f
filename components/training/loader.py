"""Micro-batches made ahead of the steps that learn from them."""

import signal
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from stillhouse.components.training.batches import Samples

Wanted = tuple[np.ndarray, int]
"""Row indices of a micro-batch, and the epoch whose view of them is wanted."""


class _MicroBatches(Dataset[Mapping[str, Any]]):
    """Samples as torch's loader asks for them."""

    def __init__(self, samples: Samples) -> None:
        self.samples = samples

    def __getitem__(self, index: Wanted) -> Mapping[str, Any]:
        return self.samples.batch(*index)


def load(
    samples: Samples, wanted: Iterable[Wanted], num_workers: int
) -> Generator[Mapping[str, torch.Tensor], None, None]:
    """The micro-batches `wanted`, in their order; with workers, two for each are made ahead.

    `wanted` is read as far as is made ahead. What is random in a micro-batch derives from (seed, epoch, row), so
    that workers change nothing.

    Args:
        num_workers: processes that make them; 0: this one does.
    """
    loader = DataLoader(
        _MicroBatches(samples),
        sampler=wanted,
        batch_size=None,  # what is wanted are whole micro-batches already
        collate_fn=_as_it_is,
        num_workers=num_workers,
        generator=torch.Generator(),  # else it draws a seed from the state that dropout draws from
        # Samples hold closures, which only a fork carries over; workers never touch the GPU.
        multiprocessing_context="fork" if num_workers else None,
    )
    with _signals_held():
        batches = iter(loader)
    try:
        yield from batches
    finally:
        if num_workers:
            # Torch does so when the iterator is collected, too late where the traceback of an error keeps it: the
            # process would wait at its end for workers that nobody has told to end.
            batches._shutdown_workers()  # type: ignore[attr-defined]


def _as_it_is(batch: Any) -> Any:
    return batch


@contextmanager
def _signals_held() -> Iterator[None]:
    """Workers that are forked herein never end by a signal to the whole group (Ctrl-C, a supervisor's SIGTERM): it is
    the trainer's to answer, which still needs the micro-batches of the step it is in. Workers end with it.

    They inherit the signals held; one that ignored them itself would still end by those that come before it does.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
