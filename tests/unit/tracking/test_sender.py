"""The way from the spool to a real MLflow on SQLite."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Dataset, Run

from stillhouse.components.tracking import settings
from stillhouse.components.tracking.connection import RUN_TAG, STEP_TAG, connect
from stillhouse.components.tracking.run import pipeline_run, step_run
from stillhouse.components.tracking.sender import Sender, replay, serve
from stillhouse.components.tracking.spool import read_sent, unsent
from stillhouse.errors import UserError

Send = Callable[[], None]
Find = Callable[[str], Run]

RUN = "spam-20261122-151405"
DEAD_SERVER = "http://127.0.0.1:9"


def history(client: MlflowClient, run: Run, name: str) -> list[tuple[int, float, int]]:
    points = [(p.step, p.value, p.timestamp) for p in client.get_metric_history(run.info.run_id, name)]
    return sorted(points)


def statuses(client: MlflowClient, run_id: str) -> dict[str, str]:
    """What MLflow says of a pipeline run, by step."""
    everywhere = [experiment.experiment_id for experiment in client.search_experiments()]
    found = client.search_runs(everywhere, f"tags.`{RUN_TAG}` = '{run_id}'")
    return {run.data.tags[STEP_TAG]: run.info.status for run in found}


def datasets(run: Any) -> list[Dataset]:
    return [used.dataset for used in run.inputs.dataset_inputs]


def test_a_pipeline_fails_for_the_reason_of_its_step(
    home: Path, mlflow_run: Find, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit), pipeline_run(home, RUN, "spam"):
        with pytest.raises(SystemExit), step_run("prepare"):
            raise UserError("emails.csv has 3 rows; give at least 100.")
        raise SystemExit(2)
    assert mlflow_run("pipeline").data.tags["stillhouse.error"] == "prepare: emails.csv has 3 rows; give at least 100."


def test_a_pipeline_is_a_parent_run_with_a_nested_run_per_step(
    home: Path, client: MlflowClient, mlflow_run: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("STILLHOUSE_RUN", "STILLHOUSE_SENDER"):
        monkeypatch.delenv(name)
    with pipeline_run(home, "spam-20261122-151405", "spam") as pipeline:
        pipeline.params({"data_source": "emails.parquet"})
        with step_run("prepare") as prepare:
            prepare.metrics({"rows": 3})
        with step_run("finetune") as finetune:
            finetune.metrics({"loss": 0.5}, 1)
    parent = mlflow_run("pipeline")
    assert client.get_experiment(parent.info.experiment_id).name == "spam"
    assert (parent.info.run_name, parent.info.status) == ("spam-20261122-151405", "FINISHED")
    assert parent.data.params == {"data_source": "emails.parquet"}
    for step in ("prepare", "finetune"):
        nested = mlflow_run(step)
        assert (nested.info.run_name, nested.info.status) == (step, "FINISHED")
        assert nested.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert "STILLHOUSE_RUN" not in os.environ


def test_points_arrive_verbatim(home: Path, client: MlflowClient, send: Send, mlflow_run: Find) -> None:
    before = time.time_ns() // 1_000_000
    with step_run("finetune") as run:
        run.metrics({"loss": 0.1 + 0.2}, 7)
    send()
    ((step, value, timestamp),) = history(client, mlflow_run("finetune"), "loss")
    assert (step, value) == (7, 0.1 + 0.2)
    assert before <= timestamp <= time.time_ns() // 1_000_000


def test_sending_everything_twice_changes_nothing(
    home: Path, spools: Path, client: MlflowClient, send: Send, mlflow_run: Find
) -> None:
    with step_run("finetune") as run:
        run.params({"epochs": 3})
        for step in range(50):
            run.metrics({"loss": 1 / (step + 1), "odd": float("nan")}, step)
        run.dataset("spam", "ab" * 32, "s3://bucket/emails", {"train": 80, "test": 20})
    send()
    once = mlflow_run("finetune")
    (spools / "finetune.sent").unlink()
    send()
    twice = mlflow_run("finetune")
    assert len(history(client, twice, "loss")) == len(history(client, twice, "odd")) == 50
    assert (twice.data.params, twice.data.tags) == (once.data.params, once.data.tags)
    assert len(datasets(twice)) == 1


def test_a_retried_step_continues_its_run(home: Path, client: MlflowClient, send: Send, mlflow_run: Find) -> None:
    with pytest.raises(RuntimeError), step_run("finetune") as run:
        run.metrics({"loss": 0.5}, 1)
        raise RuntimeError("out of luck")
    send()
    assert mlflow_run("finetune").info.status == "FAILED"
    with step_run("finetune") as run:
        run.metrics({"loss": 0.25}, 2)
    send()
    run_info, tags = mlflow_run("finetune").info, mlflow_run("finetune").data.tags
    assert run_info.status == "FINISHED"
    assert tags["attempt.1.error"] == "RuntimeError: out of luck"
    assert "stillhouse.error" not in tags
    assert [step for step, _, _ in history(client, mlflow_run("finetune"), "loss")] == [1, 2]


def test_the_error_of_an_earlier_attempt_bears_its_number(home: Path, send: Send, mlflow_run: Find) -> None:
    for _ in range(2):
        with pytest.raises(SystemExit), step_run("finetune"):
            raise UserError("no.")
    with step_run("finetune"):
        pass
    send()
    tags = mlflow_run("finetune").data.tags
    assert (tags["attempt.1.error"], tags["attempt.2.error"], tags["stillhouse.attempt"]) == ("no.", "no.", "3")


def test_a_retry_on_another_machine_sends_no_point_of_a_curve_again(
    home: Path, client: MlflowClient, send: Send, mlflow_run: Find
) -> None:
    for first, last in ((1, 6), (4, 9)):
        with step_run("finetune") as run:
            for step in range(first, last):
                run.metrics({"loss": 1 / step, "tokens_per_second": time.monotonic()}, step)
        send()
        shutil.rmtree(home / RUN)
    for name in ("loss", "tokens_per_second"):
        assert [step for step, _, _ in history(client, mlflow_run("finetune"), name)] == list(range(1, 9))


def test_a_parameter_that_varies_by_attempt_is_a_tag(home: Path, send: Send, mlflow_run: Find) -> None:
    for batch in ("64", "32"):
        with step_run("finetune") as run:
            run.params({"batch": batch, "epochs": "3"})
        send()
    data = mlflow_run("finetune").data
    assert data.params == {"batch": "64", "epochs": "3"}
    assert data.tags["attempt.2.batch"] == "32"
    assert "attempt.2.epochs" not in data.tags


def test_a_failed_step_carries_its_sentence(home: Path, send: Send, mlflow_run: Find) -> None:
    with pytest.raises(SystemExit), step_run("prepare"):
        raise UserError("emails.csv has 3 rows; give at least 100.")
    send()
    run = mlflow_run("prepare")
    assert run.info.status == "FAILED"
    assert run.data.tags["stillhouse.error"] == "emails.csv has 3 rows; give at least 100."


def test_a_step_alone_is_a_pipeline_of_its_own(
    home: Path, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STILLHOUSE_RUN")
    with pytest.raises(SystemExit), step_run("prepare") as run:
        Sender(home, run.run_id).send()
        during = statuses(client, run.run_id)
        raise UserError("no.")
    assert during == {"pipeline": "RUNNING", "prepare": "RUNNING"}
    Sender(home, run.run_id).send()
    assert statuses(client, run.run_id) == {"pipeline": "FAILED", "prepare": "FAILED"}


def test_an_injected_run_is_adopted(
    home: Path, client: MlflowClient, send: Send, mlflow_run: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = client.create_run("0")
    injected = client.create_run("0", tags={"mlflow.parentRunId": parent.info.run_id})
    monkeypatch.setenv("MLFLOW_RUN_ID", injected.info.run_id)
    with step_run("finetune") as run:
        run.metrics({"loss": 0.5})
    send()
    adopted = mlflow_run("finetune")
    assert adopted.info.run_id == injected.info.run_id
    assert adopted.data.metrics == {"loss": 0.5}
    assert adopted.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert client.get_run(parent.info.run_id).info.status == "RUNNING"
    assert client.search_experiments(filter_string="name = 'stillhouse'") == []


def test_an_injected_run_of_another_server_is_not_needed(
    home: Path, send: Send, mlflow_run: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_RUN_ID", "0123456789abcdef0123456789abcdef")
    with step_run("finetune"):
        pass
    send()
    assert mlflow_run("finetune").info.status == "FINISHED"


def test_steps_nest_under_an_adopted_parent_wherever_it_is(
    home: Path, client: MlflowClient, send: Send, mlflow_run: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = client.create_experiment("theirs", artifact_location=str(home / "theirs"))
    parent = client.create_run(experiment)
    monkeypatch.setenv("MLFLOW_RUN_ID", parent.info.run_id)
    with step_run("pipeline"):
        monkeypatch.delenv("MLFLOW_RUN_ID")
        with step_run("finetune"):
            pass
        send()
    nested = mlflow_run("finetune")
    assert nested.info.experiment_id == experiment
    assert nested.data.tags["mlflow.parentRunId"] == parent.info.run_id


def test_artifacts_arrive_under_the_home_folder(home: Path, client: MlflowClient, send: Send, mlflow_run: Find) -> None:
    (home / "plots").mkdir()
    (home / "plots" / "loss.svg").write_text("<svg/>")
    (home / "report.html").write_text("<p>")
    with step_run("evaluate") as run:
        run.artifact(home / "report.html")
        run.artifact(home / "plots", "plots")
    send()
    info = mlflow_run("evaluate").info
    assert Path(info.artifact_uri).is_relative_to(home / "mlartifacts")
    assert [entry.path for entry in client.list_artifacts(info.run_id)] == ["plots", "report.html"]
    assert [entry.path for entry in client.list_artifacts(info.run_id, "plots")] == ["plots/loss.svg"]


def test_a_file_that_is_gone_is_named_and_holds_up_nothing(
    home: Path, send: Send, mlflow_run: Find, caplog: pytest.LogCaptureFixture
) -> None:
    with step_run("evaluate") as run:
        run.artifact(home / "gone.html")
        run.metrics({"f1": 0.9})
    send()
    assert "gone.html is gone" in caplog.text
    assert mlflow_run("evaluate").data.metrics == {"f1": 0.9}


def test_the_dataset_keeps_its_digest_and_rows(home: Path, send: Send, mlflow_run: Find) -> None:
    with step_run("prepare") as run:
        run.dataset("spam", "ab" * 32, "s3://bucket/emails", {"train": 80, "test": 20})
    send()
    (dataset,) = datasets(mlflow_run("prepare"))
    assert (dataset.name, dataset.source_type) == ("spam", "s3")
    assert json.loads(dataset.source) == {"uri": "s3://bucket/emails"}
    assert json.loads(str(dataset.profile)) == {"digest": "ab" * 32, "rows": {"train": 80, "test": 20}}


def test_what_mlflow_refuses_is_named_and_the_rest_arrives(
    home: Path, send: Send, mlflow_run: Find, caplog: pytest.LogCaptureFixture
) -> None:
    with step_run("finetune") as run:
        run.metrics({"f1/späm & ham": 0.5, "../loss": 0.25, "acc": 0.75})
    send()
    assert mlflow_run("finetune").data.metrics == {"f1/späm _ ham": 0.5, "acc": 0.75}
    assert "../loss" in caplog.text


def test_more_than_mlflow_takes_at_once_goes_in_parts(
    home: Path, client: MlflowClient, send: Send, mlflow_run: Find, caplog: pytest.LogCaptureFixture
) -> None:
    with step_run("finetune") as run:
        run.params({f"setting_{number}": number for number in range(250)})
        run.metrics({f"slice/{number}/f1": 0.5 for number in range(1100)})
    send()
    data = mlflow_run("finetune").data
    assert (len(data.params), len(data.metrics)) == (250, 1100)
    assert not caplog.records


def test_a_run_that_somebody_deleted_holds_up_nothing(
    home: Path, spools: Path, client: MlflowClient, send: Send, mlflow_run: Find
) -> None:
    with step_run("finetune") as run:
        send()
        client.delete_run(mlflow_run("finetune").info.run_id)
        run.metrics({"loss": 0.5})
    send()
    assert not unsent(spools / "finetune.jsonl")


def test_a_server_that_lacks_the_run_gets_everything(
    home: Path, database: Path, send: Send, mlflow_run: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    with step_run("finetune") as run:
        run.metrics({"loss": 0.5}, 1)
        send()
        shutil.copy(database, home / "other.db")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{home / 'other.db'}")
        run.metrics({"loss": 0.25}, 2)
    send()
    other = connect(home)
    (sent,) = other.search_runs(
        [experiment.experiment_id for experiment in other.search_experiments()],
        "tags.`stillhouse.step` = 'finetune'",
    )
    assert [step for step, _, _ in history(other, sent, "loss")] == [1, 2]


def test_kill_9_in_the_middle_loses_and_doubles_nothing(
    home: Path, spools: Path, client: MlflowClient, mlflow_run: Find
) -> None:
    num_points = 6_000
    with step_run("finetune") as run:
        for step in range(num_points):
            run.metrics({"loss": 1 / (step + 1)}, step)
    spool = spools / "finetune.jsonl"
    command = [sys.executable, "-m", "stillhouse.components.tracking.sender"]
    command += ["--home", str(home), "--run", run.run_id, "--until-idle"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while read_sent(spool).offset == 0:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    killed_at = read_sent(spool).offset
    assert 0 < killed_at < spool.stat().st_size
    assert subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0
    points = history(client, mlflow_run("finetune"), "loss")
    assert [(step, value) for step, value, _ in points] == [(s, 1 / (s + 1)) for s in range(num_points)]


def test_a_dead_server_does_not_hold_up_the_step_and_the_next_run_sends(
    home: Path, spools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STILLHOUSE_SENDER")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", DEAD_SERVER)
    began = time.monotonic()
    with step_run("finetune") as run:
        for step in range(1000):
            run.metrics({"loss": 1 / (step + 1)}, step)
        worked = time.monotonic() - began
    assert worked < settings.DRAIN_SECONDS / 2
    assert time.monotonic() - began < settings.DRAIN_SECONDS * 1.5
    assert unsent(spools / "finetune.jsonl")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert serve(home, "next-run", told=lambda: True)
    assert not unsent(spools / "finetune.jsonl")


def test_a_step_is_shown_as_killed_until_its_end_comes(home: Path, mlflow_run: Find) -> None:
    with step_run("finetune"):
        replay(home)
        assert mlflow_run("finetune").info.status == "KILLED"
    replay(home)
    assert mlflow_run("finetune").info.status == "FINISHED"


def test_a_sender_whose_parent_is_gone_sends_the_rest_and_ends(
    home: Path, spools: Path, mlflow_run: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STILLHOUSE_SENDER")
    code = (
        "import os, signal; from stillhouse.components.tracking.run import step_run\n"
        "with step_run('finetune') as run:\n"
        "    run.metrics({'loss': 0.5}, 1)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code])
    until = time.monotonic() + 60
    while unsent(spools / "finetune.jsonl") and time.monotonic() < until:
        time.sleep(0.1)
    run = mlflow_run("finetune")
    assert (run.info.status, run.data.metrics) == ("KILLED", {"loss": 0.5})
