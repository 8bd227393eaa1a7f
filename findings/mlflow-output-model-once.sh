#!/usr/bin/env bash
# mlflow 3.17.2, SQLite: a model can be recorded as the output of a run once; a second time, even at another step, is an error.
#
# Guess: log_outputs again with the same model changes nothing, as log_inputs with the same dataset or model does (and as its
#   argument `step` suggests, the same model may be an output at several steps).
# Seen: the second log_inputs of a dataset or of a model is taken and kept once. The second log_outputs raises MlflowException
#   around an IntegrityError (unique constraint of the table inputs), with the same step and with another; the first one stands,
#   with its step. Whoever sends a batch again after a lost answer has to look first what is there.
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
from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelInput, LoggedModelOutput
from mlflow.exceptions import MlflowException

mlflow.set_tracking_uri("sqlite:///mlflow.db")
client = mlflow.MlflowClient()
experiment = client.create_experiment("outputs")
run = client.create_run(experiment).info.run_id
model = client.create_logged_model(experiment, "model", source_run_id=run).model_id
dataset = DatasetInput(Dataset("rows", "digest", "local", "{}"), [InputTag("mlflow.data.context", "training")])

for _ in range(2):
    client.log_inputs(run, datasets=[dataset])
    client.log_inputs(run, models=[LoggedModelInput(model)])
inputs = client.get_run(run).inputs
print("inputs after two calls:", len(inputs.dataset_inputs), len(inputs.model_inputs))
assert (len(inputs.dataset_inputs), len(inputs.model_inputs)) == (1, 1)

client.log_outputs(run, [LoggedModelOutput(model, 0)])
for step in (0, 5):
    try:
        client.log_outputs(run, [LoggedModelOutput(model, step)])
    except MlflowException as error:
        print(f"again at step {step}:", str(error).splitlines()[0][:90])
        assert "UNIQUE constraint failed" in str(error)
    else:
        raise SystemExit(f"again at step {step}: taken")
kept = [output.step for output in client.get_run(run).outputs.model_outputs]
print("steps kept:", kept)
assert kept == [0]
PY
