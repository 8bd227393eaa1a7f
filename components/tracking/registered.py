"""What the model registry knows of a version that promote put there."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from stillhouse.components.config.home import home_folder
from stillhouse.components.tracking.connection import RUN_TAG, connect, refused
from stillhouse.components.tracking.registry import DATASET_TAG, DIGEST_TAG, patiently

if TYPE_CHECKING:
    from mlflow import MlflowClient


class Registered(NamedTuple):
    """A version of a model."""

    digest: str
    """sha256 of the model folder's content."""
    run: str
    """Pipeline run that made it."""
    dataset: str
    """Digest of its dataset."""
    time: str
    """When it was registered. UTC, ISO 8601."""


def registered_version(name: str, version: str) -> Registered | None:
    """A version by its number; None where there is none that promote put there.

    Raises:
        UserError: MLflow does not answer.
    """
    return patiently(lambda: _registered(connect(home_folder()), name, version))


def _registered(client: "MlflowClient", name: str, version: str) -> Registered | None:
    from mlflow.exceptions import MlflowException

    try:
        found = client.get_model_version(name, version)
    except MlflowException as error:
        if not refused(error):
            raise
        return None
    if DIGEST_TAG not in found.tags:
        return None
    made = datetime.fromtimestamp(found.creation_timestamp / 1000, UTC).isoformat(timespec="seconds")
    return Registered(found.tags[DIGEST_TAG], found.tags.get(RUN_TAG, ""), found.tags.get(DATASET_TAG, ""), made)
