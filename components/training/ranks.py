"""The processes that train one model together, each on an accelerator of its own: what they share and agree on.

There is no DistributedDataParallel around the model, on purpose. It sums gradients while the last backward pass runs,
so every process must come through that pass: where memory runs out in one, the others would wait for it for good. It
also has to be made anew when a layer is unfrozen, and a loss that calls more of a module than `forward`. Here each
process goes through its micro-batches alone, all tell how that went, and only then the gradients are summed, in
buckets of the size that DistributedDataParallel uses. The price: sums and passes do not overlap.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from torch import distributed, nn

from stillhouse.components.training.precision import pick_device

WAIT = timedelta(days=1)
"""The longest that one process waits for another to evaluate or to write. One that dies is noticed at once."""
BUCKET_BYTES = 25 << 20
"""Gradients that are summed in one message."""

T = TypeVar("T")


class NotLeader(BaseException):
    """A process that helps the first one has done its part; what follows in the step is the first one's."""


@dataclass(frozen=True)
class Ranks:
    """One process among those that train together. Alone, whatever it asks the others is answered by itself."""

    rank: int = 0
    size: int = 1
    others: Any = None
    """The process group on processors: for words, and for waits that may be long."""

    _current: ClassVar["Ranks"]

    @classmethod
    def current(cls) -> "Ranks":
        """Those of this process: itself alone outside `joined`."""
        return cls._current

    @property
    def leads(self) -> bool:
        """Whether this is the process that evaluates, reports and writes."""
        return self.rank == 0

    def share(self, rows: np.ndarray) -> np.ndarray:
        """This process's part of `rows`, int64 [rows]: of length-sorted rows parts of like sizes, sorted too; empty
        where rows are few."""
        return rows[self.rank :: self.size]

    def gather(self, mine: T) -> list[T]:
        """What each process hands in, by rank."""
        if self.size == 1:
            return [mine]
        found: list[Any] = [None] * self.size
        distributed.all_gather_object(found, mine, group=self.others)
        return found

    def any(self, mine: bool) -> bool:
        """Whether it is so in any process."""
        return any(self.gather(mine))

    def wait(self) -> None:
        """Until all processes are here."""
        self.gather(None)

    def of_leader(self, mine: T | None) -> T:
        """What the leader hands in."""
        return self.gather(mine if self.leads else None)[0]  # type: ignore[return-value]

    def tensors_of_leader(self, mine: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The leader's tensors, on the processor."""
        known = self.of_leader({name: (tensor.shape, tensor.dtype) for name, tensor in mine.items()})
        found = {}
        for name, (shape, dtype) in known.items():
            found[name] = mine[name].detach().cpu() if self.leads else torch.empty(shape, dtype=dtype)
            distributed.broadcast(found[name], src=0, group=self.others)
        return found

    def sum_gradients(self, model: nn.Module) -> None:
        """Put the sum over all processes in the place of each gradient; one that none of them has stays away."""
        if self.size == 1:
            return
        parameters = list(model.parameters())
        present = np.any(self.gather([parameter.grad is not None for parameter in parameters]), axis=0)
        for bucket in _buckets(parameter for parameter, some in zip(parameters, present, strict=True) if some):
            gradients = [torch.zeros_like(each) if each.grad is None else each.grad for each in bucket]
            flat = torch.cat([gradient.flatten() for gradient in gradients])
            distributed.all_reduce(flat)
            parts = flat.split([gradient.numel() for gradient in gradients])
            for parameter, gradient, part in zip(bucket, gradients, parts, strict=True):
                parameter.grad = gradient.copy_(part.view_as(gradient))


Ranks._current = Ranks()


@contextmanager
def joined() -> Iterator[Ranks]:
    """Join the processes that torchrun has started with this one, for the time of the block.

    Gradients go by NCCL (on AMD's GPUs RCCL, under the same name) where there are GPUs, else by gloo. When the block
    ends well all wait for each other; for a process that only helps it ends with the training (`NotLeader`). After an
    exception there is no farewell: the process is about to end, and torchrun ends the others.
    """
    device = pick_device()
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    others = distributed.new_group(backend="gloo", timeout=WAIT)
    ranks = Ranks(distributed.get_rank(), distributed.get_world_size(), others)
    Ranks._current = ranks
    try:
        yield ranks
    except NotLeader:
        pass
    finally:
        Ranks._current = Ranks()
    ranks.wait()
    distributed.destroy_process_group()


def _buckets(parameters: Iterable[nn.Parameter]) -> Iterator[list[nn.Parameter]]:
    """Parameters in groups of about BUCKET_BYTES."""
    bucket: list[nn.Parameter] = []
    for parameter in parameters:
        bucket.append(parameter)
        if sum(each.nbytes for each in bucket) >= BUCKET_BYTES:
            yield bucket
            bucket = []
    if bucket:
        yield bucket
