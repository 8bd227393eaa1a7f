"""Whole local runs, by the command a person types."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STILLHOUSE = Path(sys.executable).with_name("stillhouse")


@dataclass(frozen=True)
class Outcome:
    """A run that has ended: its folder, what it printed, and the files it left."""

    folder: Path
    code: int
    printed: str

    @property
    def verdict(self) -> dict[str, Any]:
        """verdict.json."""
        return json.loads((self.folder / "verdict.json").read_text())

    @property
    def steps(self) -> dict[str, Any]:
        """The steps of summary.json, by name."""
        summary = json.loads((self.folder / "summary.json").read_text())
        return summary["steps"]


def stillhouse(*arguments: str | Path, home: Path, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    """Run the command with everything it writes under `home`."""
    environment = os.environ | {"STILLHOUSE_HOME": str(home)}
    environment.pop("MLFLOW_TRACKING_URI", None)
    command = [str(STILLHOUSE), *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout, check=False)


def run_recipe(recipe: str | Path, home: Path, *arguments: str) -> Outcome:
    """`stillhouse run RECIPE`, and the folder it made."""
    before = set(home.glob("*/")) if home.exists() else set()
    done = stillhouse("run", recipe, *arguments, home=home)
    made = [f for f in home.glob("*/") if f not in before and (f / "pipeline.log").exists()] if home.exists() else []
    folder = made[0] if made else home
    return Outcome(folder, done.returncode, done.stdout + done.stderr)
