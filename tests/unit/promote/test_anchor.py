"""The anchor and the ledger: no number of nights wears the gate down, no retry and no race spends twice."""

import json
from typing import Any

import numpy as np
import pytest

from stillhouse.components.artifacts.decided_rows import decided_rows
from stillhouse.components.artifacts.ledger import alpha_of
from stillhouse.components.artifacts.promotion_record import Record, change, record_key
from stillhouse.components.promote.rollback import rollback
from stillhouse.components.storage.digests import digest_folder
from stillhouse.components.storage.store import FileStore

Workplace = Any
"""See conftest.py."""
BETTER = {"to_anchor/difference": 0.03}
WORSE = {"to_anchor/difference": -0.019}
"""As far as an estimate goes within the margin; its bound is not."""


@pytest.fixture(autouse=True)
def without_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested here is in the record and the verdict; the registry would cost seconds."""
    for module in ("promote.promote", "promote.rollback"):
        monkeypatch.setattr(f"stillhouse.components.{module}.publish", lambda *_, **__: [])


def weights_of_anchor(workplace: Workplace) -> str | None:
    anchor = workplace.record.anchor
    return anchor and anchor.dataset_digest.removeprefix("data-")


def gate(verdict: dict[str, Any], name: str) -> dict[str, Any]:
    return next(gate for gate in verdict["gates"] if gate["name"] == name)


def test_the_first_champion_is_the_anchor_and_nothing_is_spent(workplace: Workplace) -> None:
    verdict = workplace.promote("a")

    assert (weights_of_anchor(workplace), verdict["ledger"]) == ("a", None)
    assert workplace.record.ledger.looks == 0


def test_a_candidate_that_is_surely_within_the_margin_is_promoted_and_the_anchor_stays(workplace: Workplace) -> None:
    workplace.promote("a")
    verdict = workplace.promote("b")

    found = gate(verdict, "within_anchor")
    assert (verdict["decision"], found["passed"], weights_of_anchor(workplace)) == ("promoted", True, "a")
    assert (found["estimate"], found["rows"], found["alpha"]) == (0.0, 1000, alpha_of(1))
    assert found["sentence"] == (
        "f1_macro is at worst 0.0054 worse than the anchor's, "
        f"{workplace.record.anchor.label} (estimate +0.0000, 1,000 rows, one-sided with an error of 0.025); a loss of "
        "up to 0.02 is allowed for all time."
    )
    assert (
        "Look 1 has spent 0.025 of the 5 % that all looks together may err; 0.025 is left."
        in (verdict["ledger"]["sentence"])
    )


def test_one_that_may_be_below_the_margin_is_not_whatever_the_champion_is(workplace: Workplace) -> None:
    workplace.promote("a")
    verdict = workplace.promote("b", WORSE)

    assert verdict["decision"] == "rejected"
    assert [each["name"] for each in verdict["gates"] if not each["passed"]] == ["within_anchor"]
    assert workplace.record.ledger.looks == 1  # it counts, promoted or not


def test_the_anchor_moves_up_by_evidence_alone(workplace: Workplace) -> None:
    workplace.promote("a")
    workplace.promote("b", BETTER)
    assert weights_of_anchor(workplace) == "b"

    workplace.promote("c")
    assert (weights_of_anchor(workplace), workplace.record.champion.dataset_digest) == ("b", "data-c")


def test_a_retried_run_is_the_same_look_and_spends_once(workplace: Workplace) -> None:
    workplace.promote("a")
    workplace.promote("b", WORSE)
    spent = workplace.record.ledger

    verdict = workplace.promote("b", WORSE, run="again")

    assert workplace.record.ledger == spent
    assert gate(verdict, "within_anchor")["alpha"] == alpha_of(1)


def test_new_rows_are_a_new_look(workplace: Workplace) -> None:
    workplace.promote("a")
    workplace.promote("b", WORSE)
    workplace.test_rows = np.arange(500, 1500, dtype=np.int64)

    workplace.promote("b", WORSE, run="again")

    assert [look.number for look in workplace.record.ledger.recent] == [1, 2]


def test_promoters_at_once_each_spend_their_own(workplace: Workplace, together: Any) -> None:
    workplace.promote("a")
    verdicts = together(lambda number: workplace.promote(f"racer-{number}", against="a"), 3)

    ledger = workplace.record.ledger
    assert sorted(look.number for look in ledger.recent) == [1, 2, 3]
    assert sorted(verdict["ledger"]["look"] for verdict in verdicts) == [1, 2, 3]
    assert ledger.spent == pytest.approx(sum(alpha_of(look) for look in (1, 2, 3)))


def test_a_lost_answer_spends_once(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    workplace.promote("a")
    real, lost = FileStore.put_if, []

    def put_if(self: FileStore, key: str, data: bytes, version: str | None) -> str:
        """The first write arrives, its answer does not: the client asks again, and is refused."""
        tag = real(self, key, data, version)
        if not lost:
            lost.append(key)
            return real(self, key, data, version)
        return tag

    monkeypatch.setattr(FileStore, "put_if", put_if)
    workplace.promote("b")

    assert lost == [record_key(workplace.name)]
    assert workplace.record.ledger.looks == 1


def test_rows_wear_and_then_too_few_fresh_ones_are_not_enough_evidence(workplace: Workplace) -> None:
    workplace.promote("a")
    verdict = workplace.promote("b", {"to_anchor/rows": 120, "anchor/spared": 880})

    assert verdict["decision"] == "not enough evidence"
    assert gate(verdict, "anchor_rows")["sentence"].startswith(
        "Not enough evidence: 120 test rows that the anchor never saw; 880 others have decided 100 times and are "
        "used up; "
    )
    assert (workplace.record.ledger.looks, verdict["ledger"]["look"]) == (0, None)  # fresh rows are not wasted


def test_a_row_that_is_used_up_decides_no_more(workplace: Workplace) -> None:
    workplace.promote("a")
    for weights in ("b", "c", "d"):
        workplace.test_rows = np.arange(1000 if weights == "b" else 1500, dtype=np.int64)
        workplace.promote(weights, WORSE, shelf_life=2)

    known = decided_rows(workplace.store, workplace.record.ledger.decided)
    assert known.times_of(np.array([0, 999, 1000, 1499])).tolist() == [2, 2, 2, 2]  # not 3: d had the last 500 alone
    assert known.first_of(np.array([0, 1000])).tolist() == [1, 2]


def test_the_verdict_says_how_often_these_rows_have_decided(workplace: Workplace) -> None:
    workplace.promote("a")
    life = {"rows": 1000, "fresh": 200, "fresh_since_champion": 700, "times": 12, "limit": 100}
    verdict = workplace.promote("b", {"shelf_life": life})

    assert verdict["ledger"]["sentence"].endswith(
        "Of 1,000 test rows 200 are fresh, 700 since the champion; the others have decided up to 12 times before, of "
        "100 that a row may."
    )
    assert "200 are fresh" in (workplace.folder / "home" / "run-b" / "report.html").read_text()
    assert "200 are fresh" in (workplace.folder / "run-b" / "summary.md").read_text()


def test_the_champion_of_an_earlier_release_becomes_the_anchor_and_the_verdict_says_so(workplace: Workplace) -> None:
    workplace.promote("a")
    old = json.loads(workplace.store.get(record_key(workplace.name)))
    for new in ("anchor", "previous_anchor", "ledger", "signature"):
        del old[new]
    for new in ("look", "signed_by"):
        del old["champion"][new]
    workplace.store.put(record_key(workplace.name), json.dumps(old).encode())

    verdict = workplace.promote("b")

    assert (verdict["decision"], weights_of_anchor(workplace)) == ("promoted", "a")
    assert "The record had none: the champion is the anchor from now on." in verdict["ledger"]["sentence"]


def test_a_rolled_back_anchor_is_the_anchor_no_more_and_twice_changes_nothing(workplace: Workplace) -> None:
    workplace.promote("a")
    workplace.promote("b", BETTER)
    before = workplace.record

    rollback(workplace.name)
    assert weights_of_anchor(workplace) == "a"

    rollback(workplace.name)
    assert (workplace.record.anchor, workplace.record.previous_anchor) == (before.anchor, before.previous_anchor)


GONE = {"anchor": {"name": "anchor", "digest": "", "compared": False, "why_not": "its model cannot be read (gone)"}}


def test_an_anchor_that_cannot_be_compared_is_not_enough_evidence_and_may_be_replaced_knowingly(
    workplace: Workplace,
) -> None:
    workplace.promote("a")
    gone = {"anchor": {**GONE["anchor"], "digest": digest_folder(workplace.student("a"))}, "to_anchor": None}
    verdict = workplace.promote("b", gone)
    assert verdict["decision"] == "not enough evidence"
    assert (
        "cannot be compared: its model cannot be read (gone). To go on, name another version in promote.anchor"
        in (verdict["why"])
    )

    workplace.promote("b", gone, run="again", replace_incomparable=True)
    assert weights_of_anchor(workplace) == "b"


def test_the_version_is_noted_for_the_anchor_too() -> None:
    from tests.unit.promote.test_promotion_record import entry

    record = Record().promoted(entry("a")).promoted(entry("b")).promoted(entry("c")).registered("a", "7")

    assert (record.anchor and record.anchor.version, record.previous and record.previous.version) == ("7", None)


def test_a_change_that_lost_a_race_is_made_again(workplace: Workplace) -> None:
    workplace.promote("a")
    told: list[int] = []

    def edit(record: Record) -> Record:
        if not told:
            told.append(1)
            change(workplace.store, workplace.name, lambda one: one.model_copy(update={"followed": 9}))
        return record.model_copy(update={"followed": 7})

    assert change(workplace.store, workplace.name, edit).followed == 7
