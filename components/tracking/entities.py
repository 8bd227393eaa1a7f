"""Events of a spool as MLflow's entities."""

import json
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

from stillhouse.components.tracking.spool import Event

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput

logger = logging.getLogger(__name__)

MAX_PARAM_CHARACTERS = 6000
MAX_TAG_CHARACTERS = 8000
MAX_DIGEST_CHARACTERS = 36
MAX_KEY_CHARACTERS = 250
"""Limits of MLflow's database."""


def key(name: str) -> str:
    """The name with what MLflow does not take in names replaced."""
    return re.sub(r"[^/\w.\- :]", "_", name)[:MAX_KEY_CHARACTERS]


def dataset_input(event: Event, context: str) -> "DatasetInput":
    """The dataset of an event; `context` says what it was used for."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    scheme = event["source"].partition("://")[0] if "://" in event["source"] else "local"
    dataset = Dataset(
        name=event["name"],
        digest=event["digest"][:MAX_DIGEST_CHARACTERS],
        source_type={"hf": "hugging_face"}.get(scheme, scheme),
        source=json.dumps({"uri": event["source"]}),
        profile=json.dumps({"digest": event["digest"], "rows": event["rows"]}),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", context)])


def send_artifact(client: "MlflowClient", mlflow_run: str, event: Event) -> None:
    """Copy the file or folder of an event to a run; one that is gone costs a warning."""
    path, folder = Path(event["path"]), event["folder"] or None
    if not path.exists():
        logger.warning("%s is gone and cannot be kept as an artifact.", path)
    elif path.is_dir():
        client.log_artifacts(mlflow_run, str(path), folder)
    else:
        client.log_artifact(mlflow_run, str(path), folder)
