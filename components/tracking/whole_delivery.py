"""What steps say of the whole pipeline, on its way to the pipeline's run in MLflow.

Several spools speak of one run, and in any order: one may come from the store of a pod that was lost. So nothing here
goes by the order of arrival.
"""

import re
from typing import TYPE_CHECKING

from stillhouse.components.tracking.connection import PARENT_TAG, RUN_TAG, STEP_TAG
from stillhouse.components.tracking.entities import (
    MAX_PARAM_CHARACTERS,
    MAX_TAG_CHARACTERS,
    dataset_input,
    key,
    send_artifact,
)
from stillhouse.components.tracking.settings import PIPELINE, WORKFLOW
from stillhouse.components.tracking.spool import Event
from stillhouse.components.tracking.whole import ARTIFACT, VERSION

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

DESCRIPTION_TAG = "mlflow.note.content"
"""What MLflow's pages show as a run's description, in Markdown."""
TOLD_TAG = "stillhouse.told"
"""Weight and time of the verdict that the run shows."""
TRAINING = "training"
"""What the dataset was used for, in MLflow's words."""


def whole_run(client: "MlflowClient", run: "Run", run_id: str) -> "Run":
    """The run of the whole pipeline that a step's run belongs to: ours, or the topmost where somebody else made it."""
    while (run.data.tags.get(RUN_TAG), run.data.tags.get(STEP_TAG)) != (run_id, PIPELINE):
        parent = run.data.tags.get(PARENT_TAG)
        if not parent:
            break
        run = client.get_run(parent)
    return run


def tell(client: "MlflowClient", whole: "Run", event: Event) -> int:
    """Send an event to the pipeline's run, as far as that lacks it; the number of points sent."""
    from mlflow.entities import Metric, Param, RunTag

    mlflow_run, known = whole.info.run_id, whole.data
    values = {key(name): value for name, value in event.get("values", {}).items()}
    match event["what"]:
        case "metric":
            new = {name: value for name, value in values.items() if known.metrics.get(name) != value}
            points = [Metric(name, value, event["time"], 0) for name, value in new.items()]
            client.log_batch(mlflow_run, metrics=points)
            return len(points)
        case "param":
            values = {name: value[:MAX_PARAM_CHARACTERS] for name, value in values.items()}
            params = [Param(name, value) for name, value in values.items() if name not in known.params]
            # Parameters cannot change; what a later attempt was asked for instead is a tag.
            other = [RunTag(n, v) for n, v in values.items() if known.params.get(n, v) != v]
            client.log_batch(mlflow_run, params=params, tags=other)
        case "tag":
            _tag(client, mlflow_run, values)
        case "artifact":
            send_artifact(client, mlflow_run, event)
        case "dataset":
            client.log_inputs(mlflow_run, [dataset_input(event, TRAINING)])
        case "verdict":
            _tell_verdict(client, whole, event)
    return 0


def _tell_verdict(client: "MlflowClient", whole: "Run", event: Event) -> None:
    """Of two verdicts the later stands, and before both of them what a failure leaves."""
    weight = f"{event['final']:d} {event['time']:015d}"
    if weight >= whole.data.tags.get(TOLD_TAG, ""):
        description = _with_links(event["description"], whole)
        _tag(client, whole.info.run_id, event["values"] | {DESCRIPTION_TAG: description, TOLD_TAG: weight})


def _tag(client: "MlflowClient", mlflow_run: str, values: dict[str, str]) -> None:
    from mlflow.entities import RunTag

    client.log_batch(mlflow_run, tags=[RunTag(name, value[:MAX_TAG_CHARACTERS]) for name, value in values.items()])


def _with_links(description: str, whole: "Run") -> str:
    """The description with the addresses of MLflow's pages, relative to whatever address its server has."""
    page = f"#/experiments/{whole.info.experiment_id}/runs/{whole.info.run_id}/artifacts/"
    return _link(_link(description, ARTIFACT, page), VERSION, "#/models/")


def _link(description: str, start: str, page: str) -> str:

    def target(found: "re.Match[str]") -> str:
        path = found[1].replace("/", "/versions/") if start == VERSION else found[1]
        return f"]({page}{path}?{WORKFLOW})"

    return re.sub(rf"\]\({start}([^)\s]*)\)", target, description)
