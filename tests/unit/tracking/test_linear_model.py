"""TF-IDF with a linear model in the registry: answers with neither torch nor scikit-learn nor Stillhouse."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml
from mlflow import MlflowClient

from stillhouse.components.artifacts.model import write_baseline
from stillhouse.components.models.tfidf_linear import TfidfLinear
from stillhouse.components.tracking.registry import log_model, resolve
from stillhouse.components.tracking.run import step_run

TEXTS = ["cheap PILLS", "see you\r\ntomorrow", "", "unheard of"]
LABELS = {"classes": ["ham", "spam"], "multi_label": ["ham", "spam"], "number": []}
ELSEWHERE = """
import sys
for name in ("torch", "transformers", "sklearn", "stillhouse"):
    sys.modules[name] = None
import mlflow, pandas
model = mlflow.pyfunc.load_model(sys.argv[1])
print(model.predict(pandas.DataFrame({"text": ["cheap PILLS", "", None]})).to_json(orient="records"))
"""


def registered(tmp_path: Path, target: str) -> tuple[str, TfidfLinear]:
    """A version of `words`, and the model that it is."""
    outputs = max(len(LABELS[target]), 1)
    weights, bias = np.array([[-1.5, 2.0, 0.5], [3.0, -1.0, 0.25]])[:outputs], np.array([0.5, -1])[:outputs]
    model = TfidfLinear(target, ["pills", "you", "cheap"], np.array([1.2, 1.5, 2.0]), weights, bias)
    info = {"target": target, "labels": LABELS[target], "dataset_digest": "d" * 64, "cleaning": {"mask_pii": False}}
    write_baseline(model, tmp_path / target, info=info)
    with step_run("promote") as run:
        return log_model(run, tmp_path / target, "words", digest=target), model


@pytest.mark.parametrize("target", LABELS)
def test_it_answers_through_pyfunc_as_through_its_task(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    version, model = registered(tmp_path, target)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{home / 'mlflow.db'}")
    mlflow.set_tracking_uri(f"sqlite:///{home / 'mlflow.db'}")
    loaded: Any = mlflow.pyfunc.load_model(f"models:/words/{version}")

    answer, scores = loaded.predict(pd.DataFrame({"text": TEXTS})), model.score(TEXTS)

    if target == "number":
        assert answer["value"].tolist() == pytest.approx(scores[:, 0].tolist())
        return
    np.testing.assert_allclose(answer[["probability_ham", "probability_spam"]].to_numpy(), scores)
    if target == "multi_label":
        given = [[LABELS[target][i] for i in np.flatnonzero(row >= 0.5)] for row in scores]
        assert answer["label"].tolist() == given
    else:
        assert answer["label"].tolist() == [LABELS[target][row.argmax()] for row in scores]


def test_it_needs_neither_torch_nor_scikit_learn_nor_stillhouse(home: Path, tmp_path: Path) -> None:
    version, model = registered(tmp_path, "classes")
    folder = resolve(f"models:/words/{version}")

    environment = {**os.environ, "PYTHONPATH": ""}
    command = [sys.executable, "-c", ELSEWHERE, str(folder.parents[1])]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)

    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    expected = model.score(["cheap PILLS", "", ""])
    assert [row["probability_spam"] for row in answers] == pytest.approx(expected[:, 1].tolist())


def test_its_requirements_name_no_torch(home: Path, tmp_path: Path, client: MlflowClient) -> None:
    version, _ = registered(tmp_path, "classes")
    root = resolve(f"models:/words/{version}").parents[1]

    lines = (root / "requirements.txt").read_text().split()

    named = {line.partition("==")[0] for line in lines}
    assert named >= {"mlflow", "numpy", "safetensors", "pandas", "pyarrow", "ftfy"}
    assert not named & {"torch", "transformers", "scikit-learn"}
    described = yaml.safe_load((root / "MLmodel").read_text())
    assert "linear" in described["flavors"]["python_function"]["artifacts"]
