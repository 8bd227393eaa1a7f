"""A pipeline that computes and reports as a training does; run as a process, it says what reporting cost.

    python mlflow_training.py               a step, and one that crashes and is retried
    python mlflow_training.py FIRST LAST    one step with a sender of its own, its training from step FIRST to LAST

Home and run are in the environment, as for every step.
"""

import json
import math
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from stillhouse.components.tracking.run import StepRun, pipeline_run, step_run

NUM_STEPS = 160
CRASH_AT = 80
RESUMED_AT = 70
PRODUCTS_PER_STEP = 60
"""Matrix products that stand for one step of an optimizer: some 50 ms on one core."""
MATRIX = np.random.default_rng(0).random((200, 200))


class Clock:
    """Adds up the time inside reporting calls."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - began


def train(run: StepRun, first: int, last: int, clock: Clock) -> None:
    """Compute, and report after each step: more often than the loop does, which makes 200 points of a curve."""
    for step in range(first, last + 1):
        for _ in range(PRODUCTS_PER_STEP):
            MATRIX @ MATRIX
        with clock():
            # A rate differs each time, and a NaN is what a training that diverges reports.
            run.metrics({"train/loss": 1 / step, "train/rate": time.monotonic(), "train/norm": math.nan}, step)
            run.progress(step, NUM_STEPS, "steps", "loss 0.5")


def pipeline(home: Path, run_id: str, clock: Clock) -> float:
    """Seconds of training, in a step that crashes and is retried."""
    with pipeline_run(home, run_id, "faults") as parent:
        parent.params({"data_source": "emails.parquet"})
        with step_run("prepare") as run:
            run.metrics({"rows": 3})
        began = time.perf_counter()
        with suppress(RuntimeError), step_run("finetune") as run:
            run.params({"epochs": 3, "batch": 64})
            train(run, 1, CRASH_AT, clock)
            raise RuntimeError("a crash")
        with step_run("finetune") as run:
            run.params({"epochs": 3, "batch": 32})
            train(run, RESUMED_AT, NUM_STEPS, clock)
        return time.perf_counter() - began


def main() -> None:
    """Run what is asked; after a pipeline the file `trained.json` in the home folder says how long it took."""
    home, clock = Path(os.environ["STILLHOUSE_HOME"]), Clock()
    if sys.argv[1:]:
        with step_run("finetune") as run:
            train(run, int(sys.argv[1]), int(sys.argv[2]), clock)
        return
    seconds = pipeline(home, os.environ["STILLHOUSE_RUN"], clock)
    (home / "trained.json").write_text(json.dumps({"seconds": seconds, "reporting": clock.seconds}))


if __name__ == "__main__":
    main()
