"""What MLFLOW_TRACKING_URI may say, looked at before anything is begun: importing MLflow to ask it takes seconds."""

import os
from importlib.metadata import entry_points
from pathlib import Path

from stillhouse.errors import UserError
from stillhouse.redaction import redact

SERVERS = {"http", "https"}
DATABASES = {"postgresql", "mysql", "mssql", "sqlite"}
"""Of SQLAlchemy, which may be followed by a driver: postgresql+psycopg."""
DATABRICKS = {"databricks", "databricks-uc"}
PLUGINS = "mlflow.tracking_store"
"""Where packages announce schemes of their own."""
MEND = "give http://SERVER or sqlite:///FILE, or unset it: then runs are recorded in mlflow.db in the home folder"


def refuse_unusable_address() -> None:
    """Let MLFLOW_TRACKING_URI pass if it is unset, or of a kind that MLflow opens.

    MLflow 3.17 refuses its own folders of files, unless MLFLOW_ALLOW_FILE_STORE says otherwise.

    Raises:
        UserError: it is a folder, a scheme that nothing knows, or a database file where none can be.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    scheme, separator, rest = uri.partition("://")
    kind = scheme.partition("+")[0].lower() if separator else uri.partition(":")[0].lower()
    said = f"MLFLOW_TRACKING_URI is '{redact(uri)}'"
    if not uri or kind in DATABRICKS:
        return
    if not separator or kind == "file":
        _refuse_folder(uri, said, kind)
    elif kind == "sqlite":
        _refuse_missing_folder(rest, said)
    elif kind == "postgres":
        raise UserError(f"{said}, which SQLAlchemy no longer reads; write postgresql://.")
    elif kind not in SERVERS | DATABASES and kind not in {point.name for point in entry_points(group=PLUGINS)}:
        raise UserError(f"{said}, and MLflow knows no address that begins with '{scheme}://'; {MEND}.")


def _refuse_folder(uri: str, said: str, kind: str) -> None:
    host, colon, port = uri.partition(":")
    if colon and port.partition("/")[0].isdigit() and "/" not in host:
        raise UserError(f"{said}, which MLflow takes for a folder; write http://{redact(uri)}.")
    if kind in DATABASES and colon:
        raise UserError(f"{said}, which lacks its slashes; write {kind}:///FILE or {kind}://USER@HOST/DATABASE.")
    if os.environ.get("MLFLOW_ALLOW_FILE_STORE", "").lower() not in ("true", "1"):
        raise UserError(f"{said}, a folder, and MLflow no longer records to folders; {MEND}.")


def _refuse_missing_folder(rest: str, said: str) -> None:
    path = rest.partition("?")[0].removeprefix("/")
    if path in ("", ":memory:"):
        raise UserError(f"{said}, a database in memory, which goes with the process that writes it; {MEND}.")
    if not (folder := Path(path).absolute().parent).is_dir():
        raise UserError(f"{said}, but there is no folder '{folder}'; make it, or correct the address.")
