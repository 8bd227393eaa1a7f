"""The tree in CONTRIBUTING.md is the tree."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def drawn() -> set[str]:
    """Folders of the tree, by their paths: what is indented lies within the line above."""
    block = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("```text\n")[1].split("```")[0]
    found: set[str] = set()
    above: list[str] = []
    for line in block.splitlines():
        if names := re.match(r"( *)((?:[\w/]+/ ?)+)", line):
            above = above[: len(names[1]) // 2]
            folders = ["/".join([*above, name.rstrip("/")]) for name in names[2].split()]
            found |= set(folders)
            above.append(folders[-1].rpartition("/")[2])
    return found


@pytest.mark.parametrize("top", ["pipelines", "components"])
def test_every_folder_of_code_is_drawn_and_no_other(top: str) -> None:
    folders = {str(file.parent.relative_to(ROOT)) for file in (ROOT / top).rglob("*.py")}
    assert {path for path in drawn() if path.split("/")[0] == top} == folders
