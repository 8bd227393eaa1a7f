"""What MLflow shows of a verdict."""

from typing import Any

import pytest
from tests.unit.promote.conftest import BEATEN

from stillhouse.components.artifacts.evaluation import Evaluation
from stillhouse.components.artifacts.verdict import Gate, Verdict
from stillhouse.components.promote.summary import summarise
from stillhouse.components.promote.telling import describe_run, describe_version, figures
from stillhouse.components.promote.wording import flips_of
from stillhouse.components.tracking.spool import read_events

Workplace = Any
"""See conftest.py."""

ROWS = {"train": 8000, "validation": 1000, "test": 1000, "unlabelled": 0}


@pytest.mark.usefixtures("no_mlflow")
def test_the_whole_run_has_figures_dataset_pages_and_verdict(workplace: Workplace) -> None:
    workplace.promote("a")
    spool = workplace.folder / "home" / "run-a" / "spool" / "promote.jsonl"
    said: dict[str, Any] = {}
    for _, event in read_events(spool):
        if event["event"] == "whole":
            said.setdefault(event["what"], []).append(event)

    assert [event["path"].rpartition("/")[2] for event in said["artifact"]] == [
        "verdict.intoto.jsonl",
        "report.html",
        "card.html",
        "verdict.json",
        "model_card.md",
        "technical_file.md",
    ]
    ((name, digest, rows),) = [(e["name"], e["digest"], e["rows"]) for e in said["dataset"]]
    assert (name, digest, rows) == ("mails", "data-a", ROWS)
    assert said["metric"][0]["values"]["student/f1_macro"] == 0.97
    assert said["tag"][0]["values"] == {"champion": "none", "loses_to": "none"}
    (verdict,) = said["verdict"]
    assert verdict["final"]
    assert verdict["values"]["decision"] == "promoted"
    assert verdict["description"].startswith(f"**{workplace.name}: promoted.** All gates hold.")


def test_a_version_says_why_it_was_promoted_and_a_late_one_too(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    from stillhouse.components.tracking import settings
    from stillhouse.components.tracking.registry import connect

    with monkeypatch.context() as down:
        down.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        down.setattr(settings, "REGISTRY_SECONDS", 0.2)
        workplace.promote("a")
    workplace.promote("b")

    client = connect(workplace.folder / "home")
    texts = {
        v.tags["stillhouse.run"]: str(v.description) for v in client.search_model_versions(f"name='{workplace.name}'")
    }
    assert texts["run-a"].startswith(
        "**All gates hold. It is the first champion of this name.** Promoted by the run run-a"
    )
    assert texts["run-b"].startswith("**All gates hold. It replaces ")
    assert all("| Student | 0.9700 | 0.9600 to 0.9800 |" in text for text in texts.values())


def verdict(evaluation: Evaluation, **changes: Any) -> Verdict:
    said = {"format": 1, "decision": "promoted", "why": "All gates hold.", "model_name": "spam", "version": "3"}
    gates = [Gate("within_teacher", True, 0.01, 0.02, "It is.")]
    known = {"gates": gates, "evaluation": evaluation, "run": "run-a", "time": "2026-01-01T00:00:00+00:00"}
    return Verdict.model_validate({**said, **known, **changes})


def test_the_page_begins_with_verdict_links_and_models(evaluate: Any) -> None:
    text = describe_run(verdict(evaluate({"models/student/latency_ms": {"p50": 1.25, "p90": 2.5}})))
    assert text.split("\n") == [
        "**spam: promoted, version 3.** All gates hold.",
        "",
        "[report](artifact:report.html) · [data card](artifact:card.html) · [verdict](artifact:verdict.json)"
        " · [model card](artifact:model_card.md) · [technical file](artifact:technical_file.md)"
        " · [version 3](version:spam/3)",
        "",
        "| model | f1_macro | 95 % interval | median latency | weights |",
        "|:---|---:|---:|---:|---:|",
        "| Student | 0.9700 | 0.9600 to 0.9800 | 1.25 ms | 4 MB |",
        "| Teacher | 0.9750 | 0.9650 to 0.9850 |  | 9 MB |",
        "",
        "Measured on 1,000 test rows. Gates passed: 1 of 1.",
    ]


def test_of_a_rejection_it_names_the_gates_that_failed(evaluate: Any) -> None:
    gates = [Gate("max_bytes", False, 4_000_000, 3_000_000, "Too big.")]
    text = describe_run(verdict(evaluate(), decision="rejected", version=None, gates=gates, notes=["A note."]))
    assert text.startswith("**spam: not promoted.** All")
    assert text.endswith("Gates passed: 0 of 1:\n\n- **max_bytes** failed: Too big.\n\n> A note.")
    assert "version" not in text


FLIPS = {"negative_flips": {"rows": 1200, "number": 12, "rate": 0.01, "upper": 0.0163}}
SAID = (
    "The candidate has 12 of 1,200 rows wrong that the champion has right: a rate of 0.0100, at most 0.0163 (95 % "
    "one-sided)."
)


def test_negative_flips_are_told_whether_they_are_a_gate_or_not(evaluate: Any) -> None:
    decided = verdict(evaluate(FLIPS, champion=True))
    assert describe_run(decided).endswith(f"Gates passed: 1 of 1.\n\n{SAID}")
    assert f"Measured on 1,000 test rows. {SAID}\n" in summarise(decided)
    assert figures(decided, {})["student/negative_flips"] == 0.01


def test_of_a_baseline_in_the_students_place_its_own_are_told(evaluate: Any) -> None:
    candidates = {"tfidf_logistic": {**BEATEN["candidates"]["tfidf_logistic"], **FLIPS}}
    measured = evaluate({**BEATEN, "candidates": candidates}, champion=True)
    assert describe_run(verdict(measured, candidate="tfidf_logistic")).endswith(SAID)
    assert flips_of(verdict(measured)) == ""


def test_figures_have_the_names_that_the_steps_give_them(evaluate: Any) -> None:
    found = figures(verdict(evaluate({"models/student/latency_ms": {"p50": 1.25, "p90": 2.5}})), ROWS)
    assert found == {
        **{f"rows/{split}": count for split, count in ROWS.items()},
        "student/f1_macro": 0.97,
        "student/latency_ms": 1.25,
        "student/megabytes": 4.0,
        "teacher/f1_macro": 0.975,
        "teacher/megabytes": 9.0,
        "gates/failed": 0,
    }


def test_a_version_whose_verdict_is_gone_says_which_run_promoted_it(workplace: Workplace) -> None:
    workplace.promote("a")
    champion = workplace.record.champion
    assert describe_version(champion, None) == f"Promoted by the run run-a at {champion.promoted_at}."
