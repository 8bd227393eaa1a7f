"""A bare GPU machine has torch and transformers and little else."""

import subprocess
import sys

PROGRAM = """
import importlib, pkgutil, sys
for name in ("mlflow", "kfp", "datasets", "sklearn", "scipy", "pandas", "altair", "boto3"):
    sys.modules[name] = None  # importing it is an error now, and nobody finds it

def rooms_behind(*names):
    for name in names:
        room = importlib.import_module(f"stillhouse.components.{name}")
        for module in pkgutil.iter_modules(room.__path__, room.__name__ + "."):
            importlib.import_module(module.name)
    print(*sorted({name.split(".")[2] for name in sys.modules if name.startswith("stillhouse.components.")}))

rooms_behind("models", "training")
rooms_behind("tasks")
from stillhouse.components.tasks import load_task
load_task("text_classification")
rooms_behind()
"""


def test_training_tasks_and_models_import_without_mlflow_kfp_and_datasets_and_lean_on_no_step() -> None:
    """And training and models know no files of a dataset or a store: only tasks do."""
    answer = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    below = "config models safety training\n"
    tasks = "artifacts config formats kubernetes modalities models safety storage targets tasks training\n"
    assert answer.stdout == below + tasks + tasks, answer.stderr
