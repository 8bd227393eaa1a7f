"""A table of numbers, categories, dates and gaps, from a CSV file to a promoted model that answers."""

import csv
import datetime as dt
import json
import random
from pathlib import Path

import pytest
import yaml
from runs import Outcome, run_recipe, stillhouse

pytestmark = pytest.mark.pipeline

ROWS = 520
RECIPE = {
    "name": "houses",
    "task": "tabular",
    "budget": "none",
    "data": {"source": "houses.csv", "columns": {"label": "price", "group": "street"}},
    "input": {"kinds": {"floor": "category"}},
    "model": {
        "base": "",
        "teacher": {"layers": 1, "width": 16, "heads": 2, "bins": 4},
        "student": {"architecture": {"network": "mlp", "layers": 1, "width": 16, "bins": 4}},
    },
    "pretrain": {"loop": {"epochs": 2}},
    "finetune": {"loop": {"epochs": 14, "batch_tokens": 16}, "optimizer": {"learning_rate": 0.005}},
    "distill": {"loop": {"epochs": 14, "batch_tokens": 16}, "optimizer": {"learning_rate": 0.01}},
    "promote": {"within_teacher": 0.15, "must_beat": ["majority"]},
}
Run = tuple[Path, Outcome]


def write_houses(path: Path) -> None:
    """Large houses with a garden are dear; the size is not always known."""
    draw = random.Random(1)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "size", "garden", "built", "floor", "street", "price"])
        for i in range(ROWS):
            size, garden = draw.uniform(40, 200), draw.choice(["yes", "no"])
            built = dt.date(1950, 1, 1) + dt.timedelta(days=draw.randrange(25_000))
            price = "dear" if size > 120 or (garden == "yes" and size > 80) else "fair"
            written = "" if draw.random() < 0.05 else f"{size:.2f}"
            writer.writerow([1000 + i, written, garden, built, draw.randrange(4), f"street {i % 130}", price])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The folder of the recipe, and its run."""
    folder = tmp_path_factory.mktemp("tabular")
    write_houses(folder / "houses.csv")
    (folder / "houses.yaml").write_text(yaml.safe_dump(RECIPE))
    return folder, run_recipe(folder / "houses.yaml", folder / "runs")


def test_a_model_that_answers_well_is_promoted(run: Run) -> None:
    _, outcome = run
    assert outcome.code == 0, outcome.printed
    assert outcome.verdict["decision"] == "promoted", outcome.verdict["why"]
    models = outcome.verdict["evaluation"]["models"]
    assert set(models) == {"student", "teacher", "boosted_trees", "majority"}
    assert models["teacher"]["metrics"]["f1_macro"]["value"] > 0.8
    assert models["boosted_trees"]["title"] == "Boosted trees"


def test_what_the_columns_are_is_in_model_json(run: Run) -> None:
    folder, _ = run
    fitted = json.loads(next((folder / "runs/store/models").glob("*/model.json")).read_text())["fitted"]
    kinds = {column["name"]: column["kind"] for column in fitted["columns"]}
    assert kinds == {"size": "number", "garden": "category", "built": "date", "floor": "category"}
    assert fitted["left_out"] == {"id": "numbers the rows"}


def test_the_report_shows_rows_and_the_card_counts_them(run: Run) -> None:
    _, outcome = run
    assert '<table class="row">' in (outcome.folder / "report.html").read_text()
    assert "Boosted trees" in (outcome.folder / "report.html").read_text()
    assert "garden" in (outcome.folder / "card.html").read_text()


def test_it_answers_for_rows_of_a_file_and_says_which_column_is_missing(run: Run) -> None:
    folder, _ = run
    (folder / "new.csv").write_text("built,size,garden,floor\n1990-05-01,190,yes,7\n1990-05-01,45.5,no,\n")
    done = stillhouse("predict", "models:/houses@champion", folder / "new.csv", home=folder / "runs")
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["label"] for line in done.stdout.splitlines()] == ["dear", "fair"]
    (folder / "bad.csv").write_text("built,garden,floor\n1990-05-01,yes,1\n")
    done = stillhouse("predict", "models:/houses@champion", folder / "bad.csv", home=folder / "runs")
    assert done.returncode != 0
    assert (
        "column 'size' is missing, and the model was trained with it; the data has built, garden, floor" in done.stderr
    )
