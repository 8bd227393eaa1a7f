"""A bare GPU machine has torch and transformers and little else."""

import subprocess
import sys

PROGRAM = """
import importlib, pkgutil, sys
for name in ("mlflow", "kfp", "datasets", "sklearn", "scipy", "pandas", "altair", "boto3"):
    sys.modules[name] = None  # importing it is an error now, and nobody finds it
import stillhouse.components.models, stillhouse.components.tasks, stillhouse.components.training
for room in (stillhouse.components.models, stillhouse.components.tasks, stillhouse.components.training):
    for module in pkgutil.iter_modules(room.__path__, room.__name__ + "."):
        importlib.import_module(module.name)
from stillhouse.components.tasks import load_task
load_task("text_classification")
looked_back = {name.split(".")[2] for name in sys.modules if name.startswith("stillhouse.components.")}
print(sorted(looked_back))
"""


def test_training_tasks_and_models_import_without_mlflow_kfp_and_datasets_and_lean_on_no_step() -> None:
    answer = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    rooms = "['config', 'modalities', 'models', 'safety', 'targets', 'tasks', 'training']\n"
    assert answer.stdout == rooms, answer.stderr
