"""What a commit is held to is what `make check` runs, with the same programs."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]


def test_the_hooks_are_the_commands_of_make_check() -> None:
    recipe = (ROOT / "Makefile").read_text().split("\ncheck: setup\n")[1].split("\n\n")[0]
    checks = {line.strip().replace("$(BIN)", ".venv/bin").removesuffix(" .") for line in recipe.splitlines()}
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = {hook["entry"] for repo in config["repos"] for hook in repo["hooks"]}
    # A hook fixes what it can, and then stops the commit; `make check` only tells.
    assert {entry.replace(" --fix", "") for entry in hooks} == {check.replace(" --check", "") for check in checks}


def test_they_fetch_nothing() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert {repo["repo"] for repo in config["repos"]} == {"local"}
    assert {hook["language"] for repo in config["repos"] for hook in repo["hooks"]} == {"system"}
