"""What the pods run: commands and variables that the programs know, and the wait for the schema."""

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from mlflow import environment_variables
from mlflow.cli import cli as mlflow
from mlflow.db import commands as database
from mlflow.server.security_utils import is_allowed_host_header
from mlflow.store.db.utils import _get_latest_schema_revision
from tests.unit.manifests.overlays import MANIFESTS, Objects, containers, pods

from stillhouse import __version__
from stillhouse.components.kubernetes.images import LIGHT, TRAINING
from stillhouse.pipelines.cli.app import app
from stillhouse.pipelines.cli.sweep import app as sweep

NOT_MLFLOWS = {"AWS_DEFAULT_REGION"}


@pytest.fixture
def commands(objects: Objects) -> dict[str, dict[str, Any]]:
    """Containers by kind and name of their object and their own name."""
    return {f"{name}/{c['name']}": c for name, _, pod in pods(objects) for c in containers(pod)}


@pytest.fixture
def data(objects: Objects) -> dict[str, dict[str, str]]:
    """The variables of the server and of runs, by the ConfigMaps that hold them."""
    maps = {item["metadata"]["name"]: item["data"] for item in objects if item["kind"] == "ConfigMap"}
    return {
        "mlflow": next(data for data in maps.values() if "MLFLOW_ARTIFACTS_DESTINATION" in data),
        "stillhouse": maps["stillhouse"],
    }


def test_the_sweep_takes_the_arguments_of_its_cron_job(commands: dict[str, dict[str, Any]]) -> None:
    container = commands["CronJob/stillhouse-sweep/sweep"]
    assert container["command"] == ["stillhouse", "sweep"]
    assert "sweep" in typer.main.get_group(app).commands
    taken = typer.main.get_command(sweep).make_context("sweep", list(container["args"])).params
    assert (taken["every"], taken["keep_days"], taken["keep_runs"], taken["dry_run"]) == (True, 30, 10, False)


def test_mlflow_takes_the_arguments_of_its_server_and_of_its_job(commands: dict[str, dict[str, Any]]) -> None:
    _, *server = commands["Deployment/mlflow/server"]["command"]
    command = mlflow.commands[server[0]]
    taken = command.make_context("server", server[1:]).params
    assert (taken["host"], taken["port"], taken["app_name"]) == ("0.0.0.0", 5000, "basic-auth")
    _, group, upgrade, url = commands["Job/mlflow-migrate/tracking"]["command"]
    assert mlflow.commands[group] is database
    assert database.commands[upgrade].make_context(upgrade, [url]).params == {"url": url}


def test_mlflow_reads_the_variables_that_are_set(
    commands: dict[str, dict[str, Any]], data: dict[str, dict[str, str]]
) -> None:
    own = {variable["name"] for variable in commands["Deployment/mlflow/server"]["env"]}
    options = {parameter.envvar for parameter in mlflow.commands["server"].params}
    known = {name for name in own | set(data["mlflow"]) if name in options or hasattr(environment_variables, name)}
    assert (own | set(data["mlflow"])) - known <= NOT_MLFLOWS


def test_runs_find_mlflow_under_a_name_that_it_answers_to(data: dict[str, dict[str, str]]) -> None:
    host = data["stillhouse"]["MLFLOW_TRACKING_URI"].removeprefix("http://")
    assert host in data["mlflow"]["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")


@pytest.mark.parametrize(
    ("host", "answered"),
    [
        ("mlflow.stillhouse-mlflow", True),
        ("localhost:5000", True),  # kubectl port-forward
        ("127.0.0.1:5000", True),
        ("attacker.example", False),
        ("localhost.attacker.example:5000", False),
    ],
)
def test_the_server_answers_to_its_names_and_to_a_forwarded_port(
    data: dict[str, dict[str, str]], host: str, answered: bool
) -> None:
    assert is_allowed_host_header(data["mlflow"]["MLFLOW_SERVER_ALLOWED_HOSTS"].split(","), host) is answered


def test_images_are_those_that_are_built(objects: Objects) -> None:
    used = {container["image"] for _, _, pod in pods(objects) for container in containers(pod)}
    ours = {image for image in used if image.startswith("stillhouse/")}
    assert ours <= {LIGHT, TRAINING, f"stillhouse/mlflow:{__version__}"}
    assert {image.rpartition(":")[2] for image in (LIGHT, TRAINING)} == {__version__}


def test_a_server_waits_until_the_database_has_its_schema(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    environment = {"MLFLOW_BACKEND_STORE_URI": f"sqlite:///{database}"}
    command = [sys.executable, MANIFESTS / "mlflow" / "schema.py"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as waiting:
        assert waiting.stdout is not None
        assert "out-of-date database schema" in waiting.stdout.readline()
        assert waiting.poll() is None
        with sqlite3.connect(database) as connection:
            connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
            connection.execute("INSERT INTO alembic_version VALUES (?)", [_get_latest_schema_revision()])
        assert waiting.wait(timeout=60) == 0
