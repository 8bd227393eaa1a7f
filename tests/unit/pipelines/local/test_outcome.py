import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from stillhouse.components.storage.home import local_store
from stillhouse.pipelines.local.outcome import show_failure, show_outcome
from stillhouse.pipelines.local.progress import StepProgress

VERDICT: dict[str, Any] = {
    "format": 1,
    "decision": "promoted",
    "why": "All 2 gates hold; it is the first one.",
    "model_name": "spam",
    "version": "3",
    "gates": [
        {"name": "within_teacher", "passed": True, "measured": 0.01, "limit": 0.02, "sentence": "It is."},
        {"name": "test_rows", "passed": True, "measured": 1181, "limit": 30, "sentence": "Enough evidence."},
    ],
    "notes": [],
    "evaluation": {
        "format": 1,
        "task": "text_classification",
        "main_metric": "f1_macro",
        "greater_is_better": True,
        "confidence": 0.95,
        "rows": {"test": 1181},
        "models": {
            "student": {"metrics": {"f1_macro": {"value": 0.97312, "low": 0.96, "high": 0.98}}},
            "tfidf_logistic": {
                "metrics": {"f1_macro": {"value": 0.976, "low": 0.96, "high": 0.98}},
                "title": "TF-IDF + logistic regression",
            },
        },
        "differences": {},
        "latency_ratio": {},
        "slices": {},
        "notes": ["TF-IDF with logistic regression is better than the student."],
    },
    "run": "spam-1",
    "time": "2026-11-22T10:00:00+00:00",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path))
    for name in ("STILLHOUSE_STORE", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def outcome(home: Path, **changes: Any) -> str:
    folder = home / "run"
    folder.mkdir()
    (folder / "verdict.json").write_text(json.dumps(VERDICT | changes))
    (folder / "report.html").touch()
    output = io.StringIO()
    show_outcome(Console(file=output, width=100), folder)
    return output.getvalue()


def test_a_promotion_names_the_version_the_figures_and_every_note(home: Path) -> None:
    shown = outcome(home)
    for part in (
        "promoted: spam version 3",
        "All 2 gates hold",
        "f1_macro on 1,181 test rows: student 0.9731, TF-IDF + logistic regression 0.9760",
        "gates passed: 2 of 2",
        "TF-IDF with logistic regression is better",
    ):
        assert part in shown


def test_a_rejection_says_that_production_stays(home: Path) -> None:
    gates = [{"name": "test_rows", "passed": False, "measured": 3, "limit": 30, "sentence": "Only 3 test rows."}]
    shown = outcome(home, decision="rejected", why="Only 3 test rows.", version=None, gates=gates)
    assert "rejected: spam\n" in shown
    assert "gates passed: 0 of 1" in shown
    assert "production stays as it was" in shown


def test_the_first_line_says_that_there_was_not_enough_evidence(home: Path) -> None:
    why = "Not enough evidence: the champion (version 1) cannot be compared: no label is one of both."
    lines = outcome(home, decision="not enough evidence", why=why, version=None).splitlines()
    assert lines[1:3] == ["not enough evidence: spam", why]
    assert any("production stays as it was" in line for line in lines)


def test_an_early_end_says_what_was_found_of_what_was_asked_for(home: Path) -> None:
    (home / "run").mkdir()
    verdict = {key: VERDICT[key] for key in ("format", "model_name", "run", "time")} | {"version": None}
    found = verdict | {"decision": "nothing to learn", "why": "12 new rows of at least 100"}
    (home / "run" / "verdict.json").write_text(json.dumps(found))
    output = io.StringIO()
    show_outcome(Console(file=output, width=100), home / "run")
    assert "nothing to learn: spam\n12 new rows of at least 100\n" in output.getvalue()


def test_the_places_of_report_model_and_mlflow_are_shown(home: Path) -> None:
    record = {"champion": {"uri": "elsewhere/store/models/abc", "digest": "abc"}}
    local_store().put("promotions/spam.json", json.dumps(record).encode())
    lines = outcome(home).splitlines()
    assert f"report     {home}/run/report.html" in lines
    assert f"model      {home}/store/models/abc" in lines
    (mlflow,) = [line for line in lines if line.startswith("MLflow")]
    assert mlflow.endswith(f"mlflow ui --backend-store-uri sqlite:///{home}/mlflow.db")


def test_a_tracking_server_is_shown_by_its_address(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:5000")
    assert "MLflow     http://localhost:5000" in outcome(home).splitlines()


def test_a_file_that_the_run_did_not_write_is_not_named(home: Path) -> None:
    assert "data card" not in outcome(home)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (StepProgress("prepare", state="failed", message="data.csv, row 3: no label."), 2),
        (StepProgress("prepare", state="failed", message="ValueError: x", crashed=True), 1),
        (StepProgress("prepare", state="failed"), 1),
        (None, 1),
    ],
)
def test_only_a_mistake_of_the_user_is_exit_code_2(tmp_path: Path, row: StepProgress | None, code: int) -> None:
    (tmp_path / "pipeline.log").write_text("the last line\n")
    assert show_failure(row, tmp_path) == code
