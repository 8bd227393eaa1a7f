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
def digests(promoted: Workplace) -> dict[str, str]:
    return {weights: digest_folder(promoted.student(weights)) for weights in "abcd"}


def test_production_and_the_way_back_work_after_a_sweep(promoted: Workplace, digests: dict[str, str]) -> None:
    for weights in "cd":
        promoted.promote(weights)

    swept(promoted)

    assert models(promoted) == {digests[weights] for weights in "bcd"}  # b: the previous one was compared with it
    assert promoted.weights("champion") == "d"
    rollback(promoted.name)
    assert promoted.weights("champion") == "c"


def test_a_version_that_a_persons_own_alias_points_to_stays(promoted: Workplace, digests: dict[str, str]) -> None:
    for weights in "cd":
        promoted.promote(weights)
    connect(promoted.folder / "home").set_registered_model_alias(promoted.name, "audited", "1")

    swept(promoted)

    assert models(promoted) == set(digests.values())
    assert (promoted.folder / "home" / "run-a" / "verdict.json").is_file()
