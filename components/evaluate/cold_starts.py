"""How long a model takes from nothing to its first answer, and the memory that it needs, each time in a new process."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.evaluate.latency import bounds_of
from stillhouse.components.evaluate.settings import EvaluateSettings
from stillhouse.components.tracking.run import StepRun
from stillhouse.errors import UserError

PROGRAM = "stillhouse.components.evaluate.cold_start"
LONGEST = 600
"""Seconds that one start may take."""


def cold_starts(
    folders: Mapping[str, Path], test: Examples, settings: EvaluateSettings, run: StepRun
) -> dict[str, dict[str, Any]]:
    """Of each model by name what evaluation.json says of its cold starts; empty where none are asked for.

    The models take turns. What a machine keeps of files that it has read stays: only the process is new.

    Raises:
        UserError: one does not start.
    """
    import pyarrow as pa

    found: dict[str, list[tuple[float, float]]] = {name: [] for name in folders}
    with tempfile.TemporaryDirectory() as temporary:
        row = Path(temporary, "row.arrow")
        with pa.OSFile(str(row), "wb") as file, pa.ipc.new_file(file, test.table.schema) as writer:
            writer.write_table(test.head(1).table)
        for turn in range(settings.cold_starts):
            run.progress(turn, settings.cold_starts, "rounds", "cold starts")
            for name, folder in folders.items():
                found[name].append(_start(name, folder, row, settings.serve_on))
    return {name: _described(measured, settings) for name, measured in found.items() if measured}


def _start(name: str, folder: Path, row: Path, device: str) -> tuple[float, float]:
    """Seconds until the first answer, and bytes."""
    command, start = [sys.executable, "-m", PROGRAM, str(folder), str(row), device], time.time()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        why = error.stderr if isinstance(error, subprocess.CalledProcessError) else f"none in {LONGEST} seconds"
        last = next(reversed(why.strip().splitlines()), "it was ended from outside")
        raise UserError(
            f"evaluate.cold_starts: the {name} gives no answer in a process of its own ({last}); set it to 0, or give "
            "the step more memory."
        ) from None
    answered, memory = done.stdout.split()[-2:]
    return float(answered) - start, float(memory)


def _described(measured: list[tuple[float, float]], settings: EvaluateSettings) -> dict[str, Any]:
    seconds, memory = np.array(measured).T

    def spread(values: np.ndarray) -> dict[str, Any]:
        p50, p95 = np.percentile(values, [50, 95])
        bounds = bounds_of(values[None], confidence=settings.confidence, seed=settings.seed)
        return {"p50": float(p50), "p95": float(p95), **bounds}

    return {"starts": len(measured), "seconds": spread(seconds), "memory_bytes": spread(memory)}
