"""docs/environment.md has every STILLHOUSE_ variable that the code asks for or sets, and no other."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NAME = re.compile(r"STILLHOUSE_[A-Z0-9_]+")
BEGINNINGS = {"STILLHOUSE_NODE"}
"""How the names of several begin: those that a TrainJob is not handed."""
OF_TESTS = "## Of the tests"


def asked_for(*folders: str) -> set[str]:
    """Strings of the code that are such a name, and nothing else."""
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    assert len(files) > 100
    texts = (file.read_text(encoding="utf-8") for file in files)
    nodes = (node for text in texts if "STILLHOUSE_" in text for node in ast.walk(ast.parse(text)))
    strings = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {text for text in strings if NAME.fullmatch(text)} - BEGINNINGS


def listed() -> tuple[set[str], set[str]]:
    """First cells of the tables: of the product, and of the tests."""
    parts = (ROOT / "docs/environment.md").read_text(encoding="utf-8").split(OF_TESTS)
    of_product, of_tests = (set(re.findall(r"^\| `(STILLHOUSE_\w+)` \|", part, flags=re.MULTILINE)) for part in parts)
    return of_product, of_tests


def test_the_table_has_those_of_the_product() -> None:
    assert asked_for("src/stillhouse", "components", "pipelines") == listed()[0]


def test_the_table_has_those_of_the_tests() -> None:
    assert asked_for("tests") - listed()[0] == listed()[1]


@pytest.mark.parametrize("folder", ["images", "manifests", "docs"])
def test_elsewhere_no_other_is_named(folder: str) -> None:
    texts = [
        file.read_text("utf-8")
        for file in (ROOT / folder).rglob("*")
        if file.suffix in ("", ".md", ".yaml") and file.is_file()
    ]
    named = {name for text in texts for name in NAME.findall(text)}
    assert named <= set.union(*listed())
