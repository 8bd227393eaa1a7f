"""A model of any kind of problem in the registry answers as its task does."""

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.model import model_info, write_model
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.models.tabular_settings import TabularArchitecture
from stillhouse.components.tasks.tabular import Tabular
from stillhouse.components.tracking.registry import log_model
from stillhouse.components.tracking.run import step_run

ROWS = [{"size": float(i % 7), "colour": ["red", "blue"][i % 2]} for i in range(20)]


@pytest.fixture
def version(home: Path, tmp_path: Path) -> tuple[str, list[dict[str, Any]]]:
    """A version of `paint`, and what its task answers for the rows."""
    spec = Spec(
        format=1,
        task="tabular",
        target="classes",
        labels=["cheap", "dear"],
        columns={"features": ["size", "colour"], "label": "price"},
        content_digest="d" * 64,
    )
    train = Examples.of(features=ROWS, label=[i % 2 for i in range(20)])
    task = Tabular(spec.model_copy(update={"fitted": Tabular.fit(spec, train)}))
    loaded = task.build(None, TabularArchitecture(network="mlp", layers=1, width=8), train)
    write_model(
        loaded,
        tmp_path / "model",
        task.save,
        info=model_info(task.spec, "f1_macro", {}, None),
        parents=[],
    )
    again = task.load(tmp_path / "model")
    examples = Examples.of(features=ROWS)
    with step_run("promote") as run:
        number = log_model(run, tmp_path / "model", "paint", digest="1", served_by="task")
    return number, list(task.rows(task.answer(again, examples), examples))


def test_it_answers_through_pyfunc_as_through_its_task(
    home: Path, version: tuple[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{home / 'mlflow.db'}")
    mlflow.set_tracking_uri(f"sqlite:///{home / 'mlflow.db'}")
    loaded: Any = mlflow.pyfunc.load_model(f"models:/paint/{version[0]}")

    answer = loaded.predict(pd.DataFrame(ROWS))

    assert answer["label"].tolist() == [row["label"] for row in version[1]]
    assert answer["score"].tolist() == pytest.approx([row["score"] for row in version[1]])


def test_a_column_that_is_missing_is_named(
    home: Path, version: tuple[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow.set_tracking_uri(f"sqlite:///{home / 'mlflow.db'}")
    loaded: Any = mlflow.pyfunc.load_model(f"models:/paint/{version[0]}")

    with pytest.raises(ValueError, match="table, row 1: column 'colour' is missing"):
        loaded.predict(pd.DataFrame({"size": [1.0]}))
