"""The step promote: decisions, races, what the registry and the record hold afterwards."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from stillhouse.components.artifacts.forgotten import forget_rows
from stillhouse.components.artifacts.ledger import Ledger
from stillhouse.components.artifacts.promotion_record import Record
from stillhouse.components.promote import promote as step
from stillhouse.components.promote.rollback import rollback
from stillhouse.components.storage.digests import digest_folder

WORSE = {"differences/champion/lower": -0.05}

Workplace = Any
"""See conftest.py."""

KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from conftest import Workplace
from stillhouse.components.tracking import registry
setattr(registry, sys.argv[4], lambda *arguments, **named: os.kill(os.getpid(), 9))
Workplace(Path(sys.argv[2]), sys.argv[3]).promote(sys.argv[5])
"""


def killed_at(workplace: Workplace, place: str, weights: str) -> None:
    """Promote `weights` in a process that is killed as it enters the function `place` of the registry."""
    command = [sys.executable, "-c", KILLED, str(Path(__file__).parent), str(workplace.folder), workplace.name]
    ended = subprocess.run([*command, place, weights], check=False)
    assert ended.returncode == -signal.SIGKILL


def models_and_statistics(workplace: Workplace) -> Any:
    return workplace.store.list("models") + workplace.store.list("datasets")


def but_for_the_ledger(record: Record) -> Record:
    """A look at a candidate is written down, whatever becomes of it."""
    return record.model_copy(update={"ledger": Ledger(), "signature": None})


def test_the_first_candidate_is_promoted_and_registered(workplace: Workplace) -> None:
    verdict = workplace.promote("a")

    assert (verdict["decision"], verdict["version"]) == ("promoted", "1")
    assert verdict["why"] == "All gates hold. It is the first champion of this name."
    assert workplace.weights("champion") == "a"
    assert workplace.weights("previous") is None


def test_predict_finds_a_registered_version_by_its_number(promoted: Workplace) -> None:
    from stillhouse.components.predict.predict import model_folder  # it wants Arrow, which promote does without

    with model_folder(f"models:/{promoted.name}/1") as folder:
        assert (folder / "model.safetensors").read_text() == "a"


def test_the_next_one_replaces_it_and_keeps_it_as_previous(workplace: Workplace) -> None:
    workplace.promote("a")
    verdict = workplace.promote("b")

    assert (verdict["decision"], verdict["version"]) == ("promoted", "2")
    assert verdict["champion_before"]["digest"] == digest_folder(workplace.student("a"))
    assert (workplace.weights("champion"), workplace.weights("previous")) == ("b", "a")


def test_the_store_holds_whole_copies_of_the_model_and_of_its_statistics(workplace: Workplace) -> None:
    workplace.promote("a")
    champion = workplace.record.champion
    assert champion

    workplace.store.get_folder(f"models/{champion.digest}", workplace.folder / "copy")

    assert digest_folder(workplace.folder / "copy") == champion.digest == digest_folder(workplace.student("a"))
    statistics = workplace.store.get("datasets/data-a/dataset.json")
    assert json.loads(statistics)["content_digest"] == "data-a"
    assert champion.statistics_uri == workplace.store.uri("datasets/data-a/dataset.json")


def test_the_record_says_what_the_champion_was_made_from_and_compared_with(promoted: Workplace) -> None:
    champion = promoted.record.champion

    assert champion and champion.compared_with
    assert (champion.inputs, champion.prepare_inputs) == ("b", "prepare b")
    assert champion.compared_with.digest == digest_folder(promoted.student("a"))
    assert champion.compared_with.compared_with is None


def test_a_worse_candidate_leaves_record_registry_and_store_untouched(workplace: Workplace) -> None:
    workplace.promote("a")
    before, files = workplace.record, models_and_statistics(workplace)

    verdict = workplace.promote("b", WORSE)

    assert (verdict["decision"], verdict["version"]) == ("rejected", None)
    assert verdict["why"].startswith(
        "Not promoted, version 1 stays in production: f1_macro is at worst 0.0500 worse than the champion's"
    )
    assert but_for_the_ledger(workplace.record) == but_for_the_ledger(before)
    assert models_and_statistics(workplace) == files
    assert (workplace.weights("champion"), workplace.weights("previous")) == ("a", None)


INCOMPARABLE = {"champion/compared": False, "champion/why_not": "no label is one of both"}


def without_comparison(workplace: Workplace, weights: str, **settings: Any) -> dict[str, Any]:
    """Promote `weights` after an evaluation that could not compare the champion."""
    gone = {"differences/champion": None, "latency_ratio/champion": None}
    return workplace.promote(weights, {**INCOMPARABLE, **gone}, **settings)


@pytest.mark.parametrize("row", [2000, 3000], ids=["labelled", "unlabelled"])
def test_one_that_learnt_from_rows_that_are_forgotten_meanwhile_is_rejected(workplace: Workplace, row: int) -> None:
    forget_rows(workplace.store, np.array([row, 7777]))

    verdict = workplace.promote("a")

    sentence = "Not promoted: it has learnt from 1 of the rows that were forgotten meanwhile; start the run again."
    assert (verdict["decision"], verdict["why"]) == ("rejected", sentence)
    assert workplace.record.champion is None


def test_rows_that_it_was_only_tested_on_may_be_forgotten(workplace: Workplace) -> None:
    forget_rows(workplace.store, workplace.test_rows)

    assert workplace.promote("a")["decision"] == "promoted"


def test_a_champion_that_cannot_be_compared_stays(workplace: Workplace) -> None:
    workplace.promote("a")
    before, files = workplace.record, models_and_statistics(workplace)

    verdict = without_comparison(workplace, "b")

    assert verdict["decision"] == "not enough evidence"
    assert verdict["why"].startswith(
        "Not enough evidence: the champion (version 1) cannot be compared: no label is one of both. It stays in prod"
    )
    assert but_for_the_ledger(workplace.record) == but_for_the_ledger(before)
    assert models_and_statistics(workplace) == files
    summary = (workplace.folder / "run-b" / "summary.md").read_text()
    assert summary.startswith(f"# {workplace.name}: not promoted, not enough evidence\n\nNot enough evidence: the")


def test_only_a_setting_replaces_a_champion_that_cannot_be_compared_and_the_verdict_says_it(
    workplace: Workplace,
) -> None:
    workplace.promote("a")

    verdict = without_comparison(workplace, "b", replace_incomparable=True)

    assert (verdict["decision"], workplace.weights("champion")) == ("promoted", "b")
    assert verdict["why"].startswith("All gates hold. It replaces version 1 of the run run-a ")
    assert verdict["why"].endswith("It may be replaced nonetheless, as promote.replace_incomparable says.")


def test_a_candidate_that_is_also_worse_is_rejected(workplace: Workplace) -> None:
    workplace.promote("a")

    verdict = workplace.promote("b", {"rows/test": 10, "differences/teacher/upper": -0.5})

    assert verdict["decision"] == "rejected"
    assert verdict["why"].startswith("Not promoted, version 1 stays in production: Not enough evidence: 10 test rows;")


def test_a_candidate_that_would_lose_a_label_is_rejected_unless_a_setting_names_it(workplace: Workplace) -> None:
    workplace.promote("a")
    lost = {"champion/lost_labels": ["refund"]}

    kept = workplace.promote("b", lost)
    replaced = workplace.promote("b", lost, run="again", may_lose_labels=["refund"])

    assert kept["decision"] == "rejected"
    assert "The candidate does not know the label 'refund', which the champion knows" in kept["why"]
    assert replaced["decision"] == "promoted"
    assert replaced["why"].endswith("no longer knows the label 'refund', as promote.may_lose_labels says.")


def test_a_champion_that_appeared_without_a_comparison_is_not_replaced_by_a_step_alone(workplace: Workplace) -> None:
    """evaluate was run by hand without a champion, and promote finds one."""
    workplace.promote("a")
    no_champion = {"champion": None, "differences/champion": None, "latency_ratio/champion": None}

    assert workplace.promote("b", no_champion)["decision"] == "not enough evidence"


def test_the_same_candidate_again_is_unchanged(workplace: Workplace) -> None:
    workplace.promote("a")
    before = workplace.record

    verdict = workplace.promote("a", run="second", against=None)

    assert (verdict["decision"], verdict["version"]) == ("unchanged", "1")
    assert workplace.record == before


def test_another_model_made_from_the_same_inputs_is_unchanged(workplace: Workplace) -> None:
    workplace.promote("a", inputs="same")

    assert workplace.promote("other weights", inputs="same", against=None)["decision"] == "unchanged"


def test_unchanged_does_not_import_mlflow(workplace: Workplace) -> None:
    workplace.promote("a")
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]);"
        "from conftest import Workplace;"
        "verdict = Workplace(Path(sys.argv[2]), sys.argv[3]).promote('a', run='second');"
        "print(verdict['decision'], sorted({'mlflow', 'kfp', 'torch', 'pyarrow'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, str(Path(__file__).parent), str(workplace.folder), workplace.name]

    answer = subprocess.run(command, capture_output=True, text=True, check=True)

    assert answer.stdout.strip() == "unchanged []"


def test_a_step_that_is_retried_after_its_promotion_says_promoted_again(workplace: Workplace) -> None:
    workplace.promote("a")
    first = workplace.promote("b")
    serial = workplace.record.serial

    again = workplace.promote("b", against="a")

    assert {**again, "time": ""} == {**first, "time": ""}
    assert workplace.record.serial == serial


def test_of_eight_runs_at_once_one_is_promoted_and_the_others_say_who_was(workplace: Workplace, together: Any) -> None:
    verdicts = together(lambda number: workplace.promote(f"candidate-{number}", against=None), 8)

    winners = [verdict for verdict in verdicts if verdict["decision"] == "promoted"]
    losers = [verdict for verdict in verdicts if verdict["decision"] == "conflict"]
    assert (len(winners), len(losers)) == (1, 7)
    assert all(f"of the run {winners[0]['run']} " in verdict["why"] for verdict in losers)
    assert [event.what for event in workplace.record.history] == ["promoted", "registered"]


def test_a_champion_that_came_after_inspect_is_not_replaced_by_an_older_run(promoted: Workplace) -> None:
    verdict = promoted.promote("c", against="a")

    assert verdict["decision"] == "conflict"
    assert verdict["why"].startswith("Another run was first: the champion is now version 2 of the run run-b ")
    assert promoted.weights("champion") == "b"


def test_a_model_that_was_rolled_back_is_not_promoted_by_the_next_scheduled_run(promoted: Workplace) -> None:
    rollback(promoted.name)

    verdict = promoted.promote("b", run="scheduled")

    assert verdict["decision"] == "rejected"
    assert verdict["why"].startswith("This model was rolled back at ")
    assert promoted.weights("champion") == "a"


def test_a_step_that_runs_alone_is_compared_with_the_present_champion(workplace: Workplace) -> None:
    workplace.promote("a")

    assert (
        step._expected(  # what inspect saw is left out when the step is called by hand
            step.PromoteSettings(model_name=workplace.name, task="text_classification"), workplace.record
        )
        == workplace.record.champion
    )


@pytest.mark.usefixtures("no_mlflow")
def test_a_promotion_stands_when_mlflow_is_down(workplace: Workplace) -> None:
    verdict = workplace.promote("a")

    assert (verdict["decision"], verdict["version"]) == ("promoted", None)
    assert verdict["notes"][0].startswith("MLflow's registry does not follow yet (")
    assert workplace.record.champion


def test_the_next_run_registers_what_mlflow_missed(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch, database: str, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("no_mlflow")
    workplace.promote("a")
    workplace.promote("b")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", database)

    verdict = workplace.promote("c", WORSE)

    assert verdict["decision"] == "rejected"
    assert (workplace.weights("champion"), workplace.weights("previous")) == ("b", "a")


def test_aliases_that_somebody_moved_follow_the_record_again(promoted: Workplace) -> None:
    from stillhouse.components.tracking.registry import set_aliases

    set_aliases(promoted.name, "1", None)

    promoted.promote("c")

    assert (promoted.weights("champion"), promoted.weights("previous")) == ("c", "b")


@pytest.mark.parametrize("weights", ["c", "b"], ids=["rejected", "unchanged"])
def test_a_run_that_promotes_nothing_mends_the_aliases_of_one_that_was_killed_before_it_set_them(
    workplace: Workplace, weights: str
) -> None:
    workplace.promote("a")
    killed_at(workplace, "set_aliases", "b")
    assert (workplace.record.champion.version, workplace.weights("champion")) == ("2", "a")

    verdict = workplace.promote(weights, WORSE, run="next")

    assert verdict["decision"] == {"c": "rejected", "b": "unchanged"}[weights]
    assert (workplace.weights("champion"), workplace.weights("previous")) == ("b", "a")


def test_the_next_run_registers_the_model_of_one_that_was_killed_before_it_could(workplace: Workplace) -> None:
    workplace.promote("a")
    killed_at(workplace, "log_model", "b")
    assert (workplace.record.champion.version, workplace.weights("champion")) == (None, "a")

    workplace.promote("c", WORSE)

    assert (workplace.weights("champion"), workplace.weights("previous")) == ("b", "a")


def test_the_verdict_lies_in_the_folder_of_the_run_with_the_report(workplace: Workplace, evaluate: Any) -> None:
    verdict = workplace.promote("a", {"rows/test": 10})
    folder = workplace.folder / "home" / "run-a"

    assert json.loads((folder / "verdict.json").read_text()) == verdict
    assert (folder / "report.html").read_text().endswith("</section><p>report</p></main>")
    assert verdict["evaluation"] == evaluate({"rows/test": 10}).model_dump(mode="json")


def test_the_settings_of_the_models_are_written_for_kfp_for_people_and_for_mlflow(workplace: Workplace) -> None:
    loop = {"loop": {"epochs": 7}}
    trained_with = {
        "finetune": {"base": "", "architecture": {}, **loop},
        "distill": {"student": {"layers": 1}, **loop},
    }
    workplace.promote("a", {"trained_with": trained_with}, recipe={"name": "mails", "data": {"source": "mails.csv"}})

    text = (workplace.folder / "run-a" / "recipe_lock").read_text()
    assert yaml.safe_load(text)["finetune"] == loop
    folder = workplace.folder / "home" / "run-a"
    assert (folder / "recipe.lock.yaml").read_text() == text
    told = (folder / "spool" / "promote.jsonl").read_text()
    assert "[settings](artifact:recipe.lock.yaml)" in told
    assert str(folder / "recipe.lock.yaml") in told


def test_the_summary_shows_decision_gates_models_and_notes(workplace: Workplace) -> None:
    workplace.promote("a", {"differences/teacher/upper": -0.5})
    summary = (workplace.folder / "run-a" / "summary.md").read_text()

    assert summary.startswith(f"# {workplace.name}: not promoted\n")
    assert "| within_teacher | **failed** | f1_macro is at least 0.5000 worse than the teacher's" in summary
    assert "| student | 0.9700 | 0.9600 to 0.9800 |" in summary
    assert summary.endswith("- TF-IDF with logistic regression is better.\n")
