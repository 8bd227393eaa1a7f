"""Where a step keeps what outlives it."""

import os
from pathlib import Path

from stillhouse.components.storage.store import Store, open_store


def home_folder() -> Path:
    """STILLHOUSE_HOME: the folder of everything a local run writes; `runs` when it is not set."""
    return Path(os.environ.get("STILLHOUSE_HOME", "runs")).absolute()


def local_store() -> Store:
    """The store that STILLHOUSE_STORE names; `store` in the home folder when it is not set."""
    return open_store(os.environ.get("STILLHOUSE_STORE") or home_folder() / "store")
