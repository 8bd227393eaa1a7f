"""Secrets that a step lets slip stand nowhere afterwards: not in the home folder, in MLflow, or on the screen."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.faults

SECRETS = ("planted-words", "AKIA" + "IOSFODNN7EXAMPLE", "word-of-mine")
RUN = """
import sys
from pathlib import Path
from stillhouse.pipelines.cli.app import Group
from stillhouse.pipelines.local.run import Job, run_pipeline
import typer
app = typer.Typer(cls=Group, pretty_exceptions_enable=False)
@app.callback()
def callback(): pass
@app.command()
def run(home: Path, end: str, verbose: bool = False):
    job = Job("leaky", {"end": end}, ("leak",), pipeline="leaky:leaky", cache=False)
    run_pipeline(job, home, verbose, lambda folder: typer.echo("done"))
app()
"""


@pytest.mark.parametrize(("end", "code"), [("", 0), ("mistake", 2), ("crash", 1)])
def test_a_step_that_lets_secrets_slip_leaves_none_behind(end: str, code: int, tmp_path: Path) -> None:
    home = tmp_path / "home"
    environment = {"PLANTED_TOKEN": SECRETS[0], "PYTHONPATH": str(Path(__file__).parent), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-P", "-c", RUN, "run", str(home), end, "--verbose"]
    ended = subprocess.run(command, capture_output=True, env=os.environ | environment, timeout=300)
    assert ended.returncode == code
    (log,) = home.glob("leaky-*/pipeline.log")
    assert b"logged [redacted] and [redacted] and https://[redacted]@host/a" in log.read_bytes()
    # A busy machine may not have made MLflow's database yet when the run ended.
    sender = [sys.executable, "-P", "-m", "stillhouse.components.tracking.sender", "--home", str(home), "--until-idle"]
    subprocess.run([*sender, "--run", log.parent.name], check=True, capture_output=True, timeout=300)
    assert b"leak" in (home / "mlflow.db").read_bytes()
    found = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    found |= {Path("stdout"): ended.stdout, Path("stderr"): ended.stderr}
    assert [(path, secret) for path, held in found.items() for secret in SECRETS if secret.encode() in held] == []
