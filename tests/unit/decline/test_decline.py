"""decline: a run that ends early ends with a verdict."""

import json
from pathlib import Path

import pytest

from stillhouse.components.artifacts.nights import nights_of
from stillhouse.components.decline.decline import decline
from stillhouse.components.runtime.attempts import VERDICTS
from stillhouse.components.storage.home import local_store
from stillhouse.components.tracking.run import StepRun
from stillhouse.components.tracking.spool import read_events

WHY = "12 new rows of at least 100"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StepRun:
    """The step's run, after the step."""
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("STILLHOUSE_STORE", raising=False)
    run = StepRun("decline", "run", tmp_path / "home")
    decline(WHY, model_name="spam", run=run)
    return run


def test_the_verdict_is_in_the_store_for_the_exit_step(run: StepRun) -> None:
    verdict = json.loads(local_store().get(f"{VERDICTS}/run.json"))

    assert (verdict["decision"], verdict["why"], verdict["model_name"]) == ("nothing to learn", WHY, "spam")


def test_the_verdict_is_in_the_folder_of_the_run(run: StepRun) -> None:
    assert (run.folder / "verdict.json").read_bytes() == local_store().get(f"{VERDICTS}/run.json")


def test_it_is_a_night_whose_gain_is_not_known(run: StepRun) -> None:
    night = nights_of(local_store(), "spam")[0]

    assert (night.run, night.is_skipped, night.gain) == ("run", True, None)


def test_nothing_is_promoted(run: StepRun) -> None:
    assert list(local_store().list("promotions")) == []


def test_mlflow_is_told(run: StepRun) -> None:
    tags = [
        event["values"] for _, event in read_events(run.folder / "spool" / "decline.jsonl") if event["event"] == "tag"
    ]

    assert tags[0] | {"version": ""} == {"decision": "nothing to learn", "why": WHY, "version": ""}
