"""The main job on a cluster: all steps; then nothing to do; then one row more behind the same address."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cluster_runs import Runs
from mlflow import MlflowClient
from mlflow.entities import Run

from stillhouse.components.artifacts.promotion_record import Record, load
from stillhouse.components.storage.store import Store
from stillhouse.components.tracking.connection import RUN_TAG, STEP_TAG

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3600)]

STEPS = {"inspect", "prepare", "pretrain", "finetune", "distill", "evaluate", "promote", "conclude"}
NEVER_CACHED = {"inspect", "promote", "conclude"}
ASK = "import sys; from transformers import pipeline; print(pipeline('text-classification', sys.argv[1])('hi')[0])"


@pytest.fixture(scope="module")
def name() -> str:
    """A model of this test's own."""
    return f"spam-{os.getpid()}"


@pytest.fixture(scope="module")
def asked(name: str) -> tuple[str, ...]:
    """The main job under that name; no text is as long as the limit, which keeps an earlier test's cache out."""
    return ("spam", "--set", f"name={name}", "--set", f"prepare.max_characters={100_000 + os.getpid()}")


@pytest.fixture(scope="module")
def spam(runs: Runs, asked: tuple[str, ...]) -> str:
    """The main job, run to its end."""
    run = runs.submit(*asked)
    assert runs.end(run, minutes=40) == "SUCCEEDED"
    return run


@pytest.fixture(scope="module")
def record(store: Store, spam: str, name: str) -> Record:
    return load(store, name)[0]


@pytest.fixture(scope="module")
def tree(runs: Runs, spam: str, name: str) -> dict[str, Run]:
    """The runs in MLflow by their step; the whole pipeline's is `pipeline`."""
    client = MlflowClient(runs.options["mlflow_uri"])
    experiment = client.get_experiment_by_name(name)
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id], f"tags.`{RUN_TAG}` = '{spam}'")
    assert len({run.data.tags[STEP_TAG] for run in found}) == len(found)
    return {run.data.tags[STEP_TAG]: run for run in found}


def test_all_steps_succeed(runs: Runs, spam: str) -> None:
    assert runs.ran(spam) == STEPS


def test_mlflow_holds_one_tree_and_all_of_it_is_finished(tree: dict[str, Run]) -> None:
    assert {run.info.status for run in tree.values()} == {"FINISHED"}
    parent = tree["pipeline"].info.run_id
    children = {step: run.data.tags.get("mlflow.parentRunId") for step, run in tree.items() if step != "pipeline"}
    assert children == dict.fromkeys(STEPS - {"conclude"}, parent)


def test_mlflow_holds_the_students_figures(tree: dict[str, Run]) -> None:
    assert tree["evaluate"].data.metrics["student/f1_macro"] > 0.9


def test_the_candidate_is_promoted(record: Record, spam: str) -> None:
    assert record.champion is not None
    assert record.champion.run == spam


def test_the_promoted_model_loads_with_plain_transformers(store: Store, record: Record, tmp_path: Path) -> None:
    assert record.champion is not None
    store.get_folder(f"models/{record.champion.digest}", tmp_path / "model")
    done = subprocess.run(
        [sys.executable, "-P", "-c", ASK, str(tmp_path / "model")], capture_output=True, text=True, check=False
    )
    assert "'label': " in done.stdout, done.stderr


def test_the_same_again_runs_the_small_steps_only(
    runs: Runs, spam: str, asked: tuple[str, ...], record: Record
) -> None:
    again = runs.submit(*asked)
    assert runs.end(again) == "SUCCEEDED"
    assert runs.ran(again) == NEVER_CACHED


def test_one_row_more_behind_the_same_address_retrains(runs: Runs, store: Store, small: Callable[..., Path]) -> None:
    recipe = small("appended")
    table = pq.read_table(recipe.with_name("mails.parquet"))
    key = f"tests/{recipe.stem}-{os.getpid()}.parquet"
    trained = []
    for rows in (len(table) - 1, len(table) - 1, len(table)):
        sink = pa.BufferOutputStream()
        pq.write_table(table.slice(0, rows), sink)
        store.put(key, sink.getvalue().to_pybytes())
        run = runs.submit(recipe, "--set", f"data.source={store.uri(key)}")
        assert runs.end(run) == "SUCCEEDED"
        trained.append("finetune" in runs.ran(run))
    assert trained == [True, False, True]
