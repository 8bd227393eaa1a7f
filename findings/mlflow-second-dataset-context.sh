#!/usr/bin/env bash
# mlflow 3.17.2, SQLite: what a run says of a data set for the second time is forgotten, and a model's metric has one data set at a time.
#
# Guess: a run that logs one data set as its training data and then as its test data shows both contexts; a model measured
#   on two data sets at one step (dataset_name and dataset_digest are given for that) has two values.
# Seen: log_inputs keeps the first context and drops the second without a word, in two calls as in one, so the run that tests on the rows
#   it trained on looks like one that only trains. Of two values of one metric, step and clock reading, for two data sets of one model, the second raises
#   MlflowException around an IntegrityError (the unique constraint leaves out the data set); a millisecond apart both are kept. A run's inputs are asked
#   before they are written, and each data set of an evaluation gets a timestamp of its own.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mlflow==3.17.2
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import logging

logging.disable(logging.CRITICAL)

import mlflow
from mlflow.entities import Dataset, DatasetInput, InputTag
from mlflow.exceptions import MlflowException

mlflow.set_tracking_uri("sqlite:///mlflow.db")
client = mlflow.MlflowClient()
experiment = client.create_experiment("datasets")
rows = Dataset("rows", "digest", "local", "{}")
training, testing = (DatasetInput(rows, [InputTag("mlflow.data.context", context)]) for context in ("training", "testing"))


def contexts(*calls: list[DatasetInput]) -> list[str]:
    run = client.create_run(experiment).info.run_id
    for inputs in calls:
        client.log_inputs(run, datasets=inputs)
    return [tag.value for found in client.get_run(run).inputs.dataset_inputs for tag in found.tags]


print("contexts after two calls:", contexts([training], [testing]), "after one:", contexts([training, testing]))
assert contexts([training], [testing]) == contexts([training, testing]) == ["training"]
assert contexts([testing], [training]) == ["testing"]


def measured(*times: int) -> list[tuple[str, float]]:
    """One accuracy on each of two data sets at step 0, at these timestamps: what the model has of them."""
    run = client.create_run(experiment).info.run_id
    model = client.create_logged_model(experiment, f"model{times[1]}", source_run_id=run).model_id
    for (name, value), time in zip({"spring": 0.9, "autumn": 0.7}.items(), times, strict=True):
        options = {"model_id": model, "dataset_name": name, "dataset_digest": name}
        try:
            client.log_metric(run, "accuracy", value, timestamp=time, step=0, **options)
        except MlflowException as error:
            print(f"{name}:", str(error).splitlines()[0][:70])
            assert "UNIQUE constraint failed" in str(error)
    return sorted((metric.dataset_name, metric.value) for metric in client.get_logged_model(model).metrics)


same, apart = measured(1_000, 1_000), measured(1_000, 1_001)
print("at one time:", same, "a millisecond apart:", apart)
assert same == [("spring", 0.9)] and apart == [("autumn", 0.7), ("spring", 0.9)]
PY
