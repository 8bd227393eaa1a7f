"""How many processors a container may use: torch counts those of the node, and starts a thread for each.

With a limit of 4 on a node of 64 cores the 64 threads are stopped most of the time, and what waits for them as well.
"""

import math
import os
from collections.abc import MutableMapping
from pathlib import Path

THREADS = "OMP_NUM_THREADS"
"""What torch and numpy read as they start; set by a person, it stays."""
CGROUP = Path("/sys/fs/cgroup")


def allowed_processors(cgroup: Path = CGROUP) -> int | None:
    """The limit of this container, rounded up; None without one (cgroup v2's cpu.max, v1's cpu.cfs_quota_us)."""
    v2, v1 = cgroup / "cpu.max", cgroup / "cpu" / "cpu.cfs_quota_us"
    if v2.is_file():
        quota, period = v2.read_text().split()
    elif v1.is_file():
        quota, period = v1.read_text(), v1.with_name("cpu.cfs_period_us").read_text()
    else:
        return None
    return None if quota == "max" or int(quota) <= 0 else math.ceil(int(quota) / int(period))


def limit_threads(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let the processes that are started from here begin no more threads than there are processors for them."""
    if number := allowed_processors():
        environment.setdefault(THREADS, str(number))
