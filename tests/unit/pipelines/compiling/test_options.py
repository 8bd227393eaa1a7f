import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from stillhouse.errors import UserError
from stillhouse.pipelines.compiling.options import (
    ClusterOptions,
    check_options,
    seconds,
    take_addresses_from,
    with_cluster_options,
)


@pytest.mark.parametrize(("text", "expected"), [("45s", 45), ("90m", 5400), ("12h", 43200), ("2d", 172800)])
def test_a_duration_is_read(text: str, expected: int) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"step_limit": "0h"}, "such as 90m"),
        ({"run_limit": "forever"}, "such as 90m"),
        ({"run_limit": "99999d"}, "such as 90m"),
        ({"store": "/folder"}, "'store' is '/folder'"),
        ({"retries": -1}, "'retries' is -1"),
        ({"queue": "Gold!"}, "'queue' is 'Gold!'"),
        ({"env": ("A",)}, "each must be NAME=VALUE"),
        ({"s3_secret": "s3:accesskey"}, "NAME:KEY=VARIABLE"),
        ({"hardware": "tpu"}, "there is no preset 'tpu'"),
        ({"nodes": 65, "store": "s3://bucket"}, "'nodes' is 65"),
        ({"nodes": 2}, "give --store s3://bucket/prefix too"),
    ],
)
def test_a_wrong_option_is_refused(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        check_options(given)


@pytest.mark.parametrize(
    ("given", "flag"),
    [
        ({"mlflow_uri": "https://me:hunter22@mlflow.example"}, "--mlflow-uri"),
        ({"env": ("HF_TOKEN=hf_" + "a1B2" * 9,)}, "--env"),
    ],
)
def test_a_secret_is_refused_and_not_shown(given: dict[str, Any], flag: str) -> None:
    with pytest.raises(UserError, match=flag) as raised:
        check_options(given)
    assert "hunter22" not in str(raised.value)
    assert "a1B2a1B2" not in str(raised.value)


def test_a_secret_brings_the_usual_variables() -> None:
    (secret,) = ClusterOptions(s3_secret="s3").secrets()
    assert (secret.name, sorted(secret.keys.values())) == ("s3", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])


def test_keys_of_a_secret_may_have_other_names() -> None:
    (secret,) = ClusterOptions(s3_secret="kfp:accesskey=AWS_ACCESS_KEY_ID,secretkey=AWS_SECRET_ACCESS_KEY").secrets()
    assert secret.keys == {"accesskey": "AWS_ACCESS_KEY_ID", "secretkey": "AWS_SECRET_ACCESS_KEY"}


def test_images_come_from_the_repository() -> None:
    options = ClusterOptions(image_repository="reg.example/team")
    assert options.image_of("stillhouse/python-light:1") == "reg.example/team/python-light:1"


def test_a_named_image_comes_before_the_repository() -> None:
    digest = "reg.example/x@sha256:" + "0" * 64
    assert ClusterOptions(image_repository="a/b", light_image=digest).image_of("stillhouse/python-light:1") == digest


Run = Callable[..., Result]


@pytest.fixture
def received() -> list[tuple[str, ClusterOptions]]:
    """What the command was called with."""
    return []


@pytest.fixture
def run(received: list[tuple[str, ClusterOptions]]) -> Run:
    """Runs a command that has the options of a cluster."""
    app = typer.Typer()

    @app.command()
    @with_cluster_options
    def command(name: str, *, cluster: ClusterOptions) -> None:
        received.append((name, cluster))

    return lambda *arguments, **variables: CliRunner().invoke(app, arguments, env=variables)


def test_a_command_gets_an_option_for_each_field(run: Run, received: list[tuple[str, ClusterOptions]]) -> None:
    ended = run("x", "--hardware", "gpu", "--retries", "5", "--env", "A=1", "--env", "B=2")
    assert ended.exit_code == 0, ended.output
    assert received == [("x", ClusterOptions(hardware="gpu", retries=5, env=("A=1", "B=2")))]


def test_a_file_says_the_options_for_all_commands_and_the_command_line_wins(
    run: Run, received: list[tuple[str, ClusterOptions]], tmp_path: Path
) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text("hardware: gpu\nstep-limit: 2h\nenv: [A=1]\n")
    ended = run("x", "--step-limit", "3h", STILLHOUSE_OPTIONS=str(path))
    assert ended.exit_code == 0, ended.output
    assert received == [("x", ClusterOptions(hardware="gpu", step_limit="3h", env=("A=1",)))]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("qeue: gold", "unknown key 'qeue'"),
        ("- gpu", "no YAML mapping in it"),
        ("retries: many", "'retries' is 'many'"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_name(run: Run, tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(text)
    mistake = run("x", "--options", str(path)).exception
    assert isinstance(mistake, UserError)
    assert str(mistake).startswith(f"--options {path}: ")
    assert sentence in str(mistake)


def test_a_command_that_follows_a_run_takes_its_addresses_from_the_options_but_its_own_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLHOUSE_STORE", "s3://mine")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    path = tmp_path / "cluster.yaml"
    path.write_text("store: s3://theirs\nmlflow-uri: http://mlflow.example\n")
    take_addresses_from(path)
    assert os.environ["STILLHOUSE_STORE"] == "s3://mine"
    assert os.environ["MLFLOW_TRACKING_URI"] == "http://mlflow.example"


def test_without_options_no_address_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STILLHOUSE_STORE", raising=False)
    take_addresses_from(None)
    assert "STILLHOUSE_STORE" not in os.environ
