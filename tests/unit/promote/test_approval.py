"""A person decides about a candidate: how it waits, what counts at that moment, and who is told."""

import json
from typing import Any

import numpy as np
import pytest
from tests.unit.promote.conftest import BEATEN, Together, Workplace

from stillhouse.components.artifacts.forgotten import forget_rows
from stillhouse.components.artifacts.promotion_record import Waiting, change
from stillhouse.components.artifacts.verdict import Verdict
from stillhouse.components.decide.component import decide as decide_component
from stillhouse.components.promote import after_decision, approval
from stillhouse.components.promote.approval import close_late, decide
from stillhouse.components.promote.rollback import rollback
from stillhouse.components.promote.settings import PromoteSettings
from stillhouse.components.promote.verify import verify
from stillhouse.components.sweep.references import recorded
from stillhouse.errors import UserError

decide_step: Any = decide_component


def propose(workplace: Workplace, weights: str, **settings: Any) -> dict[str, Any]:
    return workplace.promote(weights, approval="human", **settings)


def answer(workplace: Workplace, **said: Any) -> Any:
    asked: dict[str, Any] = {"approves": True, "by": "Ada", **said}
    return decide(workplace.store, workplace.name, **asked)[0]


def verdict_of(workplace: Workplace, run: str) -> Verdict:
    return Verdict.from_json(workplace.store.get(f"verdicts/{run}.json"), run)


def waiting_of(workplace: Workplace) -> Waiting:
    assert workplace.record.waiting
    return workplace.record.waiting


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the webhook is told."""
    messages: list[dict[str, Any]] = []
    monkeypatch.setattr(after_decision, "notify", messages.append)
    return messages


@pytest.fixture
def late(workplace: Workplace) -> Workplace:
    """A candidate whose deadline has passed."""
    propose(workplace, "a")
    long_ago = waiting_of(workplace).model_copy(update={"until": "2026-01-02T03:04:05+00:00"})
    change(workplace.store, workplace.name, lambda record: record.model_copy(update={"waiting": long_ago}))
    return workplace


def test_a_candidate_that_holds_all_gates_waits_and_production_stays(workplace: Workplace) -> None:
    workplace.promote("a")
    verdict = propose(workplace, "b")

    deadline = waiting_of(workplace).deadline
    asked = f"`stillhouse approve {workplace.name} --run run-b` or `stillhouse reject {workplace.name} --run run-b`"
    assert verdict["decision"] == "waiting"
    assert verdict["why"] == f"All gates hold. Waiting for approval until {deadline}: {asked}."
    assert verdict["approval"]["reason"].startswith("All gates hold. It replaces version 1 of the run run-a ")
    assert verdict["version"] is None
    assert "by" not in verdict["approval"]
    assert (workplace.weights("champion"), workplace.record.followed) == ("a", workplace.record.serial)
    assert "waiting for approval" in (workplace.folder / "home" / "run-b" / "report.html").read_text()
    assert recorded(workplace.store, None) >= {
        f"models/{waiting_of(workplace).digest}",
        "verdicts/run-b.json",
        "waiting/run-b",
    }


def test_one_that_fails_a_gate_waits_for_nobody(workplace: Workplace) -> None:
    assert propose(workplace, "a", changes={"rows/test": 10})["decision"] == "not enough evidence"
    assert workplace.record.waiting is None


@pytest.mark.usefixtures("posted", "no_mlflow")
def test_the_proof_beside_an_approved_model_says_by_whom(workplace: Workplace) -> None:
    propose(workplace, "a")
    answer(workplace)

    proof, _ = verify(workplace.name)
    assert proof is not None
    assert (proof.verdict["decision"], proof.verdict["approval"]["by"]) == ("promoted", "Ada")


def test_approved_it_is_in_production_and_all_say_by_whom(workplace: Workplace, posted: list[dict[str, Any]]) -> None:
    from stillhouse.components.config.home import home_folder
    from stillhouse.components.tracking.connection import connect

    workplace.promote("a")
    propose(workplace, "b")

    decided = answer(workplace, note="seen by two", run="run-b")

    assert (decided.decision, decided.by) == ("promoted", "Ada")
    assert (workplace.weights("champion"), workplace.weights("previous")) == ("b", "a")
    verdict = verdict_of(workplace, "run-b")
    assert (verdict.decision, verdict.version) == ("promoted", "2")
    assert verdict.why.startswith("All gates hold. It replaces version 1 of the run run-a ")
    assert verdict.why.endswith("Approved by Ada: seen by two")
    assert verdict.approval and (verdict.approval.by, verdict.approval.time) == ("Ada", decided.time)
    record = workplace.record
    assert (record.history[-2].what, record.history[-2].by, record.waiting) == ("promoted", "Ada", None)
    folder = workplace.folder / "home" / "run-b"
    assert json.loads((folder / "verdict.json").read_text())["decision"] == "promoted"
    assert "Approved by Ada" in (folder / "report.html").read_text()
    assert workplace.store.list("waiting") == []
    assert [(one["decision"], one["by"], one["version"], one["run"]) for one in posted] == [
        ("promoted", "Ada", "2", "run-b")
    ]
    client = connect(home_folder())
    owner = client.get_run(client.get_model_version(workplace.name, "2").run_id or "")
    assert (owner.data.tags["decision"], owner.data.tags["version"]) == ("promoted", "2")
    assert {file.path for file in client.list_artifacts(owner.info.run_id)} >= {"report.html", "verdict.json"}


def test_of_two_approvals_at_once_one_wins_and_the_other_is_told(workplace: Workplace, together: Together) -> None:
    propose(workplace, "a")

    def approve(number: int) -> str:
        try:
            return answer(workplace, by=f"person {number}").by
        except UserError as error:
            return str(error)

    said = together(approve, 2)

    (winner,) = [one for one in said if one.startswith("person")]
    (loser,) = [one for one in said if not one.startswith("person")]
    assert loser.startswith(f"That of the run run-a is decided already: promoted by {winner} at ")
    assert [event.what for event in workplace.record.history].count("promoted") == 1


def test_rejected_production_stays_and_the_same_inputs_are_not_proposed_again(
    workplace: Workplace, posted: list[dict[str, Any]]
) -> None:
    workplace.promote("a")
    propose(workplace, "b")

    answer(workplace, approves=False, note="a slice is worse")

    verdict = verdict_of(workplace, "run-b")
    assert verdict.why == "Not promoted, version 1 stays in production: rejected by Ada: a slice is worse"
    assert [one["decision"] for one in posted] == ["rejected"]
    again = propose(workplace, "b", run="again")
    assert again["decision"] == "rejected"
    assert again["why"].startswith("Ada rejected this model at ")
    assert propose(workplace, "c")["decision"] == "waiting"
    assert workplace.weights("champion") == "a"


def test_when_the_champion_has_changed_meanwhile_it_is_a_conflict(workplace: Workplace) -> None:
    workplace.promote("a")
    propose(workplace, "b")
    workplace.promote("c")

    decided = answer(workplace)

    assert decided.decision == "conflict"
    assert decided.why.startswith("Another run was first: the champion is now version 2 of the run run-c ")
    assert verdict_of(workplace, "run-b").decision == "conflict"
    assert workplace.weights("champion") == "c"


def test_after_two_rollbacks_the_champion_is_the_one_that_it_was_compared_with(promoted: Workplace) -> None:
    propose(promoted, "c")
    rollback(promoted.name)
    rollback(promoted.name)

    assert answer(promoted).decision == "promoted"
    assert (promoted.weights("champion"), promoted.weights("previous")) == ("c", "b")


def test_after_the_deadline_an_approval_comes_too_late(late: Workplace) -> None:
    decided = answer(late)

    assert (decided.decision, decided.by) == ("rejected", "")
    assert decided.why == "not approved in time, until 2026-01-02 03:04 UTC."
    assert verdict_of(late, "run-a").why == "Not promoted: not approved in time, until 2026-01-02 03:04 UTC."
    assert late.record.champion is None


def test_the_next_run_takes_a_late_one_away_and_the_same_inputs_may_wait_again(late: Workplace) -> None:
    close_late(late.store, late.name)

    assert (late.record.waiting, verdict_of(late, "run-a").decision) == (None, "rejected")
    assert propose(late, "a", run="again")["decision"] == "waiting"


def test_a_later_candidate_takes_the_place_and_the_one_before_is_told(workplace: Workplace) -> None:
    propose(workplace, "a")
    propose(workplace, "b")

    assert verdict_of(workplace, "run-a").why == (
        "Not promoted: the candidate of a later run, run-b, waits in its place."
    )
    with pytest.raises(UserError, match=r"The candidate of the run run-a does not wait .*; that of the run run-b does"):
        answer(workplace, run="run-a")
    assert answer(workplace, run="run-b").decision == "promoted"


def test_the_same_inputs_again_wait_once(workplace: Workplace) -> None:
    propose(workplace, "a")
    before = workplace.record

    again = propose(workplace, "a", run="again")

    assert again["decision"] == "unchanged"
    assert again["why"].endswith("that of the run run-a.")
    assert propose(workplace, "a")["decision"] == "waiting", "the step itself, tried again"
    assert workplace.record == before


def test_one_that_learnt_from_rows_that_were_forgotten_meanwhile_is_rejected(workplace: Workplace) -> None:
    propose(workplace, "a")
    forget_rows(workplace.store, np.array([2000, 7777]))

    decided = answer(workplace)

    assert decided.decision == "rejected"
    assert decided.why == "it has learnt from 1 of the rows that were forgotten meanwhile; start the run again."


def test_killed_behind_the_decision_the_next_run_tells_the_rest(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    propose(workplace, "a")
    with monkeypatch.context() as killed:
        killed.setattr(approval, "follow_up", lambda *_: [])
        answer(workplace)
    assert verdict_of(workplace, "run-a").decision == "waiting"

    close_late(workplace.store, workplace.name)

    assert (verdict_of(workplace, "run-a").decision, workplace.weights("champion")) == ("promoted", "a")


def test_a_baseline_in_the_students_place_waits_too(workplace: Workplace) -> None:
    verdict = propose(workplace, "a", changes=BEATEN)

    assert (verdict["decision"], verdict["candidate"]) == ("waiting", "tfidf_logistic")
    assert "and would be promoted in its place. " in verdict["why"]
    answer(workplace)
    assert workplace.weights("champion") == "a words"


def test_where_nothing_waits_one_sentence_says_so(promoted: Workplace) -> None:
    with pytest.raises(UserError, match="Nothing waits for approval under"):
        answer(promoted)
    with pytest.raises(UserError, match="There is no 'nobody' in "):
        decide(promoted.store, "nobody", approves=True, by="Ada")
    with pytest.raises(UserError, match="It is not known who decides"):
        answer(promoted, by=" ")


@pytest.mark.parametrize("deadline", ["3 days", "0d", "3w", ""])
def test_a_deadline_is_a_duration(deadline: str) -> None:
    with pytest.raises(ValueError, match="whole number followed by s, m, h or d"):
        PromoteSettings(model_name="m", task="text_classification", approval_deadline=deadline)


def test_the_form_on_a_cluster_decides_the_same_and_a_mistake_in_it_is_one_sentence(
    workplace: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    propose(workplace, "a")
    form: dict[str, Any] = {"by": "Ada", "run": "", "note": ""}
    for wrong, said in (
        ({"decision": "yes"}, "decision is 'yes'; fill in approve or reject."),
        ({"decision": "approve", "by": ""}, "It is not known who decides"),
        ({"decision": "approve", "run": "run-z"}, "The candidate of the run run-z does not wait"),
    ):
        with pytest.raises(SystemExit) as ended:
            decide_step.python_func(model_name=workplace.name, **{**form, **wrong})
        assert (ended.value.code, capsys.readouterr().err.startswith(said)) == (2, True)

    decide_step.python_func(model_name=workplace.name, decision="reject", **form)

    assert (
        capsys.readouterr().out == f"rejected: '{workplace.name}', the candidate of the run run-a: rejected by Ada.\n"
    )
    assert verdict_of(workplace, "run-a").decision == "rejected"
