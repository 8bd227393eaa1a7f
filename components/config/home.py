"""The folder of everything that a run writes on its machine."""

import os
from pathlib import Path

HOME = Path("runs")
"""Where nothing is said."""


def home_folder() -> Path:
    """STILLHOUSE_HOME: the folder of everything a local run writes; HOME when it is not set."""
    return Path(os.environ.get("STILLHOUSE_HOME", HOME)).absolute()
