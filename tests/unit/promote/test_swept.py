"""What sweep leaves of promoted models, with MLflow's registry as it really is."""

import os
from typing import Any

import pytest

from stillhouse.components.promote.rollback import rollback
from stillhouse.components.storage.digests import digest_folder
from stillhouse.components.sweep.settings import SweepSettings
from stillhouse.components.sweep.sweep import sweep
from stillhouse.components.tracking.connection import connect

Workplace = Any
"""See conftest.py."""


def swept(workplace: Workplace) -> None:
    """Sweep the home, in which everything is old."""
    home = workplace.folder / "home"
    for path in home.rglob("*"):
        os.utime(path, (0, 0))
    list(sweep(SweepSettings(keep_days=0, keep_runs=0), home, workplace.store))


def models(workplace: Workplace) -> set[str]:
    return {entry.key.split("/")[1] for entry in workplace.store.list("models")}


@pytest.fixture
def digests(workplace: Workplace) -> dict[str, str]:
    """Digests of four models that were promoted one after the other, and that no other name in the registry has.

    Each is surely better than the one before, and so the anchor.
    """
    for weights in "1234":
        workplace.promote(f"{workplace.name} {weights}", {"to_anchor/difference": 0.05} if weights > "1" else None)
    return {weights: digest_folder(workplace.student(f"{workplace.name} {weights}")) for weights in "1234"}


def test_production_and_the_way_back_work_after_a_sweep(workplace: Workplace, digests: dict[str, str]) -> None:
    swept(workplace)

    assert models(workplace) == {digests[weights] for weights in "234"}  # the previous one was compared with 2
    assert {entry.key.split("/")[1] for entry in workplace.store.list("rows")} == models(workplace)
    assert workplace.store.get("keys/rows")
    assert workplace.weights("champion") == f"{workplace.name} 4"
    rollback(workplace.name)
    assert workplace.weights("champion") == f"{workplace.name} 3"


def test_a_version_that_a_persons_own_alias_points_to_stays(workplace: Workplace, digests: dict[str, str]) -> None:
    connect(workplace.folder / "home").set_registered_model_alias(workplace.name, "audited", "1")

    swept(workplace)

    assert models(workplace) == set(digests.values())
    assert (workplace.folder / "home" / f"run-{workplace.name} 1" / "verdict.json").is_file()
