"""What MLflow has of a run while it goes on, read in the background: a server that is slow or away delays nobody."""

import os
import threading
from collections.abc import Mapping
from typing import Any

from stillhouse.components.config.home import home_folder
from stillhouse.components.tracking.connection import RUN_TAG, STEP_TAG, connect
from stillhouse.components.tracking.settings import PIPELINE, WHY_CHARACTERS, tracking_uri
from stillhouse.pipelines.terminal import headline
from stillhouse.redaction import redact

REQUEST_SECONDS = 5
"""Longest wait for one answer of the server."""
POLL_SECONDS = 10.0
LOSS = "train/loss"


class LiveMetrics:
    """The newest points of a run's steps; starts nothing where no server is named."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._stop = threading.Event()
        self.by_step: Mapping[str, str] = {}
        """The metric that matters, and the loss, for people."""
        self.decision = ""
        """What the exit step wrote: `decision: why`."""
        self.problem = ""
        """Why nothing is seen."""
        if tracking_uri(home_folder()).startswith(("http://", "https://")):
            threading.Thread(target=self._follow, daemon=True).start()
        else:
            self.problem = (
                "live metrics are not seen: the run's pods are told of no MLflow; MLFLOW_TRACKING_URI may name one"
            )

    def close(self) -> None:
        """Ask no more."""
        self._stop.set()

    def _follow(self) -> None:
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(REQUEST_SECONDS))
        while True:
            try:
                self._read()
                self.problem = ""
            except Exception as error:  # whatever it is, the table goes on without the column
                said = redact(" ".join(str(error).split()))[:WHY_CHARACTERS]
                self.problem = (
                    f"live metrics are not seen: MLflow does not answer from here at {tracking_uri(home_folder())} "
                    f"({said}); MLFLOW_TRACKING_URI may name another way to it"
                )
            if self._stop.wait(POLL_SECONDS):
                return

    def _read(self) -> None:
        client = connect(home_folder())
        experiments = [experiment.experiment_id for experiment in client.search_experiments()]
        runs = client.search_runs(experiments, filter_string=f"tags.`{RUN_TAG}` = '{self._run_id}'")
        by_step: dict[str, Any] = {run.data.tags.get(STEP_TAG, ""): run.data for run in runs}
        self.by_step = {step: shown for step, data in by_step.items() if (shown := shown_metric(data.metrics))}
        if ended := by_step.get(PIPELINE):
            tags = ended.tags
            self.decision = f"{tags['decision']}: {tags['why']}" if "decision" in tags else ""


def shown_metric(metrics: Mapping[str, float]) -> str:
    """Of a step's newest points the metric that matters, the student's before others', and the loss."""
    ordered = {name: metrics[name] for name in sorted(metrics, key=lambda name: not name.startswith("student/"))}
    loss = f"loss {metrics[LOSS]:.3g}" if LOSS in metrics else ""
    return ", ".join(part for part in (headline(ordered), loss) if part)
