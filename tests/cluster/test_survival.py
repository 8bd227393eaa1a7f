"""What clusters do to pods, and what becomes of the run: small recipes, of which some fine-tune for a minute or two."""

import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cluster_runs import Runs
from forwarding import Forward
from kubernetes.client import V1DeleteOptions
from kubernetes.stream import stream
from mlflow import MlflowClient

from stillhouse.components.artifacts.promotion_record import load
from stillhouse.components.runtime.attempts import UNFINISHED, read_attempts
from stillhouse.components.storage.store import Store
from stillhouse.components.tracking.connection import RUN_TAG, STEP_TAG
from stillhouse.pipelines.cluster.submit import upload_source

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3600)]

Small = Callable[..., Path]
KILL = """
import os, pathlib
for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
    words = path.read_bytes().split(b"\\0")
    if words[0].endswith(b"python3") and b"kfp.dsl.executor_main" in words:
        os.kill(int(path.parent.name), 9)
"""
DEAD_SERVER = "http://127.0.0.1:9"


def outcomes(store: Store, run: str, step: str) -> list[tuple[str, str]]:
    return [(attempt.outcome, attempt.detail) for attempt in read_attempts(store, run, step).get(step, [])]


def checkpoint_folders(store: Store, run: str) -> list[str]:
    """Where the checkpoints of the run's unfinished training lie."""
    return [store.get(entry.key).decode() for entry in store.list(f"{UNFINISHED}/{run}")]


def training(runs: Runs, store: Store, run: str) -> Any:
    """The pod of finetune, once a checkpoint of it lies in the store."""
    pod = runs.running(run, "finetune")
    runs.until(lambda: any(store.list(folder) for folder in checkpoint_folders(store, run)), 5)
    return pod


def kill(runs: Runs, pod: Any) -> None:
    stream(
        runs.cluster.core.connect_get_namespaced_pod_exec,
        pod.metadata.name,
        runs.cluster.namespace,
        container="main",
        command=["python3", "-c", KILL],
        stderr=True,
        stdout=True,
    )


def test_a_killed_process_goes_on_from_its_checkpoint_in_the_same_pod(runs: Runs, store: Store, small: Small) -> None:
    run = runs.submit(small("killed", epochs=60), "--set", "finetune.loop.checkpoint_seconds=5")
    kill(runs, training(runs, store, run))
    assert runs.end(run) == "SUCCEEDED"
    assert outcomes(store, run, "finetune") == [("signal", "SIGKILL"), ("succeeded", "")]
    (pod,) = runs.pods(run, "finetune")
    assert "goes on from the checkpoint at step" in runs.log(pod)


def test_a_deleted_pod_is_followed_by_one_that_goes_on(runs: Runs, store: Store, small: Small) -> None:
    run = runs.submit(small("deleted", epochs=60), "--set", "finetune.loop.checkpoint_seconds=5")
    pod = training(runs, store, run)
    now = V1DeleteOptions(grace_period_seconds=0)
    runs.cluster.core.delete_namespaced_pod(pod.metadata.name, runs.cluster.namespace, body=now)
    assert runs.end(run) == "SUCCEEDED"
    assert outcomes(store, run, "finetune") == [("running", ""), ("succeeded", "")]
    assert "goes on from the checkpoint at step" in runs.log(runs.pods(run, "finetune")[-1])


def test_a_users_mistake_is_made_once(runs: Runs, store: Store, small: Small) -> None:
    run = runs.submit(small("mistaken"), "--set", "prepare.min_rows=100000")
    assert runs.end(run) == "FAILED"
    ((outcome, sentence),) = outcomes(store, run, "prepare")
    assert outcome == "user_error"
    assert "min_rows" in sentence


def test_a_pod_without_enough_memory_says_so(runs: Runs, store: Store, small: Small, tmp_path: Path) -> None:
    poor = tmp_path / "hardware.yaml"
    poor.write_text('cpu: "1"\nmemory: 256Mi\n')
    run = runs.submit(small("poor"), "--hardware", poor, "--retries", "1")
    assert runs.end(run) == "FAILED"
    assert {outcome for outcome, _ in outcomes(store, run, "finetune")} == {"out_of_memory"}


def test_a_request_that_no_node_meets_is_ended_by_the_runs_limit(runs: Runs, small: Small, tmp_path: Path) -> None:
    greedy, compiled = tmp_path / "hardware.yaml", tmp_path / "pipeline.yaml"
    greedy.write_text('gpu_count: 99\ncpu: "1"\nmemory: 1Gi\n')
    recipe = small("greedy")
    source = upload_source(str(recipe.with_name("mails.parquet")), runs.options["store"])
    limits = ("--hardware", greedy, "--run-limit", "3m")
    done = runs.stillhouse("compile", recipe, "--set", f"data.source={source}", *limits, "--out", compiled)
    assert done.returncode == 0, done.stderr
    # Not by submit, which refuses it.
    run = runs.cluster.client.create_run_from_pipeline_package(str(compiled), experiment_name="greedy").run_id
    watched = runs.stillhouse("watch", run)  # for up to 23 minutes: Argo looks late where nothing else happens
    assert "no node has 99 nvidia.com/gpu, the largest has" in watched.stdout
    assert "took longer than its --run-limit" in watched.stdout + watched.stderr
    assert (watched.returncode, runs.state(run)) == (1, "FAILED")


def test_submit_refuses_a_request_that_no_node_meets(runs: Runs, small: Small, tmp_path: Path) -> None:
    greedy = tmp_path / "hardware.yaml"
    greedy.write_text('gpu_count: 99\ncpu: "1"\nmemory: 1Gi\n')
    done = runs.stillhouse("submit", small("greedy"), "--hardware", greedy)
    assert done.returncode == 2
    assert done.stderr.startswith("No node offers 99 nvidia.com/gpu")


def test_a_dead_mlflow_stops_no_run_and_replay_sends_what_it_missed(
    runs: Runs, store: Store, small: Small, tmp_path: Path
) -> None:
    recipe = small("unrecorded")
    run = runs.submit(recipe, "--mlflow-uri", DEAD_SERVER)
    assert runs.end(run) == "SUCCEEDED"
    assert store.list(f"spools/{run}")
    replayed = runs.stillhouse(
        "replay", "--home", tmp_path, STILLHOUSE_STORE=store.url, MLFLOW_TRACKING_URI=runs.options["mlflow_uri"]
    )
    assert replayed.returncode == 0, replayed.stderr
    assert not store.list(f"spools/{run}")
    client = MlflowClient(runs.options["mlflow_uri"])
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    recorded = client.search_runs(experiments, f"tags.`{RUN_TAG}` = '{run}'")
    assert {found.data.tags[STEP_TAG] for found in recorded} == runs.ran(run) - {"conclude"} | {"pipeline"}


@pytest.fixture
def way_to_the_store(store: Store) -> Iterator[Forward]:
    """A way that pods take to the store, in the test's hands."""
    found = urlsplit(os.environ["AWS_ENDPOINT_URL"])
    assert found.hostname and found.port
    forward = Forward(os.environ["STILLHOUSE_TEST_HOST"], (found.hostname, found.port))
    yield forward
    forward.stop()


def test_a_store_that_is_away_for_a_minute_costs_a_minute(
    runs: Runs, store: Store, small: Small, way_to_the_store: Forward
) -> None:
    kept = [pair for pair in runs.options["env"] if not pair.startswith("AWS_ENDPOINT_URL=")]
    variables = [f"--env={pair}" for pair in (*kept, f"AWS_ENDPOINT_URL=http://{way_to_the_store.address}")]
    run = runs.submit(small("storeless", epochs=60), "--set", "finetune.loop.checkpoint_seconds=5", *variables)
    training(runs, store, run)
    way_to_the_store.cut()
    time.sleep(60)
    way_to_the_store.mend()
    assert runs.end(run) == "SUCCEEDED"
    assert [outcome for outcome, _ in outcomes(store, run, "promote")] == ["succeeded"]


def test_of_two_runs_that_promote_at_once_none_is_lost(runs: Runs, store: Store, small: Small) -> None:
    recipe = small("twins")
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda seed: runs.submit(recipe, "--set", f"seed={seed}"), (1, 2)))
    assert [runs.end(run, minutes=25) for run in both] == ["SUCCEEDED", "SUCCEEDED"]
    verdicts = {run: json.loads(store.get(f"verdicts/{run}.json"))["decision"] for run in both}
    record, _ = load(store, runs.cluster.run(both[0]).display_name.split()[0])
    promoted = [event.run for event in record.history if event.what == "promoted"]
    assert sorted(promoted) == sorted(run for run, decision in verdicts.items() if decision == "promoted")
    assert promoted


def test_what_a_cancelled_run_leaves_is_swept(runs: Runs, store: Store, small: Small, tmp_path: Path) -> None:
    run = runs.submit(small("cancelled", epochs=60), "--set", "finetune.loop.checkpoint_seconds=5")
    training(runs, store, run)
    folders = checkpoint_folders(store, run)
    variables = {"STILLHOUSE_STORE": store.url, "MLFLOW_TRACKING_URI": runs.options["mlflow_uri"]}
    refused = runs.stillhouse("sweep", run, "--home", tmp_path, **variables)
    assert f"end it: `stillhouse cancel {run}`" in refused.stderr
    cancelled = runs.stillhouse("cancel", run)
    assert cancelled.returncode == 0, cancelled.stderr
    state = runs.state(run)  # KFP 2.17 calls it FAILED
    assert cancelled.stdout.startswith(f"{run} is cancelled (KFP calls it {state})")

    def sweep() -> str:
        return runs.stillhouse("sweep", run, "--home", tmp_path, **variables).stdout

    swept = sweep()
    assert f"{run} ({state}): " in swept
    assert "1 checkpoint folder" in swept
    runs.until(lambda: "nothing was left" in sweep(), 5)  # an exit step that began meanwhile opens MLflow's run again
    client = MlflowClient(runs.options["mlflow_uri"])
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    left = client.search_runs(experiments, f"tags.`{RUN_TAG}` = '{run}' and attributes.status = 'RUNNING'")
    assert (left, checkpoint_folders(store, run), [store.list(folder) for folder in folders]) == ([], [], [[]])
