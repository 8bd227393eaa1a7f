"""MLflow runs that nobody will close any more: a cancel, a deadline or a lost cluster starts no exit step."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from stillhouse.components.tracking.connection import RUN_TAG, STEP_TAG, all_pages, connect, patient
from stillhouse.components.tracking.delivery import ERROR_TAG
from stillhouse.components.tracking.settings import PIPELINE, tracking_uri
from stillhouse.components.tracking.whole import STOPPED, ending
from stillhouse.components.tracking.whole_delivery import tell
from stillhouse.errors import UserError

if TYPE_CHECKING:
    from mlflow.entities import Run


def open_runs(home: Path, run_id: str = "") -> "dict[str, list[Run]]":
    """Runs in MLflow that count as running, by the pipeline run they belong to; of one pipeline run if it is named.

    Raises:
        UserError: MLflow does not answer.
    """
    query = "attributes.status = 'RUNNING'" + (f" and tags.`{RUN_TAG}` = '{run_id}'" if run_id else "")
    found: dict[str, list[Run]] = {}
    try:
        client = patient(connect(home))
        experiments = [experiment.experiment_id for experiment in all_pages(client.search_experiments)]
        for run in all_pages(client.search_runs, experiments, query):
            if RUN_TAG in run.data.tags:
                found.setdefault(run.data.tags[RUN_TAG], []).append(run)
    except UserError:
        raise
    except Exception as error:  # whatever way it fails
        raise UserError(f"MLflow at {tracking_uri(home)} does not answer ({error}); try again when it does.") from None
    return found


def close_runs(home: Path, runs: "list[Run]", why: str, *, succeeded: bool = False) -> None:
    """Let them count as killed, and say why in the tag that a failed step's sentence has.

    Args:
        succeeded: The pipeline ended well, without an exit step of ours: its own run counts as finished then.
    """
    client = patient(connect(home))
    for run in runs:
        if succeeded and run.data.tags.get(STEP_TAG) == PIPELINE:
            client.set_terminated(run.info.run_id, "FINISHED")
            continue
        client.set_tag(run.info.run_id, ERROR_TAG, why)
        if run.data.tags.get(STEP_TAG) == PIPELINE:
            tell(client, run, {"event": "whole", "time": time.time_ns() // 1_000_000, **ending(STOPPED, why)})
        client.set_terminated(run.info.run_id, "KILLED")
