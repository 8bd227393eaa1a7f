"""Imports go down the house: a room may use what lies on a lower floor, never what lies on its own or above."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FLOORS = (
    ("cli",),
    ("doctor",),
    ("cluster",),
    ("compiling", "local"),
    ("approval", "recipes", "terminal", "retrain"),
    ("probe",),
    ("inspect", "decide"),
    ("promote", "forget"),
    ("evaluate", "predict", "finetune", "pretrain", "distill"),
    ("training_step",),
    ("prepare", "sweep", "conclude", "decline"),
    ("tasks",),
    ("artifacts", "distributed"),
    ("runtime",),
    ("modalities",),
    ("targets",),
    ("formats",),
    ("tracking",),
    ("models", "signing"),
    ("storage", "training"),
    ("safety", "config"),
    ("errors", "spelling"),
    ("redaction", "kubernetes", "reporting"),
)
"""Rooms of pipelines, components and the package itself, from the roof to the ground; those of one floor do not know of
each other."""
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def room_of(module: str) -> str:
    """`stillhouse.components.prepare.card` lies in prepare, `stillhouse.errors` in errors."""
    parts = module.split(".")[1:]
    return parts[1] if parts[0] in {"components", "pipelines"} and len(parts) > 1 else parts[0]


def imports() -> Iterator[tuple[str, str]]:
    """(importing file, imported module) of every import in the tree, those inside functions too."""
    for folder in ("components", "pipelines", "src/stillhouse"):
        for path in (ROOT / folder).glob("**/*.py" if folder != "src/stillhouse" else "*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stillhouse."):
                    if node.module == "stillhouse.components":  # where it lies, for the digest of the code
                        continue
                    yield path.relative_to(ROOT).as_posix(), node.module or ""


def room_of_file(path: str) -> str:
    """The room that a file of the tree lies in."""
    return room_of("stillhouse." + ".".join(Path(path.removeprefix("src/stillhouse/")).with_suffix("").parts))


def test_every_room_of_the_tree_stands_on_a_floor() -> None:
    rooms = {room_of_file(path) for path, _ in imports()}
    assert rooms <= set(FLOOR), "give the new room its floor in FLOORS"


@pytest.mark.parametrize("room", sorted(FLOOR))
def test_a_room_imports_only_from_below(room: str) -> None:
    up = [
        f"{path}: {module}"
        for path, module in imports()
        if room_of_file(path) == room and room_of(module) != room and FLOOR[room_of(module)] <= FLOOR[room]
    ]
    assert up == []
