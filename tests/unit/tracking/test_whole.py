"""What steps say of the whole pipeline, in MLflow on SQLite."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from stillhouse.components.tracking import connection
from stillhouse.components.tracking.closing import close_runs, open_runs
from stillhouse.components.tracking.run import pipeline_run, step_run
from stillhouse.components.tracking.sender import Sender
from stillhouse.components.tracking.whole import MAX_DESCRIPTION, shortened

Find = Callable[[str], Run]
Send = Callable[[], None]

DESCRIPTION = "mlflow.note.content"


def described(run: Run) -> tuple[str, str]:
    """Decision and description."""
    return run.data.tags["decision"], run.data.tags[DESCRIPTION]


def test_what_a_step_says_of_the_whole_stands_in_the_pipelines_run(
    home: Path, client: MlflowClient, send: Send, mlflow_run: Find
) -> None:
    (home / "report.html").write_text("<p>")
    with step_run("promote") as run:
        run.whole.params({"seed": 1, "data": {"source": "s3://b/mails"}})
        run.whole.tags({"task": "text_classification"})
        run.whole.metrics({"student/f1_macro": 0.97})
        run.whole.dataset("mails", "ab" * 32, "s3://b/mails", {"train": 80, "test": 20})
        run.whole.artifact(home / "report.html")
        run.whole.verdict("promoted", "All gates hold.", "**promoted**", version="3")
    send()

    whole: Any = mlflow_run("pipeline")
    assert whole.data.params == {"seed": "1", "data.source": "s3://b/mails"}
    assert whole.data.metrics == {"student/f1_macro": 0.97}
    ((used, context),) = [(i.dataset, i.tags[0].value) for i in whole.inputs.dataset_inputs]
    assert (used.name, used.digest, context) == ("mails", "ab" * 18, "training")
    assert [entry.path for entry in client.list_artifacts(whole.info.run_id)] == ["report.html"]
    tags = whole.data.tags
    assert {name: tags[name] for name in ("task", "decision", "why", "version", DESCRIPTION)} == {
        "task": "text_classification",
        "decision": "promoted",
        "why": "All gates hold.",
        "version": "3",
        DESCRIPTION: "**promoted**",
    }
    own: Any = mlflow_run("promote")
    assert (own.data.params, own.data.metrics, own.inputs.dataset_inputs) == ({}, {}, [])


def test_links_lead_to_pages_of_the_same_server(home: Path, send: Send, mlflow_run: Find) -> None:
    with step_run("promote") as run:
        run.whole.verdict(
            "promoted", "", "[report](artifact:report.html) · [version 3](version:spam/3) · [x](https://x)"
        )
    send()
    whole = mlflow_run("pipeline")
    page = f"#/experiments/{whole.info.experiment_id}/runs/{whole.info.run_id}/artifacts/report.html"
    mode = "?workflowType=machine_learning"
    assert whole.data.tags[DESCRIPTION] == (
        f"[report]({page}{mode}) · [version 3](#/models/spam/versions/3{mode}) · [x](https://x)"
    )


def test_said_and_sent_again_it_stands_there_once(
    home: Path, client: MlflowClient, spools: Path, send: Send, mlflow_run: Find
) -> None:
    for _ in range(2):  # a retry
        with step_run("promote") as run:
            run.whole.params({"seed": 1})
            run.whole.metrics({"student/f1_macro": 0.97})
            run.whole.dataset("mails", "ab" * 32, "s3://b/mails", {"train": 80})
        send()
    (spools / "promote.sent").unlink()  # its pod was lost
    send()
    whole: Any = mlflow_run("pipeline")
    assert len(client.get_metric_history(whole.info.run_id, "student/f1_macro")) == 1
    assert len(whole.inputs.dataset_inputs) == 1


def test_what_a_retry_was_asked_for_instead_is_a_tag(home: Path, send: Send, mlflow_run: Find) -> None:
    for seed in (1, 2):
        with step_run("inspect") as run:
            run.whole.params({"seed": seed, "task": "text_classification"})
    send()
    data = mlflow_run("pipeline").data
    assert (data.params, data.tags["seed"]) == ({"seed": "1", "task": "text_classification"}, "2")
    assert "task" not in data.tags


def test_a_pipeline_that_fails_says_why(home: Path, mlflow_run: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = os.environ["STILLHOUSE_RUN"]
    with pytest.raises(SystemExit), pipeline_run(home, run_id, "spam"):
        with pytest.raises(ValueError), step_run("finetune"):
            raise ValueError("the loss is nan")
        raise SystemExit(1)
    Sender(home, run_id).send()
    why = "finetune: ValueError: the loss is nan"
    assert described(mlflow_run("pipeline")) == ("failed", f"**failed**: {why}")


def test_one_that_is_interrupted_says_so(home: Path, mlflow_run: Find) -> None:
    run_id = os.environ["STILLHOUSE_RUN"]
    with pytest.raises(KeyboardInterrupt), pipeline_run(home, run_id, "spam"):
        raise KeyboardInterrupt
    Sender(home, run_id).send()
    assert described(mlflow_run("pipeline")) == ("stopped", "**stopped**: interrupted")


def test_one_that_nobody_closed_is_told_by_who_closes_it(
    home: Path, client: MlflowClient, mlflow_run: Find, send: Send
) -> None:
    with pytest.raises(SystemExit), step_run("finetune"):
        send()
        raise SystemExit(0)
    close_runs(home, open_runs(home)[os.environ["STILLHOUSE_RUN"]], "it was cancelled")
    assert described(mlflow_run("pipeline")) == ("stopped", "**stopped**: it was cancelled")
    assert DESCRIPTION not in mlflow_run("finetune").data.tags


@pytest.mark.parametrize("first", ["pipeline", "promote"])
def test_a_verdict_stands_though_something_fails_behind_it(
    home: Path, client: MlflowClient, spools: Path, mlflow_run: Find, first: str
) -> None:
    with pytest.raises(SystemExit), step_run("pipeline"):
        with step_run("promote") as run:
            run.whole.verdict("promoted", "All gates hold.", "**promoted**")
        raise SystemExit(1)
    # Spools come in any order: one may have waited in the store.
    late = next(path for path in spools.glob("*.jsonl") if path.stem != first)
    late.rename(spools / "later")
    Sender(home, os.environ["STILLHOUSE_RUN"]).send()
    (spools / "later").rename(late)
    Sender(home, os.environ["STILLHOUSE_RUN"]).send()
    assert described(mlflow_run("pipeline")) == ("promoted", "**promoted**")
    assert mlflow_run("pipeline").info.status == "FAILED"


def test_a_retry_of_the_pipeline_outweighs_its_failure(home: Path, send: Send, mlflow_run: Find) -> None:
    with pytest.raises(SystemExit), step_run("pipeline"):
        raise SystemExit(1)
    send()
    with step_run("promote") as run:
        run.whole.verdict("rejected", "Not promoted.", "**rejected**")
    send()
    assert described(mlflow_run("pipeline")) == ("rejected", "**rejected**")


def test_under_kfps_plugin_its_parent_run_has_it_and_no_second_one_is_made(
    home: Path, client: MlflowClient, send: Send, mlflow_run: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = client.create_experiment("KFP-Default", artifact_location=str(home / "theirs"))
    parent = client.create_run(experiment, run_name="a run", tags={"kfp.pipeline_run_id": "7"}).info.run_id
    loop = client.create_run(experiment, run_name="loop", tags={"mlflow.parentRunId": parent}).info.run_id
    for step, above in (("inspect", parent), ("promote", loop), ("conclude", parent)):
        given = client.create_run(experiment, run_name=step, tags={"mlflow.parentRunId": above}).info.run_id
        client.log_param(given, "model_name", "spam")  # as the plugin does with plain inputs
        monkeypatch.setenv("MLFLOW_RUN_ID", given)
        with step_run(step) as run:
            run.inputs({"model_name": "spam"})
            run.whole.params({"name": "spam"})
            run.whole.tags({"said by": step})
            if step == "promote":
                run.whole.verdict("rejected", "Not promoted.", "[report](artifact:report.html)")
    send()

    runs = client.search_runs([experiment])
    names = sorted(run.info.run_name for run in runs)
    assert names == ["a run", "conclude", "inspect", "loop", "promote"]
    assert client.search_experiments(filter_string="name = 'stillhouse'") == []
    whole = client.get_run(parent)
    assert whole.data.params == {"name": "spam"}
    assert (whole.data.tags["decision"], whole.data.tags["said by"]) == ("rejected", "promote")
    assert f"runs/{parent}/artifacts/report.html" in whole.data.tags[DESCRIPTION]
    assert (whole.info.run_name, whole.info.status) == ("a run", "RUNNING")
    assert [DESCRIPTION in run.data.tags for run in runs].count(True) == 1


def test_a_pipeline_adopted_from_elsewhere_is_the_whole_and_not_what_it_lies_in(
    home: Path, client: MlflowClient, mlflow_run: Find, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    outer = client.create_run("0").info.run_id
    injected = client.create_run("0", tags={"mlflow.parentRunId": outer}).info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", injected)
    with step_run("pipeline"):
        monkeypatch.delenv("MLFLOW_RUN_ID")
        with step_run("inspect") as run:
            run.whole.params({"seed": 1})
    send()
    assert client.get_run(injected).data.params == {"seed": "1"}
    assert client.get_run(outer).data.params == {}


def test_an_experiment_is_one_of_model_training(home: Path, client: MlflowClient) -> None:
    client.create_experiment("of an earlier release")
    for name in ("new", "of an earlier release"):
        found = client.get_experiment(connection.experiment_id(client, home, name))
        assert found.tags["mlflow.experimentKind"] == "custom_model_development"


def test_what_a_person_said_an_experiment_is_stays(home: Path, client: MlflowClient) -> None:
    client.create_experiment("theirs", tags={"mlflow.experimentKind": "genai_development"})
    found = client.get_experiment(connection.experiment_id(client, home, "theirs"))
    assert found.tags["mlflow.experimentKind"] == "genai_development"


@pytest.mark.parametrize("text", ["word " * 5000, "- a gate failed, with a sentence\n" * 400, "short", ""])
def test_a_description_has_a_length_that_mlflow_takes(text: str) -> None:
    short = shortened(text)
    assert len(short) <= MAX_DESCRIPTION
    assert short == text or (short.endswith("\n…") and text.startswith(short.removesuffix("\n…")))


def test_nothing_secret_is_said_of_the_whole(home: Path, spools: Path) -> None:
    url = "https://somebody:pl4nted-password@host/data"
    with step_run("promote") as run:
        run.whole.params({"source": url})
        run.whole.tags({"source": url})
        run.whole.dataset("d", "ab", url, {})
        run.whole.verdict("rejected", url, f"**{url}**")
        run.whole.ended("failed", url)
    assert "pl4nted" not in (spools / "promote.jsonl").read_text()
