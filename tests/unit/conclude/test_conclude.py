import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from stillhouse.components.conclude import webhook
from stillhouse.components.conclude.conclude import conclude
from stillhouse.components.conclude.webhook import WEBHOOK
from stillhouse.components.decline.decline import decline
from stillhouse.components.runtime.attempts import VERDICTS, Attempt, Journal
from stillhouse.components.runtime.step_run import pipeline_end
from stillhouse.components.storage.home import local_store
from stillhouse.components.storage.store import Store
from stillhouse.components.tracking import run as tracking
from stillhouse.components.tracking.run import StepRun, step_run
from stillhouse.components.tracking.settings import PIPELINE
from stillhouse.components.tracking.spool import read_events
from stillhouse.errors import UserError
from stillhouse.redaction import redact

RUN = "0b1f7c8e-run"
VERDICT = {"format": 1, "decision": "promoted", "why": "All gates hold.", "model_name": "spam", "version": "3"}
VERDICT |= {"run": RUN, "time": "2026-11-22T10:00:00+00:00"}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STILLHOUSE_RUN", RUN)
    for name in ("STILLHOUSE_STORE", "STILLHOUSE_SENDER", "MLFLOW_RUN_ID", WEBHOOK):
        monkeypatch.delenv(name, raising=False)
    # The sender has tests of its own; here its import of MLflow would take most of the time.
    monkeypatch.setattr(tracking, "_sender", lambda home, run_id: nullcontext())
    return local_store()


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    documents: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(webhook, "post", lambda url, document, identity: documents.append((url, document)))
    return documents


def end(tmp_path: Path, state: str = "FAILED") -> str:
    """Run the exit step; what it wrote for the pipelines interface."""
    summary = tmp_path / "out" / "summary"
    with pipeline_end() as run:
        conclude("spam", state=state, summary=str(summary), run=run)
    return summary.read_text()


def spooled(tmp_path: Path, name: str) -> list[dict[str, Any]]:
    return [event for _, event in read_events(tmp_path / "home" / RUN / "spool" / f"{name}.jsonl")]


def note(store: Store, step: str, *attempts: dict[str, Any]) -> None:
    for number, fields in enumerate(attempts, start=1):
        attempt = Attempt(number=number, started=f"2026-11-22T10:00:0{number}+00:00", **fields)
        Journal(store, RUN, step).write(attempt)


def test_a_run_with_a_verdict_ends_well(store: Store, tmp_path: Path) -> None:
    store.put(f"{VERDICTS}/{RUN}.json", json.dumps(VERDICT).encode())
    assert end(tmp_path) == "# spam: promoted\n\nAll gates hold.\n"
    *_, tags, last = spooled(tmp_path, PIPELINE)
    assert tags["values"] == {"decision": "promoted", "why": "All gates hold."}
    assert (last["status"], last["message"]) == ("FINISHED", "")


def test_not_enough_evidence_is_said_once_to_the_webhook_and_to_mlflow(
    store: Store, tmp_path: Path, posted: list[tuple[str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WEBHOOK, "https://chat.example/hook")
    why = "Not enough evidence: the champion (version 1) cannot be compared: no label is one of both."
    verdict = VERDICT | {"decision": "not enough evidence", "why": why, "version": None}
    store.put(f"{VERDICTS}/{RUN}.json", json.dumps(verdict).encode())

    assert end(tmp_path) == f"# spam: not enough evidence\n\n{why}\n"

    ((_, document),) = posted
    assert document["text"] == f"spam: {why}"
    assert (document["succeeded"], document["decision"], document["why"]) == (True, "not enough evidence", why)
    *_, tags, _ = spooled(tmp_path, PIPELINE)
    assert tags["values"] == {"decision": "not enough evidence", "why": why}


def test_a_run_with_nothing_to_learn_ends_well(store: Store, tmp_path: Path) -> None:
    decline("12 new rows of at least 100", model_name="spam", run=StepRun("decline", RUN, tmp_path / "home"))
    assert end(tmp_path, "SUCCEEDED") == "# spam: nothing to learn\n\n12 new rows of at least 100\n"
    *_, tags, last = spooled(tmp_path, PIPELINE)
    assert tags["values"] == {"decision": "nothing to learn", "why": "12 new rows of at least 100"}
    assert last["status"] == "FINISHED"


def test_a_failed_run_says_which_step_failed_and_why(store: Store, tmp_path: Path) -> None:
    note(store, "prepare", {"outcome": "succeeded"})
    note(store, "finetune", {"outcome": "signal", "detail": "SIGKILL"}, {"outcome": "exit_code", "detail": "1"})
    note(store, "conclude", {})
    assert "finetune: its process ended with exit code 1" in end(tmp_path)
    last = spooled(tmp_path, PIPELINE)[-1]
    assert last["status"] == "FAILED"
    assert last["message"] == "failed: finetune: its process ended with exit code 1"


def test_a_lost_pod_is_a_reason(store: Store, tmp_path: Path) -> None:
    note(store, "distill", {})
    assert "its pod ended without saying why" in end(tmp_path)


def test_where_nothing_supervises_the_spools_know_why(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLHOUSE_SENDER", "external")
    with pytest.raises(SystemExit), step_run("prepare"):
        raise UserError("data.csv, row 3: no label; add one.")
    assert "prepare: data.csv, row 3: no label; add one." in end(tmp_path)


def test_when_nobody_knows_why_it_says_where_to_look(store: Store, tmp_path: Path) -> None:
    assert "KFP's state is FAILED, look at its pods" in end(tmp_path)


def test_on_this_machine_the_process_that_started_the_run_closes_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLHOUSE_SENDER", "external")
    end(tmp_path)
    assert not (tmp_path / "home" / RUN / "spool").exists()


def test_with_kfps_plugin_its_parent_run_is_left_to_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_RUN_ID", "f" * 32)
    end(tmp_path)
    assert spooled(tmp_path, "conclude")[0]["injected"] == "f" * 32
    assert not (tmp_path / "home" / RUN / "spool" / f"{PIPELINE}.jsonl").exists()


def test_the_outcome_is_posted(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, posted: list[tuple[str, dict[str, Any]]]
) -> None:
    monkeypatch.setenv(WEBHOOK, "https://chat.example/hook")
    store.put(f"{VERDICTS}/{RUN}.json", json.dumps(VERDICT | {"loses_to": ["majority"]}).encode())
    end(tmp_path)
    ((url, document),) = posted
    assert url == "https://chat.example/hook"
    assert document["text"] == "spam: promoted: All gates hold."
    assert (document["run"], document["succeeded"], document["version"]) == (RUN, True, "3")
    assert document["loses_to"] == ["majority"]


def test_without_an_address_nothing_is_posted(
    store: Store, tmp_path: Path, posted: list[tuple[str, dict[str, Any]]]
) -> None:
    end(tmp_path)
    assert posted == []


def test_the_address_is_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WEBHOOK, "https://chat.example/T0/B0/verysecret")
    assert "verysecret" not in redact("posting to https://chat.example/T0/B0/verysecret")
