"""The toy task of tests/toy_task as a package with an entry point, and rows for it."""

import random
from pathlib import Path


def write_entry_point(package: Path) -> None:
    """Make a folder one that brings the task `rises`, wherever its module lies."""
    info = package / "rises-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rises\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[stillhouse.tasks]\nrises = rises:Rises\n")


def rows(number: int, draw: random.Random, longest: int) -> tuple[list[list[float]], list[list[bool]]]:
    """Rows of 2 to `longest` numbers between -1 and 1, and which of them are larger than the one before."""
    values = [[draw.uniform(-1, 1) for _ in range(draw.randint(2, longest))] for _ in range(number)]
    return values, [[b > a for a, b in zip([0.0, *row], row, strict=False)] for row in values]
