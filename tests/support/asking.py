"""Trained models, asked through their task."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.model import read_model_json
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.tasks import Task, task_of


def task_of_model(folder: Path) -> Task:
    """The task of a model folder, bound to what the model was trained on."""
    return task_of(Spec.of_model(read_model_json(folder)))


def ask(folder: Path, texts: list[str]) -> np.ndarray:
    """What the model in a folder answers for texts."""
    task = task_of_model(folder)
    return task.answer(task.load(folder), Examples.of(text=texts))


def answers(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of JSON lines that predict wrote."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
