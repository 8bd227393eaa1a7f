"""Names and limits of tracking; plain constants, since every step imports them before anything else."""

import os
import time
from pathlib import Path

PIPELINE = "pipeline"
"""Name under which the pipeline itself keeps a spool, beside its steps."""
FIRST_STEP = "inspect"
"""The step that every run begins with; it sends what other runs have left in the store."""
EXIT_STEP = "conclude"
"""The step that runs after success and failure alike."""
NOTE = "note."
"""Begins the tags that a person should read while the pipeline runs."""
DEFAULT_EXPERIMENT = "stillhouse"
WORKFLOW = "workflowType=machine_learning"
"""Makes MLflow's pages those of model training; by themselves they are those of generative AI (MLflow 3.17)."""

PROGRESS_SECONDS = 0.2
"""Least time between two progress events of a step."""
PROGRESS_SECONDS_MAX = 2.0
"""The same after ten minutes: a step of a day shall not leave a spool of a gigabyte."""
WAITING_BYTES = 16_000_000
"""Most that waits in memory for a full disk to have room; a training writes some 3 kB a second."""
SYSTEM_SECONDS = 5.0
"""Time between two samples of the system metrics."""
DRAIN_SECONDS = 20.0
"""Longest time a process waits at its end for its sender."""

KEEP_SECONDS = 30.0
"""Time between two copies of a spool into the store, while nothing of it can be sent."""
POLL_SECONDS = 0.5
"""Time between two looks at the spools."""
TOLD_SECONDS = 0.1
"""Time between two looks whether the sender is told to end."""
BATCH_EVENTS = 900
"""Most points, parameters and tags in a request, but for those of one event more; MLflow takes 1000."""
REPEATS = 4
"""How often a request is sent before the sender pauses."""
REPLAYS = 3
"""How often a replay tries to send a run, going on where it came to."""
REPEAT_WAIT_SECONDS = (0.05, 0.3)
REPEAT_SECONDS = 5.0
"""A request that took so long is not repeated before the pause."""
BACKOFF_SECONDS = 0.5
BACKOFF_SECONDS_MAX = 30.0
REGISTRY_SECONDS = 60.0
"""Longest time a step repeats a request to the model registry."""
GIVE_UP_SECONDS = 5.0
"""A sender that was told to end goes on while the server answers; so long without an answer, it gives up."""
WHY_CHARACTERS = 200
"""Longest quotation of an error."""
REQUEST_SECONDS = 30
"""Longest wait for one answer of the server; a slow one takes ten seconds."""


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
