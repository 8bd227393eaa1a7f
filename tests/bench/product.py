"""The product as the benches run it, and the lines that they keep of it."""

import hashlib
import json
import os
import subprocess
import sys
import time
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


def run_recipe(*arguments: str | Path, home: Path) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """`stillhouse run` in a home of its own: what the line of the results says of it, and its evaluation.

    The evaluation is None where the run failed, which the line has as its error, or had nothing to measure.
    """
    line: dict[str, Any] = {"code": code_digest(), "time": time.strftime("%Y-%m-%dT%H:%M:%S")}
    line |= {"cpus": os.cpu_count(), "load": os.getloadavg()[0]}
    started = time.perf_counter()
    error = stillhouse("run", *arguments, home=home)
    line["wall_seconds"] = round(time.perf_counter() - started, 1)
    if error:
        return {**line, "error": error}, None
    (verdict_path,) = home.glob("*/verdict.json")
    verdict = json.loads(verdict_path.read_text())
    steps = json.loads((verdict_path.parent / "summary.json").read_text())["steps"]
    line["seconds"] = {name: round(step["seconds"], 1) for name, step in steps.items() if step["seconds"]}
    return line | {"decision": verdict["decision"], "why": verdict["why"]}, verdict.get("evaluation")


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
