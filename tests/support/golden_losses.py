"""Losses of small trainings, held against golden files."""

import json
import os
from pathlib import Path

import pytest


class Losses:
    """A reporter that keeps the loss of each step."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def metrics(self, values: dict[str, float], step: int = 0) -> None:
        """Keep one."""
        self.losses += [values[name] for name in values if name == "train/loss"]

    def progress(self, done: float, total: float, unit: str, note: str = "") -> None:
        """Nothing to keep."""


def hold(found: list[float], golden: Path, command: str) -> None:
    """Assert that these are the losses in the file; where STILLHOUSE_MAKE_GOLDEN is set, write them into it before.

    Args:
        command: makes the file, and stands in it.
    """
    if os.environ.get("STILLHOUSE_MAKE_GOLDEN"):
        golden.write_text(json.dumps({"made_by": command, "losses": found}, indent=1) + "\n")
    assert found == pytest.approx(json.loads(golden.read_text())["losses"], abs=1e-4)
