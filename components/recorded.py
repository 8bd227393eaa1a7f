"""How a step is run: tracking records it, and what MLflow has not taken outlives its pod in the store."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stillhouse.components.tracking import run as tracking

if TYPE_CHECKING:
    from stillhouse.components.storage.store import Store


@contextmanager
def step_run(step: str) -> Iterator[tracking.StepRun]:
    """`tracking.run.step_run` with the store that STILLHOUSE_STORE names; without one the disk is what lasts."""
    with tracking.step_run(step, _open_store if os.environ.get("STILLHOUSE_STORE") else None) as run:
        yield run


def _open_store() -> "Store":
    from stillhouse.components.storage.home import local_store

    return local_store()
