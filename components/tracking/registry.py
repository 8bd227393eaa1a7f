"""The model registry: register a version, move its aliases, find its files.

Knows no torch: what is registered is a folder of files, and promote runs where torch is not installed.
"""

import json
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential_jitter

from stillhouse.components.config.home import home_folder
from stillhouse.components.models.tfidf_linear import LOAD as TFIDF
from stillhouse.components.safety.model_folders import read_object
from stillhouse.components.tracking import settings
from stillhouse.components.tracking.connection import (
    RUN_TAG,
    STEP_TAG,
    all_pages,
    connect,
    find_or_create,
    known_run,
    refused,
)
from stillhouse.components.tracking.run import StepRun
from stillhouse.components.tracking.spool import read_sent
from stillhouse.components.tracking.whole import shortened
from stillhouse.components.tracking.whole_delivery import whole_run
from stillhouse.errors import UserError
from stillhouse.redaction import redact
from stillhouse.spelling import did_you_mean

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Run
    from mlflow.models import ModelSignature

DIGEST_TAG = "stillhouse.digest"
DATASET_TAG = "stillhouse.dataset"
CODE = Path(__file__).with_name("pyfunc_model.py")
KEPT_CODE = {
    "values": Path(__file__).parents[1] / "formats" / "values.py",
    "cleaning": Path(__file__).parents[1] / "modalities" / "text" / "clean.py",
}
"""Files that CODE imports from beside the model, so that it reads what is asked as training read its data."""
LINEAR_CODE = {"linear": Path(__file__).parents[1] / "models" / "tfidf_linear.py"}
"""The same for TF-IDF with a linear model, which it alone can load."""
NETWORK_CODE = {"stillhouse_lstm": {"network": Path(__file__).parents[1] / "models" / "lstm.py"}}
"""The same for networks that transformers does not have, by the model_type in config.json."""
TASK_CODE = Path(__file__).parents[1] / "predict" / "pyfunc_task.py"
"""What loads a model of any other kind of problem: it asks Stillhouse itself."""
ServedBy = Literal["text", "task"]
T = TypeVar("T")

REQUIREMENTS = {
    "transformers": ("torch", "transformers", "safetensors", "pandas", "pyarrow", "ftfy"),
    TFIDF: ("numpy", "safetensors", "pandas", "pyarrow", "ftfy"),
}
"""By what model.json says under `load`."""


def log_model(
    run: StepRun,
    model_folder: str | Path,
    name: str,
    digest: str,
    *,
    served_by: ServedBy = "text",
    made_by: str = "",
    description: str = "",
) -> str:
    """Keep a model folder (with its model.json) in MLflow and register it as a version of `name`.

    A model of the same digest is registered once: a retried step gets the version it made before.

    Args:
        run: the step that asks.
        digest: of the folder's content.
        served_by: what answers for it: text classifiers by code of their own, which needs no Stillhouse; or its task.
        made_by: the pipeline run that the model belongs to, if it is not that of `run`: it shows the version.
        description: of the version, in Markdown.

    Returns:
        The version, a whole number as text.

    Raises:
        UserError: MLflow does not answer for a minute, or refuses.
    """
    home, folder, made_by = home_folder(), Path(model_folder), made_by or run.run_id
    description = shortened(redact(description))

    def act() -> str:
        client = connect(home)
        return _held_version(client, name, digest, None) or _register(
            client,
            name,
            _log_model(client, _owner(client, home, run, made_by), folder, digest, made_by, served_by),
            description,
        )

    return patiently(act)


def held_version(name: str, digest: str, expected: str | None) -> str | None:
    """The version of `name` that is the model `digest`: `expected` if it is that one, else any; None when none is.

    Raises:
        UserError: MLflow does not answer.
    """
    return patiently(lambda: _held_version(connect(home_folder()), name, digest, expected))


def set_aliases(name: str, champion: str, previous: str | None) -> None:
    """Point the alias `champion` at one version and `previous` at another (None takes it away).

    Raises:
        UserError: MLflow does not answer, or has no such version.
    """

    def act() -> None:
        client = connect(home_folder())
        client.set_registered_model_alias(name, "champion", champion)
        if previous is None:
            client.delete_registered_model_alias(name, "previous")
        else:
            client.set_registered_model_alias(name, "previous", previous)

    patiently(act)


def aliases(name: str) -> dict[str, str]:
    """Versions of the registered model `name` by alias; none when nothing is registered under it.

    Raises:
        UserError: MLflow does not answer.
    """
    from mlflow.exceptions import MlflowException

    def act() -> dict[str, str]:
        try:
            found = connect(home_folder()).get_registered_model(name).aliases
        except MlflowException as error:
            if not refused(error):
                raise
            return {}
        return {alias: str(version) for alias, version in found.items()}

    return patiently(act)


def resolve(uri: str) -> Path:
    """The local transformers folder behind models:/NAME@ALIAS or models:/NAME/VERSION.

    Files on this machine are used in place; others are downloaded once, to `downloads` under the home folder.

    Raises:
        UserError: the address is malformed, nothing is registered there, or MLflow does not answer.
    """
    name, mark, rest = uri.removeprefix("models:/").rpartition("@" if "@" in uri else "/")
    if not uri.startswith("models:/") or not (name and mark and rest):
        raise UserError(f"'{uri}' names no model; use models:/NAME@champion or models:/NAME/3.")
    home = home_folder()
    folder = patiently(lambda: _local_folder(connect(home), home, name, rest, by_alias=mark == "@"))
    if folder is None:
        names = patiently(lambda: {model.name for model in all_pages(connect(home).search_registered_models)})
        mend = "promote a model first, or name a version that exists."
        raise UserError(f"'{uri}' is not registered; {did_you_mean(name, names - {name}, mend)}")
    return folder


def _log_model(
    client: "MlflowClient", owner: "Run", folder: Path, digest: str, made_by: str, served_by: ServedBy
) -> "LoggedModel":
    """Keep the folder as a model that the run `owner` has put out."""
    from mlflow.entities import LoggedModelOutput

    info = json.loads((folder / "model.json").read_text())
    tags = {DIGEST_TAG: digest, RUN_TAG: made_by, DATASET_TAG: info["dataset_digest"]}
    model = client.create_logged_model(owner.info.experiment_id, "model", owner.info.run_id, tags)
    with tempfile.TemporaryDirectory() as temporary:
        _write_pyfunc(Path(temporary, "model"), folder, info, model, served_by)
        client.log_model_artifacts(model.model_id, str(Path(temporary, "model")))
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(owner.info.run_id, [LoggedModelOutput(model.model_id, step=0)])
    return model


def _held_version(client: "MlflowClient", name: str, digest: str, expected: str | None) -> str | None:
    found = client.search_model_versions(f"name = '{name}' and tags.`{DIGEST_TAG}` = '{digest}'")
    versions = [str(version.version) for version in found]
    return expected if expected in versions else next(iter(versions), None)


def _owner(client: "MlflowClient", home: Path, run: StepRun, made_by: str) -> "Run":
    """The MLflow run of the whole pipeline `made_by`; where there is none, that of the step that asks."""
    step = _mlflow_run(client, home, run)
    if made_by != run.run_id:
        query = f"tags.`{RUN_TAG}` = '{made_by}' and tags.`{STEP_TAG}` = '{settings.PIPELINE}'"
        if found := client.search_runs([step.info.experiment_id], query, max_results=1):
            return found[0]
    return whole_run(client, step, run.run_id)


def _mlflow_run(client: "MlflowClient", home: Path, run: StepRun) -> "Run":
    """The MLflow run of this step: injected, or opened by its sender, or opened here for it to find."""
    spool = settings.spool_folder(home, run.run_id) / f"{run.step}.jsonl"
    known = os.environ.get("MLFLOW_RUN_ID") or read_sent(spool).mlflow_run
    if known and (found := known_run(client, known)):
        return found
    return find_or_create(client, home, settings.experiment(), run.run_id, run.step, time.time_ns() // 1_000_000)


def _write_pyfunc(path: Path, folder: Path, info: dict[str, Any], model: "LoggedModel", served_by: ServedBy) -> None:
    """Write a models-from-code pyfunc around the folder; its code runs here once, without torch."""
    from mlflow import pyfunc
    from mlflow.models import Model

    described = Model(
        artifact_path=model.artifact_location,
        run_id=model.source_run_id,
        model_uuid=model.model_id,
        model_id=model.model_id,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*An input example", UserWarning)  # it would have to run the model
        pyfunc.save_model(
            path=str(path),
            mlflow_model=described,
            **(_text_model(folder, info) if served_by == "text" else _task_model(folder)),
        )


def _text_model(folder: Path, info: dict[str, Any]) -> dict[str, Any]:
    """Options of `save_model` for a text classifier."""
    kind = info.get("load", "transformers")
    network = read_object(folder / "config.json").get("model_type")
    own = LINEAR_CODE if kind == TFIDF else NETWORK_CODE.get(network or "", {})
    kept = {"model": folder.absolute(), **KEPT_CODE, **own}
    return {
        "python_model": str(CODE),
        "artifacts": {name: str(path) for name, path in kept.items()},
        "signature": _signature(info),
        "pip_requirements": _requirements(kind),
    }


def _task_model(folder: Path) -> dict[str, Any]:
    """The same for another kind of problem. Its columns are not typed: which it takes, its task says."""
    return {
        "python_model": str(TASK_CODE),
        "artifacts": {"model": str(folder.absolute())},
        "pip_requirements": [f"stillhouse[training]=={metadata.version('stillhouse')}"],
    }


def _signature(info: dict[str, Any]) -> "ModelSignature":
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import Array, TensorSpec

    text = Schema([ColSpec(DataType.string, "text")])
    if info["target"] == "number":
        return ModelSignature(text, Schema([ColSpec(DataType.double, "value")]))
    label = Array(DataType.string) if info["target"] == "multi_label" else DataType.string
    probabilities = [ColSpec(DataType.double, f"probability_{name}") for name in info["labels"]]
    answer: list[ColSpec | TensorSpec] = [
        ColSpec(label, "label"),
        ColSpec(DataType.double, "score"),
        *probabilities,
    ]
    return ModelSignature(text, Schema(answer))


def _requirements(kind: str) -> list[str]:
    """The versions we train with: as installed, or (where there is no torch) as Stillhouse pins them."""
    from packaging.requirements import Requirement

    stated = {wanted.name: wanted.specifier for wanted in map(Requirement, metadata.requires("stillhouse") or [])}
    pins = []
    for name in REQUIREMENTS[kind]:
        try:
            pins.append(f"{name}=={metadata.version(name).partition('+')[0]}")
        except metadata.PackageNotFoundError:
            pins.append(f"{name}{stated[name]}")
    return pins


def _register(client: "MlflowClient", name: str, model: "LoggedModel", description: str) -> str:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    # By its place, not as models:/ID: that one MLflow looks up at its global address, not at our client's.
    version = client.create_model_version(
        name,
        model.artifact_location,
        model.source_run_id,
        dict(model.tags),
        description=description,
        model_id=model.model_id,
    )
    return str(version.version)


def _local_folder(client: "MlflowClient", home: Path, name: str, rest: str, by_alias: bool) -> Path | None:
    import yaml
    from mlflow.exceptions import MlflowException

    try:
        found = client.get_model_version_by_alias(name, rest) if by_alias else client.get_model_version(name, rest)
        location = client.get_model_version_download_uri(name, found.version)
    except MlflowException as error:
        if not refused(error):
            raise
        return None
    root = _download(location, home, f"{name}-{found.version}-{found.creation_timestamp}")
    described = yaml.safe_load((root / "MLmodel").read_text())
    return root / described["flavors"]["python_function"]["artifacts"]["model"]["path"]


def _download(location: str, home: Path, key: str) -> Path:
    """The folder at `location`: itself if it lies on this machine, else a copy, whole or not at all."""
    from mlflow.artifacts import download_artifacts

    local = Path(location.removeprefix("file://"))
    if local.is_dir():
        return local
    target = home / "downloads" / key
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
            copy = download_artifacts(
                artifact_uri=location, dst_path=temporary, tracking_uri=settings.tracking_uri(home)
            )
            Path(copy).rename(target)
    return target


def patiently(action: Callable[[], T]) -> T:
    """Repeat while MLflow does not answer, within bounds.

    Raises:
        UserError: it refused, or did not answer in time.
    """
    retrying = Retrying(
        stop=stop_after_delay(settings.REGISTRY_SECONDS),
        wait=wait_exponential_jitter(multiplier=settings.BACKOFF_SECONDS, max=settings.BACKOFF_SECONDS_MAX),
        retry=retry_if_exception(_may_pass),
        reraise=True,
    )
    try:
        return retrying(action)
    except Exception as error:
        if _may_pass(error):
            raise UserError(
                f"MLflow failed for {settings.REGISTRY_SECONDS:.0f} s ({error}); run again when it works."
            ) from error
        if refused(error):
            raise UserError(f"MLflow refuses the model ({error}); fix that, and run again.") from error
        raise


def _may_pass(error: BaseException) -> bool:
    from mlflow.exceptions import MlflowException
    from requests import RequestException

    return isinstance(error, RequestException) or (isinstance(error, MlflowException) and not refused(error))
