"""The folder of everything that a run writes on its machine."""

import os
from pathlib import Path


def home_folder() -> Path:
    """STILLHOUSE_HOME: the folder of everything a local run writes; `runs` when it is not set."""
    return Path(os.environ.get("STILLHOUSE_HOME", "runs")).absolute()
