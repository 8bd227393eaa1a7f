"""A bound on the memory that reading a file takes.

Compressed files may hold thousands of times their size, and no header tells so reliably: gzip, Parquet pages and Arrow
buffers alike. So the bound is the operating system's: an allocation beyond it fails, and is a MemoryError here.
"""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def bounded_memory(num_bytes: int) -> Iterator[None]:
    """Within the block this process may take `num_bytes` of address space more than it has; from then on MemoryError.

    Where the system does not count it (macOS), there is no bound.
    """
    import resource

    import psutil

    before, hard = resource.getrlimit(resource.RLIMIT_AS)
    bound = psutil.Process().memory_info().vms + num_bytes
    if before != resource.RLIM_INFINITY:
        bound = min(bound, before)
    resource.setrlimit(resource.RLIMIT_AS, (bound, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, hard))
