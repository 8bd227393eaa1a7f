"""The one place where a step gets the checkpoints that it trains with, and lets them go."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stillhouse.components.runtime.attempts import UNFINISHED
from stillhouse.components.storage.fingerprint import fingerprint
from stillhouse.components.storage.home import local_store
from stillhouse.components.storage.lease import hold
from stillhouse.components.storage.manifest import Corrupt
from stillhouse.components.storage.store import NotFound
from stillhouse.components.training.checkpoints import Checkpoints


@contextmanager
def checkpoints_of(step: str, settings: dict[str, Any], inputs: list[str], keep: int) -> Iterator[Checkpoints]:
    """Checkpoints under the fingerprint of a step, its settings and its inputs, so that the same command finds them.

    When the block ends well, its result is written and they are removed; when not, they stay for the next attempt.
    While it lasts a lease keeps `sweep` from them.

    Args:
        inputs: digests of what the step reads.
        keep: how many of the newest stay.
    """
    store, name = local_store(), fingerprint(step, settings, inputs)
    checkpoints = Checkpoints(store, name, keep, damaged=(NotFound, Corrupt))
    run = os.environ.get("STILLHOUSE_RUN") or step
    mark = f"{UNFINISHED}/{run}/{name}"
    with hold(store, checkpoints.prefix, run=run):
        store.put(mark, checkpoints.prefix.encode())
        try:
            yield checkpoints
            checkpoints.clear()
            store.delete(mark)
        finally:
            checkpoints.close()
