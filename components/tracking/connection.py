"""The door to MLflow; imports it late, for that takes seconds."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_after_delay, wait_random

from stillhouse.components.safety.addresses import refuse_metadata
from stillhouse.components.tracking import settings
from stillhouse.components.tracking.address import refuse_unusable_address
from stillhouse.components.tracking.moved import follow_move
from stillhouse.components.tracking.spool import read_sent

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.store.entities import PagedList

Found = TypeVar("Found")

RUN_TAG = "stillhouse.run"
STEP_TAG = "stillhouse.step"
PARENT_TAG = "mlflow.parentRunId"
KIND_TAG = "mlflow.experimentKind"
"""Of an experiment: which of MLflow's pages are for it."""
MODEL_TRAINING = "custom_model_development"

ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",  # we repeat ourselves, with jitter and within bounds
    "MLFLOW_HTTP_REQUEST_TIMEOUT": str(settings.REQUEST_SECONDS),
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
"""What MLflow reads from the environment, where nobody has said otherwise."""


def connect(home: Path) -> "MlflowClient":
    """A client of the server that MLFLOW_TRACKING_URI names, or of the database under `home`.

    Raises:
        UserError: the server's address is none that MLflow opens, or a link-local or metadata address.
    """
    refuse_unusable_address()
    os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    uri = settings.tracking_uri(home)
    refuse_metadata(uri, "an MLflow server")
    if uri == f"sqlite:///{home.absolute() / 'mlflow.db'}":
        _create_database(home.absolute())
        follow_move(home.absolute())
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def all_pages(search: Callable[..., "PagedList[Found]"], *arguments: Any) -> "Iterator[Found]":
    """All that a search of the client finds, page after page."""
    page = search(*arguments)
    yield from page
    while page.token:
        page = search(*arguments, page_token=page.token)
        yield from page


def answers(home: Path) -> bool:
    """Whether the server answers a small question."""
    try:
        connect(home).search_experiments(max_results=1)
    except Exception:
        return False
    return True


def patient(client: "MlflowClient") -> "MlflowClient":
    """The client, with each request repeated a few times when the server fails to answer it well.

    Requests that make something are not: the server may have made it although its answer was lost.
    """
    return cast("MlflowClient", _Patient(client))


class _Patient:
    def __init__(self, client: "MlflowClient") -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        return method if name.startswith("create_") else lambda *args, **named: _repeating()(method, *args, **named)


def _repeating() -> Retrying:
    return Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, Exception) and not refused(error)),
        wait=wait_random(*settings.REPEAT_WAIT_SECONDS),
        # A server that is slow, not broken, is not asked again at once.
        stop=stop_after_attempt(settings.REPEATS) | stop_after_delay(settings.REPEAT_SECONDS),
        reraise=True,
    )


def refused(error: Exception) -> bool:
    """Whether the server has understood the request and will refuse it however often it comes.

    What stands before a server that is down (an ingress, a proxy) says 404 as well, but not in MLflow's words.
    """
    from mlflow.exceptions import MlflowException

    foreign = "API request to endpoint" in str(error)  # mlflow.utils.rest_utils: the body was not MLflow's JSON
    return isinstance(error, MlflowException) and error.get_http_status_code() in (400, 404) and not foreign


def experiment_id(client: "MlflowClient", home: Path, name: str) -> str:
    """Id of the experiment `name`, made on first use, of model training; with SQLite its artifacts lie under `home`."""
    from mlflow.exceptions import MlflowException

    experiment = client.get_experiment_by_name(name)
    if experiment is not None:
        if not experiment.tags.get(KIND_TAG):  # of an earlier release
            client.set_experiment_tag(experiment.experiment_id, KIND_TAG, MODEL_TRAINING)
        return experiment.experiment_id
    database = settings.tracking_uri(home).startswith("sqlite:")
    location = str(home.absolute() / "mlartifacts") if database else None
    try:
        return client.create_experiment(name, artifact_location=location, tags={KIND_TAG: MODEL_TRAINING})
    except MlflowException as error:
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            raise error
        return experiment.experiment_id


def find_or_create(
    client: "MlflowClient", home: Path, experiment: str, run_id: str, step: str, start_time: int
) -> "Run":
    """The MLflow run of a step (or of the pipeline itself, the parent of all steps), made on first use.

    Steps and senders may ask at the same time; a lock beside the spool keeps them from making two.

    Args:
        experiment: name of the experiment.
        run_id: id of the pipeline run.
        start_time: milliseconds since 1970, of a run that has to be made.
    """
    from filelock import FileLock

    folder = settings.spool_folder(home, run_id)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "mlflow.lock"):
        parent = None
        if step != settings.PIPELINE:
            # The parent may be an injected run, in whatever experiment that is.
            known = read_sent(folder / f"{settings.PIPELINE}.jsonl").mlflow_run
            parent = known_run(client, known) if known else None
        where = parent.info.experiment_id if parent else experiment_id(client, home, experiment)
        if parent is None and step != settings.PIPELINE:
            parent = _repeating()(_find_or_create, client, where, run_id, settings.PIPELINE, start_time, None)
        return _repeating()(_find_or_create, client, where, run_id, step, start_time, parent)


def known_run(client: "MlflowClient", mlflow_run: str) -> "Run | None":
    """The run of this id; None when this database does not hold it, because the run began with another one."""
    try:
        return client.get_run(mlflow_run)
    except Exception as error:
        if not refused(error):
            raise
        return None


def _find_or_create(
    client: "MlflowClient", experiment: str, run_id: str, step: str, start_time: int, parent: "Run | None"
) -> "Run":
    query = f"tags.`{RUN_TAG}` = '{run_id}' and tags.`{STEP_TAG}` = '{step}'"
    found = client.search_runs([experiment], filter_string=query, order_by=["attributes.start_time ASC"], max_results=1)
    if found:
        return found[0]
    tags = {RUN_TAG: run_id, STEP_TAG: step}
    if parent:
        tags[PARENT_TAG] = parent.info.run_id
    return client.create_run(experiment, start_time=start_time, tags=tags, run_name=step if parent else run_id)


def _create_database(home: Path) -> None:
    """Make the SQLite database under another name and move it into place.

    MLflow builds it in some fifty steps that take seconds; one that was killed in between never opens again.
    """
    from filelock import FileLock

    database, new = home / "mlflow.db", home / "mlflow.db.new"
    if database.exists():
        return
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / "mlflow.db.lock"):
        if database.exists():
            return
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        new.unlink(missing_ok=True)
        SqlAlchemyStore(f"sqlite:///{new}", str(home / "mlartifacts")).engine.dispose()
        new.replace(database)
