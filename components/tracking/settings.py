"""Names and limits of tracking; plain constants, since every step imports them before anything else."""

import os
import time
from pathlib import Path

PIPELINE = "pipeline"
"""Name under which the pipeline itself keeps a spool, beside its steps."""
DEFAULT_EXPERIMENT = "stillhouse"

PROGRESS_SECONDS = 0.2
"""Least time between two progress events of a step."""
PROGRESS_SECONDS_MAX = 2.0
"""The same after ten minutes: a step of a day shall not leave a spool of a gigabyte."""
SYSTEM_SECONDS = 5.0
"""Time between two samples of the system metrics."""
DRAIN_SECONDS = 20.0
"""Longest time a process waits at its end for its sender."""

POLL_SECONDS = 0.5
"""Time between two looks at the spools."""
TOLD_SECONDS = 0.1
"""Time between two looks whether the sender is told to end."""
BATCH_EVENTS = 1000
"""Most events between two writes of the offset."""
BACKOFF_SECONDS = 0.5
BACKOFF_SECONDS_MAX = 30.0
REGISTRY_SECONDS = 60.0
"""Longest time a step repeats a request to the model registry."""
GIVE_UP_SECONDS = 5.0
"""A sender that was told to end goes on while the server answers; so long without an answer, it gives up."""
REQUEST_SECONDS = 30
"""Longest wait for one answer of the server; a slow one takes ten seconds."""


def home() -> Path:
    """Folder of everything a run writes."""
    return Path(os.environ.get("STILLHOUSE_HOME", "runs")).absolute()


def new_run_id(name: str) -> str:
    """Name and time of day, as spam-20261122-151405."""
    return f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"


def tracking_uri(home: Path) -> str:
    """MLFLOW_TRACKING_URI, or the SQLite database under `home`."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home.absolute() / 'mlflow.db'}"


def experiment() -> str:
    """Name of the MLflow experiment; the local runner sets it to the model's name."""
    return os.environ.get("MLFLOW_EXPERIMENT_NAME") or DEFAULT_EXPERIMENT


def spool_folder(home: Path, run_id: str) -> Path:
    return home / run_id / "spool"
