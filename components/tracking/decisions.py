"""MLflow follows a decision that fell after the run had ended."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from stillhouse.components.tracking.connection import RUN_TAG, all_pages, connect, patient
from stillhouse.components.tracking.whole import shortened
from stillhouse.components.tracking.whole_delivery import tell, whole_run
from stillhouse.redaction import redact, redact_all

DECISION = "decision"
"""The tag by which runs are told that show a verdict."""


def tell_decision(
    home: Path, run_id: str, values: Mapping[str, str], description: str, files: Sequence[Path] = ()
) -> None:
    """Give the run of the whole pipeline, and the steps' that show a verdict, the tags `values`.

    Args:
        run_id: Of the pipeline run; one that MLflow does not know is left out.
        description: Markdown, as `WholeRun.verdict` takes it.
        files: Artifacts that replace those of the same name.

    Raises:
        Exception: MLflow does not answer.
    """
    client, tags = patient(connect(home)), redact_all(dict(values))
    experiments = [experiment.experiment_id for experiment in all_pages(client.search_experiments)]
    found = list(all_pages(client.search_runs, experiments, f"tags.`{RUN_TAG}` = '{run_id}'"))
    if not found:
        return
    for run in found:
        for name, value in tags.items() if DECISION in run.data.tags else ():
            client.set_tag(run.info.run_id, name, value)
    whole, moment = whole_run(client, found[0], run_id), time.time_ns() // 1_000_000
    told = {"what": "verdict", "values": tags, "description": shortened(redact(description)), "final": True}
    tell(client, whole, {"event": "whole", "time": moment, **told})
    for path in files:
        tell(client, whole, {"event": "whole", "time": moment, "what": "artifact", "path": str(path), "folder": ""})
