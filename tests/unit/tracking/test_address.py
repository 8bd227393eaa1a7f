"""Which addresses of MLflow are refused before a run begins."""

from pathlib import Path

import pytest

from stillhouse.components.tracking.address import refuse_unusable_address
from stillhouse.components.tracking.run import step_run
from stillhouse.errors import UserError
from stillhouse.pipelines.local.run import Job, run_pipeline

FOLDER = "a folder, and MLflow no longer records to folders; give http://SERVER or sqlite:///FILE, or unset it"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)


@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        ("./mlruns", FOLDER),
        ("mlruns", FOLDER),
        ("/var/mlruns", FOLDER),
        ("file:mlruns", FOLDER),
        ("file:///var/mlruns", FOLDER),
        ("localhost:5000", "which MLflow takes for a folder; write http://localhost:5000."),
        ("mlflow.example:443/path", "write http://mlflow.example:443/path."),
        ("sqlite:mlflow.db", "which lacks its slashes; write sqlite:///FILE"),
        ("sqlite://", "a database in memory"),
        ("sqlite:///:memory:", "a database in memory"),
        ("sqlite:////no/such/folder/mlflow.db", "there is no folder '/no/such/folder'; make it"),
        ("postgres://host/mlflow", "write postgresql://."),
        ("s3://bucket/mlflow", "MLflow knows no address that begins with 's3://'; give http://SERVER"),
        ("htp://mlflow.example", "MLflow knows no address that begins with 'htp://'"),
    ],
)
def test_what_mlflow_does_not_open_is_one_sentence(uri: str, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(UserError) as caught:
        refuse_unusable_address()
    assert str(caught.value).startswith(f"MLFLOW_TRACKING_URI is '{uri}', ")
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "http://mlflow.example:5000",
        "HTTPS://mlflow.example",
        "sqlite:///mlflow.db",
        "postgresql+psycopg://user@host/mlflow",
        "mysql+pymysql://host/mlflow",
        "databricks",
        "databricks://profile",
    ],
)
def test_what_it_opens_passes(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    refuse_unusable_address()


def test_who_has_told_mlflow_to_take_folders_may_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "./mlruns")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    refuse_unusable_address()


def test_a_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgres://team:secret-word@host/mlflow")
    with pytest.raises(UserError) as caught:
        refuse_unusable_address()
    assert "secret-word" not in str(caught.value)


def test_a_step_ends_there_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "./mlruns")
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "home"))
    with pytest.raises(SystemExit) as ended, step_run("finetune"):
        pass
    assert (ended.value.code, FOLDER in capsys.readouterr().err, list(tmp_path.iterdir())) == (2, True, [])


def test_a_run_ends_there_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "./mlruns")
    with pytest.raises(UserError, match="no longer records to folders"):
        run_pipeline(Job("spam", {}, ("inspect",)), tmp_path / "home", False, lambda _: None)
    assert list(tmp_path.iterdir()) == []
