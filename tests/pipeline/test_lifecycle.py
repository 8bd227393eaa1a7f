"""A model's life over scheduled runs: promoted, retrained on new rows, defended against a worse one, rolled back.

On a part of the emails and with small models, so that a whole run takes seconds: a transformer, and an LSTM that is its
student and has words of its own.
"""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from runs import Outcome, run_recipe, stillhouse

pytestmark = pytest.mark.pipeline

EMAILS = Path(__file__).parents[2] / "pipelines/recipes/data/spam-assassin.parquet"
RECIPE = {
    "name": "mail",
    "data": {"source": "mail.parquet", "columns": {"text": ["subject", "body"], "label": "label"}},
    "model": {
        "teacher": {"layers": 2, "width": 64, "heads": 1, "vocab_size": 2000, "max_length": 64},
        "student": {"architecture": {"network": "lstm", "layers": 1, "width": 32, "vocab_size": 2000}},
    },
    "pretrain": {"objective": "none"},
    "finetune": {"loop": {"epochs": 6, "max_length": 64, "batch_tokens": 1024}, "optimizer": {"learning_rate": 0.003}},
    "distill": {"loop": {"epochs": 4, "max_length": 64, "batch_tokens": 1024}, "optimizer": {"learning_rate": 0.003}},
    "evaluate": {"resamples": 500, "latency_rows": 16},
    "promote": {
        "must_beat": "majority",
        "prefer": "student",
        "within_teacher": 0.5,
        "within_champion": 0.5,
        "within_anchor": 0.9,
        "max_latency_vs_teacher": 10.0,
        "max_latency_vs_champion": 10.0,
    },
}


class Shop:
    """A folder with a recipe, its data and a home, and what was run there."""

    def __init__(self, folder: Path) -> None:
        self.home, self.recipe, self.data = folder / "runs", folder / "mail.yaml", folder / "mail.parquet"
        pq.write_table(pq.read_table(EMAILS).slice(3000, 1500), self.data)
        self.recipe.write_text(yaml.safe_dump(RECIPE))

    def run(self, *arguments: str) -> Outcome:
        """Run the recipe; a run that ends in an error fails the test."""
        outcome = run_recipe(self.recipe, self.home, *arguments)
        assert outcome.code == 0, outcome.printed
        return outcome

    def append(self, subject: str, body: str) -> None:
        """One more row behind the same address."""
        row = pa.table({"subject": [subject], "body": [body], "label": ["ham"]})
        pq.write_table(pa.concat_tables([pq.read_table(self.data), row]), self.data)

    def champion(self) -> str:
        """Version in production, by the promotion record."""
        return json.loads((self.home / "store/promotions/mail.json").read_text())["champion"]["version"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def first(shop: Shop) -> Outcome:
    return shop.run()


@pytest.fixture(scope="module")
def retrained(shop: Shop, first: Outcome) -> Outcome:
    shop.append("Lunch on Friday?", "Shall we meet at noon at the place by the river? Bring the drawings along.")
    return shop.run()


@pytest.fixture(scope="module")
def worse(shop: Shop, retrained: Outcome) -> Outcome:
    untaught = {"finetune.optimizer.learning_rate": "1e-9", "distill.optimizer.learning_rate": "1e-9"}
    return shop.run(*(word for key, value in untaught.items() for word in ("--set", f"{key}={value}")))


def test_the_first_candidate_that_holds_the_gates_is_promoted(first: Outcome) -> None:
    assert first.verdict["decision"] == "promoted", first.verdict["why"]


def test_its_student_says_how_many_words_it_does_not_know(first: Outcome) -> None:
    assert "The vocabulary has 2,000 words, the most frequent ones of the training texts" in first.printed


def test_one_appended_row_retrains(retrained: Outcome) -> None:
    states = {name: step["state"] for name, step in retrained.steps.items()}
    assert all(states[name] == "done" for name in ("prepare", "finetune", "distill", "evaluate")), states


def test_the_champion_is_compared_on_rows_it_never_saw(retrained: Outcome) -> None:
    rows = retrained.verdict["evaluation"]["rows"]
    assert 0 < rows["unseen_by_champion"] <= rows["test"]
    assert "champion" in retrained.verdict["evaluation"]["differences"]


def test_a_worse_candidate_is_not_promoted(shop: Shop, first: Outcome, retrained: Outcome, worse: Outcome) -> None:
    assert worse.verdict["decision"] == "rejected"
    assert any(not gate["passed"] for gate in worse.verdict["gates"])
    assert shop.champion() == (retrained if retrained.verdict["decision"] == "promoted" else first).verdict["version"]


def test_a_rejection_is_a_valid_end_and_is_said_plainly(worse: Outcome) -> None:
    assert worse.code == 0
    assert "rejected" in worse.printed


@pytest.fixture(scope="module")
def early(shop: Shop, worse: Outcome) -> Outcome:
    return shop.run("--min-new-rows", "100", "--min-drift", "0.2")


def test_a_run_with_too_little_that_is_new_ends_early(early: Outcome) -> None:
    states = {name: step["state"] for name, step in early.steps.items()}
    assert states["prepare"] == "done"
    assert {states[name] for name in ("pretrain", "finetune", "distill", "evaluate", "promote")} == {"skipped"}


def test_an_early_end_says_what_was_found_and_promotes_nothing(shop: Shop, early: Outcome, worse: Outcome) -> None:
    assert early.verdict["decision"] == "nothing to learn"
    assert early.verdict["why"].startswith(("0 new rows of at least 100; drift", "1 new rows of at least 100; drift"))
    assert early.verdict["why"] in early.printed
    assert shop.champion() == worse.verdict["champion_before"]["version"]


def test_rollback_restores_the_previous_model(shop: Shop, worse: Outcome) -> None:
    record = json.loads((shop.home / "store/promotions/mail.json").read_text())
    previous = record["previous"]["version"]
    done = stillhouse("rollback", "mail", home=shop.home)
    assert done.returncode == 0, done.stderr
    assert shop.champion() == previous
