"""Recommendation from rows of users and items to a promoted model that answers: one whole local run, tiny."""

import json
from pathlib import Path

import histories
import pytest
import yaml
from runs import Outcome, run_recipe, stillhouse

pytestmark = pytest.mark.pipeline

FAST = {"epochs": 20, "batch_tokens": 32}
RECIPE = {
    "name": "next",
    "task": "recommendation",
    "budget": "none",
    "data": {"source": "taken.csv", "columns": {"user": "user", "item": "item", "time": "time"}},
    "model": {
        "base": "",
        "teacher": {"width": 16, "code": 8},
        "student": {"architecture": {"width": 12, "code": 8}},
    },
    "pretrain": {"objective": "none"},  # a process less; the unit tests pretrain
    "finetune": {"loop": FAST, "optimizer": {"learning_rate": 0.01}},
    "distill": {"loop": FAST, "optimizer": {"learning_rate": 0.02}},
    "evaluate": {"latency_rows": 20, "latency_rounds": 2, "resamples": 200},
    # What is tried here are the steps: who is quicker of two models that take under a millisecond, is chance.
    "promote": {"within_teacher": 1.0, "must_beat": "majority", "max_latency_vs_teacher": 100.0},
}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The run."""
    folder = tmp_path_factory.mktemp("next")
    histories.write_rows(folder / "taken.csv", 400)
    (folder / "next.yaml").write_text(yaml.safe_dump(RECIPE))
    return run_recipe(folder / "next.yaml", folder / "runs")


def test_a_student_is_promoted_that_beats_the_most_popular_items(outcome: Outcome) -> None:
    assert outcome.code == 0, outcome.printed
    assert outcome.verdict["decision"] == "promoted"
    models = outcome.verdict["evaluation"]["models"]
    assert set(models) == {"student", "teacher", "item_neighbours", "majority"}
    assert list(models["student"]["metrics"]) == ["ndcg_10", "recall_20", "coverage_10"]


def test_the_report_shows_users_and_groups_of_items(outcome: Outcome) -> None:
    page = (outcome.folder / "report.html").read_text()
    assert "Groups of items" in page
    assert "NDCG@10" in page
    assert "Most popular items" in page
    assert "taken next:" in page


def test_predict_answers_a_file_of_rows_with_items_for_each_user(outcome: Outcome, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("user,item,time\nann,item 0,2\nann,item 3,1\nbob,item 1,7\nann,never seen,3\n")
    done = stillhouse(
        "predict",
        "models:/next@champion",
        tmp_path / "new.csv",
        "--out",
        tmp_path / "a.jsonl",
        home=outcome.folder.parent,
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [row["user"] for row in rows] == ["ann", "bob"]
    assert [len(row["items"]) for row in rows] == [10, 10]
    assert not {"item 0", "item 3"} & set(rows[0]["items"])
