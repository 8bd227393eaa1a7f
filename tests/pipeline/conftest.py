"""The main job is run once for all tests that look at it."""

from pathlib import Path

import pytest
from runs import Outcome, run_recipe


@pytest.fixture(scope="session")
def spam(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """The main job on the shipped emails: its home and its outcome."""
    home = tmp_path_factory.mktemp("spam") / "runs"
    outcome = run_recipe("spam", home)
    assert outcome.code == 0, outcome.printed
    return home, outcome
