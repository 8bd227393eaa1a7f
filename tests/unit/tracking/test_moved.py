"""MLflow's database in a home folder that was moved: files of before are found, new ones lie in the new place."""

import shutil
from pathlib import Path

import pytest

from stillhouse.components.tracking.connection import connect, experiment_id


@pytest.fixture
def moved(tmp_path: Path, database: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a run that kept a file, under another name than the one it was made with."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    old = tmp_path / "old"
    old.mkdir()
    shutil.copy(database, old / "mlflow.db")  # itself a database that was moved
    client = connect(old)
    run = client.create_run(experiment_id(client, old, "spam"), run_name="before")
    client.log_text(run.info.run_id, "kept", "note.txt")
    (old / "mlartifacts").rename(tmp_path / "kept")
    assert (tmp_path / "kept" / run.info.run_id / "artifacts" / "note.txt").is_file()
    (tmp_path / "kept").rename(old / "mlartifacts")
    return old.rename(tmp_path / "new")


def test_files_of_before_are_found_and_new_ones_lie_in_the_new_place(moved: Path, tmp_path: Path) -> None:
    client = connect(moved)
    experiment = client.get_experiment_by_name("spam")
    assert experiment
    (before,) = client.search_runs([experiment.experiment_id])

    assert client.list_artifacts(before.info.run_id)[0].path == "note.txt"
    assert Path(client.download_artifacts(before.info.run_id, "note.txt")).read_text() == "kept"

    after = client.create_run(experiment.experiment_id)
    client.log_text(after.info.run_id, "new", "note.txt")
    assert (moved / "mlartifacts" / after.info.run_id / "artifacts" / "note.txt").read_text() == "new"
    assert not (tmp_path / "old").exists()


def test_a_link_to_the_home_is_no_move(moved: Path, tmp_path: Path) -> None:
    client = connect(moved)
    (tmp_path / "link").symlink_to(moved)

    connect(tmp_path / "link")

    experiment = client.get_experiment_by_name("spam")
    assert experiment and experiment.artifact_location == str(moved / "mlartifacts")
