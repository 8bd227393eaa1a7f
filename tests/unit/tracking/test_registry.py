"""The model registry on SQLite: what is logged loads, aliases move, addresses resolve."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml
from mlflow import MlflowClient

from stillhouse.components.tracking.connection import find_or_create
from stillhouse.components.tracking.registry import log_model, resolve, set_aliases
from stillhouse.components.tracking.run import step_run
from stillhouse.errors import UserError

TEXTS = ["cheap pills", "see you tomorrow", "pills"]


@pytest.fixture
def version(home: Path, model_folder: Path) -> str:
    """A registered version of `spam`."""
    with step_run("promote") as run:
        return log_model(run, model_folder, "spam", digest="abc")


@pytest.fixture
def global_address(home: Path) -> Iterator[None]:
    """MLflow's own loaders ask the server at its global address."""
    mlflow.set_tracking_uri(f"sqlite:///{home / 'mlflow.db'}")
    yield
    os.environ.pop("MLFLOW_TRACKING_URI")


def answers(version: str, **columns: list[Any]) -> pd.DataFrame:
    """What the registered model says about a table."""
    model: Any = mlflow.pyfunc.load_model(f"models:/spam/{version}")
    return model.predict(pd.DataFrame(columns))


def transformers_scores(folder: Path) -> np.ndarray:
    """What plain transformers says about TEXTS, one at a time."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        logits = [model(**tokenizer(text, return_tensors="pt")).logits[0] for text in TEXTS]
    return torch.stack(logits).softmax(-1).numpy()


@pytest.mark.usefixtures("global_address")
def test_a_logged_model_answers_through_pyfunc_as_through_transformers(version: str, model_folder: Path) -> None:
    answer = answers(version, id=[1, 2, 3], text=TEXTS)
    scores = transformers_scores(model_folder)
    np.testing.assert_allclose(answer[["probability_ham", "probability_spam"]].to_numpy(), scores, atol=1e-5)
    assert answer["label"].tolist() == [["ham", "spam"][row.argmax()] for row in scores]
    np.testing.assert_allclose(answer["score"].to_numpy(), scores.max(axis=1), atol=1e-5)


@pytest.mark.usefixtures("global_address")
@pytest.mark.parametrize(("mask", "same"), [(True, True), (False, False)])
def test_a_registered_model_reads_texts_as_training_did(
    home: Path, model_folder: Path, tmp_path: Path, mask: bool, same: bool
) -> None:
    folder = tmp_path / "cleaned"
    shutil.copytree(model_folder, folder)
    info = json.loads((folder / "model.json").read_text()) | {"cleaning": {"mask_pii": mask}}
    (folder / "model.json").write_text(json.dumps(info))
    with step_run("promote") as run:
        version = log_model(run, folder, "spam", digest=f"mask {mask}")
    values = ["pills@cheap.com", "<email>", "two  \r\n lines", "two\nlines", "", None, float("nan"), True, "true"]

    scores = answers(version, text=values)["probability_ham"].tolist()

    assert (scores[0] == pytest.approx(scores[1], rel=1e-6)) is same
    for one, other in ((2, 3), (4, 5), (4, 6), (7, 8)):
        assert scores[one] == pytest.approx(scores[other])


def test_the_folder_inside_loads_with_plain_transformers(version: str, model_folder: Path) -> None:
    folder = resolve(f"models:/spam/{version}")
    np.testing.assert_array_equal(transformers_scores(folder), transformers_scores(model_folder))


@pytest.mark.usefixtures("global_address")
@pytest.mark.parametrize("target", ["multi_label", "number"])
def test_other_targets_have_their_own_columns(home: Path, model_folder: Path, tmp_path: Path, target: str) -> None:
    folder = tmp_path / target
    folder.mkdir()
    for file in model_folder.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    info = json.loads((folder / "model.json").read_text()) | {"target": target}
    (folder / "model.json").write_text(json.dumps(info))
    with step_run("promote") as run:
        version = log_model(run, folder, "spam", digest=target)
    answer = answers(version, text=TEXTS)
    if target == "number":
        assert answer.columns.tolist() == ["value"]
    else:
        probabilities = answer[["probability_ham", "probability_spam"]].to_numpy()
        chosen = [[n for n, p in zip(["ham", "spam"], row, strict=True) if p >= 0.5] for row in probabilities]
        assert answer["label"].tolist() == chosen


def test_the_signature_is_a_column_text(home: Path, version: str) -> None:
    described = yaml.safe_load((resolve(f"models:/spam/{version}").parents[1] / "MLmodel").read_text())
    assert json.loads(described["signature"]["inputs"]) == [{"type": "string", "name": "text", "required": True}]


def test_the_requirements_are_pinned(home: Path, version: str) -> None:
    lines = (resolve(f"models:/spam/{version}").parents[1] / "requirements.txt").read_text().split()
    assert {line.partition("==")[0] for line in lines} >= {"mlflow", "torch", "transformers"}
    assert all("==" in line for line in lines)


def test_a_version_says_where_it_comes_from(version: str, client: MlflowClient) -> None:
    tags = client.get_model_version("spam", version).tags
    assert tags == {
        "stillhouse.digest": "abc",
        "stillhouse.run": os.environ["STILLHOUSE_RUN"],
        "stillhouse.dataset": "d" * 64,
    }


def test_the_model_belongs_to_the_run_of_the_whole_pipeline(version: str, client: MlflowClient) -> None:
    found = client.get_model_version("spam", version)
    run: Any = client.get_run(str(found.run_id))
    assert run.data.tags["stillhouse.step"] == "pipeline"
    (put_out,) = run.outputs.model_outputs
    assert client.get_logged_model(put_out.model_id).tags["stillhouse.digest"] == "abc"


def test_a_version_has_its_description(home: Path, model_folder: Path, client: MlflowClient) -> None:
    with step_run("promote") as run:
        version = log_model(run, model_folder, "spam", digest="abc", description="**All gates hold.**")
    assert client.get_model_version("spam", version).description == "**All gates hold.**"


def test_a_model_registered_late_belongs_to_the_pipeline_run_that_made_it(
    home: Path, model_folder: Path, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = find_or_create(client, home, "stillhouse", "spam-1", "pipeline", 1)
    with step_run("promote") as run:
        version = log_model(run, model_folder, "spam", digest="abc", made_by="spam-1")
    found = client.get_model_version("spam", version)
    assert (found.run_id, found.tags["stillhouse.run"]) == (earlier.info.run_id, "spam-1")


def test_one_whose_run_is_gone_belongs_to_the_run_that_registers_it(
    home: Path, model_folder: Path, client: MlflowClient
) -> None:
    with step_run("promote") as run:
        version = log_model(run, model_folder, "spam", digest="abc", made_by="spam-1")
    found = client.get_model_version("spam", version)
    assert client.get_run(str(found.run_id)).data.tags["stillhouse.run"] == os.environ["STILLHOUSE_RUN"]
    assert found.tags["stillhouse.run"] == "spam-1"


def test_the_same_digest_is_registered_once(version: str, home: Path, model_folder: Path) -> None:
    with step_run("promote") as run:
        assert log_model(run, model_folder, "spam", digest="abc") == version
        assert log_model(run, model_folder, "spam", digest="abd") != version


def test_aliases_move_and_previous_can_go(version: str, home: Path, model_folder: Path) -> None:
    with step_run("promote") as run:
        second = log_model(run, model_folder, "spam", digest="abd")
    set_aliases("spam", champion=second, previous=version)
    assert resolve("models:/spam@champion") == resolve(f"models:/spam/{second}")
    assert resolve("models:/spam@previous") == resolve(f"models:/spam/{version}")
    set_aliases("spam", champion=version, previous=None)
    assert resolve("models:/spam@champion") == resolve(f"models:/spam/{version}")
    with pytest.raises(UserError, match="'models:/spam@previous' is not registered"):
        resolve("models:/spam@previous")


@pytest.mark.parametrize("uri", ["models:/spam/7", "models:/ham@champion"])
def test_what_is_not_registered_is_said_in_a_sentence(version: str, uri: str) -> None:
    with pytest.raises(UserError, match="is not registered"):
        resolve(uri)


@pytest.mark.parametrize("uri", ["models:/spam", "spam@champion", "models:/@champion", "models:/spam/"])
def test_a_malformed_address_is_refused(home: Path, uri: str) -> None:
    with pytest.raises(UserError, match="names no model"):
        resolve(uri)


def test_a_model_is_logged_where_there_is_no_torch(home: Path, model_folder: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = sys.modules['transformers'] = None\n"
        "from stillhouse.components.tracking.registry import log_model\n"
        "from stillhouse.components.tracking.run import step_run\n"
        "with step_run('promote') as run:\n"
        f"    log_model(run, {str(model_folder)!r}, 'spam', digest='abc')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
    assert resolve("models:/spam/1").name == model_folder.name
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
