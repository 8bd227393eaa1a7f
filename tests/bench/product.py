"""The product as the benches run it, and the lines that they keep of it."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from data_sets import ROOT

from stillhouse.components.targets.labels import label_target
from stillhouse.components.targets.measure import values_of

STILLHOUSE = Path(sys.executable).with_name("stillhouse")
LONGEST = 1_800.0
"""Seconds that a run may take before it is ended."""


def stillhouse(*arguments: str | Path, home: Path) -> str:
    """Run a command; the last line of what it said where it failed."""
    environment = os.environ | {"STILLHOUSE_HOME": str(home)}
    environment.pop("MLFLOW_TRACKING_URI", None)
    with (home.parent / "printed.log").open("a+") as log:
        try:
            done = subprocess.run(
                [STILLHOUSE, *arguments], env=environment, stdout=log, stderr=log, timeout=LONGEST, check=False
            )
        except subprocess.TimeoutExpired:
            return f"ended after {LONGEST:.0f} seconds"
        log.seek(0)
        lines = [text for text in log.read().splitlines() if text.strip()]
    return "" if done.returncode == 0 else f"code {done.returncode}: {lines[-1] if lines else ''}"


def code_digest() -> str:
    """Of all that a run may depend on."""
    digest = hashlib.sha256()
    paths = [path for folder in ("components", "pipelines") for path in (ROOT / folder).rglob("*.py")]
    for path in sorted([*paths, ROOT / "requirements.lock"]):
        digest.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def f1_macro(scores: np.ndarray, targets: np.ndarray, labels: Sequence[str]) -> float:
    """Macro-F1 of scores float [rows, labels] for class indices int64 [rows]."""
    target = label_target("classes", labels)
    return values_of(target.statistics(scores, targets), target.measures, len(targets))["f1_macro"]


def read_lines(path: Path) -> list[dict[str, Any]]:
    """All lines of a file of results, the newest last."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def add_line(path: Path, line: dict[str, Any]) -> None:
    """Keep a line."""
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")
