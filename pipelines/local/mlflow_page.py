"""MLflow's pages: where the newest run is, and a server for a database on this machine."""

import importlib.util
import socket
import subprocess
import sys
import time
import webbrowser
from pathlib import Path

import typer

from stillhouse.components.tracking.connection import STEP_TAG, all_pages, connect
from stillhouse.components.tracking.settings import PIPELINE, WORKFLOW, tracking_uri
from stillhouse.errors import UserError
from stillhouse.redaction import redact

HOST = "127.0.0.1"
SERVERS = ("http://", "https://")


def open_page(home: Path, port: int, browser: bool) -> int:
    """Show the page of the newest run; of a database until its server, which is started here, has ended.

    Returns:
        The exit code.

    Raises:
        UserError: there is nothing recorded, the port is taken, or MLflow cannot be asked.
    """
    uri = tracking_uri(home)
    if uri.startswith(SERVERS):
        _show(newest_page(home, uri.rstrip("/")), browser)
        return 0
    if uri.startswith("sqlite:") and not Path(uri.removeprefix("sqlite:///")).is_file():
        raise UserError(f"Nothing is recorded in '{home}' yet; run a recipe first, or name another folder with --home.")
    if importlib.util.find_spec("flask") is None:
        raise UserError("This installation has MLflow's client only; `pip install mlflow` brings its pages.")
    with socket.socket() as probe:
        if probe.connect_ex((HOST, port)) == 0:
            raise UserError(f"--port {port}: something listens there already; give another port.")
    page = newest_page(home, f"http://{HOST}:{port}")
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri, "--host", HOST, "--port", str(port)]
    server = subprocess.Popen(command)
    try:
        if _answers(server, port):
            _show(page, browser)
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        server.terminate()
        server.wait()


def newest_page(home: Path, base: str) -> str:
    """The address of the newest run's page below that of the server; of the start page where there is no run.

    Raises:
        UserError: MLflow does not answer.
    """
    try:
        client = connect(home)
        experiments = [experiment.experiment_id for experiment in all_pages(client.search_experiments)]
        query, order = f"tags.`{STEP_TAG}` = '{PIPELINE}'", ["attributes.start_time DESC"]
        found = client.search_runs(experiments, query, max_results=1, order_by=order) if experiments else []
    except UserError:
        raise
    except Exception as error:  # whatever way it fails
        uri, said = tracking_uri(home), str(error).splitlines()[0]
        upgrade = f", or run `mlflow db upgrade {uri}` if an older MLflow made it" if uri.startswith("sqlite:") else ""
        raise UserError(redact(f"MLflow at {uri} does not answer ({said}); try again{upgrade}.")) from None
    if not found:
        return base
    return f"{base}/#/experiments/{found[0].info.experiment_id}/runs/{found[0].info.run_id}?{WORKFLOW}"


def _answers(server: subprocess.Popen[bytes], port: int) -> bool:
    """Wait for the server, which takes its time to start; false when it ends before."""
    while server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return True
        time.sleep(0.2)
    return False


def _show(page: str, browser: bool) -> None:
    typer.echo(redact(page))
    if browser:
        webbrowser.open(page)
