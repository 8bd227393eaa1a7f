"""A bound on the memory that reading files takes.

Compressed files may hold thousands of times their size, and no header tells so reliably: gzip, Parquet pages and Arrow
buffers alike. So readers count what they hold, piece by piece; and below them the operating system refuses the one
piece that would be far too large (an allocation that fails is a MemoryError here, or pyarrow's kind of it).
"""

from collections.abc import Iterator
from contextlib import contextmanager

SLACK = 2 << 30
"""Bytes of addresses beyond the bound at which the system refuses: pyarrow's allocator reserves 1 GiB of them at once,
used or not; readers hold a piece twice while they make it, and have threads. Arrow ends the process without an error
when one of its threads is refused memory, so the budget has to come first."""


class Budget:
    """What is left of the memory that readers may take."""

    def __init__(self, num_bytes: int) -> None:
        self._all = self._left = num_bytes

    def take(self, num_bytes: int) -> None:
        """Count a piece that is held from now on.

        Raises:
            MemoryError: the budget is spent.
        """
        self._left -= num_bytes
        if self._left < 0:
            raise MemoryError

    def renew(self) -> None:
        """Count nothing as held any more."""
        self._left = self._all


@contextmanager
def bounded_memory(num_bytes: int) -> Iterator[Budget]:
    """A budget; and while the block lasts, the process gets no more address space than that and SLACK on top.

    Where the system does not count address space (macOS), the budget alone is the bound.
    """
    import resource

    import psutil

    before, hard = resource.getrlimit(resource.RLIMIT_AS)
    bound = psutil.Process().memory_info().vms + num_bytes + SLACK
    if before != resource.RLIM_INFINITY:
        bound = min(bound, before)
    resource.setrlimit(resource.RLIMIT_AS, (bound, hard))
    try:
        yield Budget(num_bytes)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, hard))
