"""MLflow is another one than when the record was written: emptied, exchanged, or a version was removed from it."""

from pathlib import Path
from typing import Any

import pytest

from stillhouse.components.promote.rollback import rollback
from stillhouse.components.tracking.connection import connect
from stillhouse.components.tracking.registry import aliases

Workplace = Any
"""See conftest.py."""

WORSE = {"differences/champion/lower": -0.05}


@pytest.fixture(scope="session")
def other_database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Another MLflow than that of `database`."""
    return f"sqlite:///{tmp_path_factory.mktemp('other') / 'mlflow.db'}"


@pytest.fixture
def exchanged(promoted: Workplace, other_database: str, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """MLflow knows nothing of the model any more."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", other_database)
    return promoted


@pytest.mark.parametrize(("changes", "decision"), [(None, "promoted"), (WORSE, "rejected")])
def test_the_next_run_registers_champion_and_previous_in_an_empty_registry(
    exchanged: Workplace, changes: Any, decision: str
) -> None:
    assert aliases(exchanged.name) == {}

    verdict = exchanged.promote("c", changes)

    assert verdict["decision"] == decision
    expected = ("c", "b") if decision == "promoted" else ("b", "a")
    assert (exchanged.weights("champion"), exchanged.weights("previous")) == expected
    record = exchanged.record
    assert aliases(exchanged.name) == {"champion": record.champion.version, "previous": record.previous.version}


def test_a_version_of_the_same_number_that_is_another_model_is_not_taken_for_it(exchanged: Workplace) -> None:
    """Of two, the other registry's version 1 and 2 are models of somebody else."""
    client = connect(exchanged.folder / "home")
    client.create_registered_model(exchanged.name)
    for _ in range(2):
        client.create_model_version(exchanged.name, "file:///nowhere")

    exchanged.promote("c", WORSE)

    assert (exchanged.weights("champion"), exchanged.weights("previous")) == ("b", "a")
    assert (exchanged.record.champion.version, exchanged.record.previous.version) == ("3", "4")


def test_a_version_that_somebody_removed_is_registered_again(promoted: Workplace) -> None:
    connect(promoted.folder / "home").delete_model_version(promoted.name, "2")

    verdict = promoted.promote("c", WORSE)

    assert verdict["decision"] == "rejected"
    assert (promoted.record.champion.version, promoted.weights("champion")) == ("3", "b")
    assert promoted.weights("previous") == "a"


def test_a_rollback_before_an_exchanged_registry_stands_and_is_said(exchanged: Workplace) -> None:
    sentence = rollback(exchanged.name)

    assert "MLflow's registry does not follow yet (the champion was never registered there)" in sentence
    assert exchanged.record.champion.dataset_digest == "data-a"

    exchanged.promote("c", WORSE)

    assert (exchanged.weights("champion"), exchanged.weights("previous")) == ("a", "b")


def test_a_rollback_between_evaluate_and_promote_is_a_conflict(promoted: Workplace) -> None:
    rollback(promoted.name)

    verdict = promoted.promote("c", against="b")

    assert verdict["decision"] == "conflict"
    assert verdict["why"].startswith("The champion was rolled back in the meantime: the champion is now version 1 of ")
    assert (promoted.weights("champion"), promoted.weights("previous")) == ("a", "b")


def test_a_registry_of_an_unknown_make_undoes_no_promotion(
    promoted: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database whose tables are those of another version of MLflow."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(tmp_path / "future.db")) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.execute("INSERT INTO alembic_version VALUES ('of-the-future')")
        connection.execute("CREATE TABLE experiments (experiment_id INTEGER)")
        connection.commit()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'future.db'}")

    verdict = promoted.promote("c")

    assert verdict["decision"] == "promoted"
    assert verdict["notes"][0].startswith("MLflow's registry does not follow yet (")
    assert promoted.record.champion.dataset_digest == "data-c"
