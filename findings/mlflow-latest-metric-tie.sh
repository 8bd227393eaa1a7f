#!/usr/bin/env bash
# mlflow 3.17.2, SQLite: of two values of a metric with one step and one timestamp the larger is the run's value, not the later.
#
# Guess: a run shows the value that was logged last.
# Seen: 0.7 then 0.2 with the same step and millisecond: the run says 0.7, though the history holds both; 0.2 then 0.7: 0.7 too.
#   0.7 then NaN: 0.7. With the step one higher the later value counts, NaN included.
#   A batch of points that shares one clock reading (or a re-sent correction) is therefore answered by its maximum: wrong for a loss.
#   Infinity comes back as 1.7976931348623157e+308.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mlflow==3.17.2
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import logging
import math

logging.disable(logging.CRITICAL)

import mlflow

mlflow.set_tracking_uri("sqlite:///mlflow.db")
client = mlflow.MlflowClient()
experiment = client.create_experiment("ties")


def shown(*points: tuple[float, int]) -> float:
    """What the run says after these (value, step) at one timestamp."""
    run = client.create_run(experiment).info.run_id
    for value, step in points:
        client.log_metric(run, "loss", value, timestamp=1_000, step=step)
    assert len(client.get_metric_history(run, "loss")) == len(points)
    return client.get_run(run).data.metrics["loss"]


nan, inf = math.nan, math.inf
seen = {
    "0.7 then 0.2, one step": shown((0.7, 5), (0.2, 5)),
    "0.2 then 0.7, one step": shown((0.2, 5), (0.7, 5)),
    "0.7 then NaN, one step": shown((0.7, 5), (nan, 5)),
    "0.7 then 0.2, next step": shown((0.7, 5), (0.2, 6)),
    "0.7 then NaN, next step": shown((0.7, 5), (nan, 6)),
    "infinity": shown((inf, 0)),
}
for name, value in seen.items():
    print(f"{name}: {value}")
assert str(list(seen.values())) == "[0.7, 0.7, 0.7, 0.2, nan, 1.7976931348623157e+308]"
PY
