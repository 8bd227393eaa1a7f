"""How a step is run: tracking records it, and what MLflow has not taken outlives its pod in the store."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from stillhouse.components.runtime.accelerators import require_accelerators
from stillhouse.components.runtime.gate import wait_at_gate, waits
from stillhouse.components.tracking import run as tracking
from stillhouse.components.tracking.settings import EXIT_STEP, PIPELINE
from stillhouse.errors import UserError

if TYPE_CHECKING:
    from stillhouse.components.storage.store import Store


class InputArtifact(Protocol):
    """An input artifact of KFP."""

    uri: str

    @property
    def path(self) -> str:
        """Where its launcher has put the bytes."""
        ...


@contextmanager
def step_run(step: str, gpu_count: str = "0") -> Iterator[tracking.StepRun]:
    """`tracking.run.step_run` with the store that STILLHOUSE_STORE names; without one the disk is what lasts.

    Args:
        gpu_count: The accelerators that the pod asked for.

    Raises:
        SystemExit: with code 2 and the sentence on stderr, when the step raised a UserError.
    """
    _enter()
    with tracking.step_run(step, _open_store if os.environ.get("STILLHOUSE_STORE") else None) as run:
        require_accelerators(gpu_count)
        yield run


@contextmanager
def pipeline_end() -> Iterator[tracking.StepRun | None]:
    """The run of the whole pipeline, open to be closed; None where the process that started the pipeline closes it.

    KFP's MLflow plugin closes its own parent run: then it is the run that the plugin has opened for the exit step.
    """
    if os.environ.get("STILLHOUSE_SENDER") == "external":
        yield None
        return
    with step_run(EXIT_STEP if os.environ.get("MLFLOW_RUN_ID") else PIPELINE) as run:
        yield run


def path_of(artifact: InputArtifact) -> str:
    """Where the bytes of an input are.

    Raises:
        UserError: KFP has taken over the result of an earlier run, and the store no longer holds it.
    """
    path = Path(artifact.path)
    if path.is_file() or (path.is_dir() and any(path.iterdir())):
        return artifact.path
    raise UserError(
        f"'{artifact.uri}' is recorded as the result of an earlier step and holds nothing any more; start a new run "
        "with --no-cache, so that it is made again."
    )


def _enter() -> None:
    """Wait until this process may work, and until then get ready what it needs first: a client of S3 takes half a
    second."""
    if waits() and os.environ.get("STILLHOUSE_STORE", "").startswith("s3://"):
        from stillhouse.components.storage.s3.client import make_client

        with suppress(UserError):  # which comes again where it can be recorded
            make_client()
    wait_at_gate()


def _open_store() -> "Store":
    from stillhouse.components.storage.home import local_store

    return local_store()
