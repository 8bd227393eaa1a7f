#!/usr/bin/env bash
# mlflow 3.17.2, SQLite: search_logged_models asks of a metric whether any of its values ever met the condition, and takes NaN for 0.
#
# Guess: "metrics.acc > 0.8" asks for a model's last value, as search_runs does of a run's and order_by of a model's; NaN meets no
#   condition and comes last in every order (so it is of runs since 3.17).
# Seen: a model that fell from 0.9 to 0.3 is found by "> 0.8", one that rose from 0.3 to 0.85 by "< 0.5"; the runs that logged the same
#   values are found by their last one alone. A model whose loss is NaN is found by "< 0.1", and is the first one of those ordered
#   by their loss. The best model by such a search is one that diverged, or one that was good once: ask the runs, or
#   look at the values that come back (there every step is listed, and the NaN too).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mlflow==3.17.2
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import logging

logging.disable(logging.CRITICAL)

import math

import mlflow

mlflow.set_tracking_uri("sqlite:///mlflow.db")
client = mlflow.MlflowClient()
experiment = client.create_experiment("search")


def add(name: str, metric: str, *values: float) -> None:
    """One run with one model of the same name; a value each for the steps 0, 1, ..."""
    run = client.create_run(experiment, run_name=name).info.run_id
    model = client.create_logged_model(experiment, name, source_run_id=run).model_id
    for step, value in enumerate(values):
        client.log_metric(run, metric, value, step=step, model_id=model)


def runs(condition: str, order: str = "attributes.run_name ASC") -> list[str]:
    return [run.info.run_name for run in client.search_runs([experiment], condition, order_by=[order])]


def models(condition: str, order: str = "name") -> list[str]:
    by = [{"field_name": order, "ascending": True}]
    return [model.name for model in mlflow.search_logged_models([experiment], condition, order_by=by, output_format="list")]


add("fell", "acc", 0.9, 0.3)
add("rose", "acc", 0.3, 0.85)
add("good", "loss", 0.05)
add("middling", "loss", 0.2)
add("diverged", "loss", math.nan)
for condition in ("metrics.acc > 0.8", "metrics.acc < 0.5", "metrics.loss < 0.1", "metrics.loss >= 0"):
    print(f"{condition}: runs {runs(condition)}, models {models(condition)}")
assert runs("metrics.acc > 0.8") == ["rose"] and runs("metrics.acc < 0.5") == ["fell"]
assert models("metrics.acc > 0.8") == models("metrics.acc < 0.5") == ["fell", "rose"]
assert runs("metrics.loss < 0.1") == ["good"] and models("metrics.loss < 0.1") == ["diverged", "good"]

best = runs("metrics.loss != 9", "metrics.loss ASC"), models("metrics.loss != 9", "metrics.loss")
print("by their loss: runs", best[0], "models", best[1])
assert best == (["good", "middling", "diverged"], ["diverged", "good", "middling"])
PY
