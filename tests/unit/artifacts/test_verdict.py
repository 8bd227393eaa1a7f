"""verdict.json of promote, of decline, and of 0.1.0."""

import json
from pathlib import Path

import pytest

from stillhouse.components.artifacts.verdict import FORMAT, Gate, Verdict, stored_verdict, verdict_key
from stillhouse.components.storage.store import Store, open_store
from stillhouse.errors import UserError

BEFORE = Path(__file__).parents[2] / "data/verdict-by-5c44ae6/verdict.json"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store")


def test_a_verdict_of_0_1_0_is_read(store: Store) -> None:
    store.put(verdict_key("run-b"), BEFORE.read_bytes())
    found = stored_verdict(store, "run-b")

    assert found is not None
    assert (found.decision, found.candidate, found.passed_over, found.version) == ("rejected", "student", [], None)
    assert [gate.name for gate in found.failed] == ["within_teacher", "beat_majority"]
    assert not any(gate.opened for gate in found.gates)
    assert found.champion_before and found.champion_before.run == "run-a"
    assert found.measured.rows.test == 40


def test_a_run_without_a_verdict_has_none(store: Store) -> None:
    assert stored_verdict(store, "run-b") is None


def test_one_that_is_cut_off_is_one_sentence(store: Store) -> None:
    store.put(verdict_key("run-b"), BEFORE.read_bytes()[:1000])

    with pytest.raises(UserError, match=r"verdicts/run-b\.json: .*invalid JSON"):
        stored_verdict(store, "run-b")


def test_where_nothing_was_trained_there_is_no_evaluation() -> None:
    early = Verdict(
        format=FORMAT,
        decision="nothing to learn",
        why="12 new rows of at least 100",
        model_name="spam",
        run="r",
        time="",
    )

    assert list(early.model_dump()) == ["format", "decision", "why", "model_name", "run", "time"]
    assert (early.gates, early.notes) == ([], [])
    with pytest.raises(LookupError):
        _ = early.measured


def test_whole_numbers_of_gates_stay_whole() -> None:
    gates = [Gate("test_rows", True, 40, 30, "Enough."), Gate("max_bytes", False, None, 0.5, "Too big.")]
    verdict = Verdict(format=FORMAT, decision="rejected", why="", model_name="spam", gates=gates, run="r", time="")
    written = json.dumps(verdict.model_dump(mode="json")["gates"])

    assert '"measured": 40, "limit": 30,' in written
    assert '"measured": null, "limit": 0.5,' in written
    assert Verdict.model_validate_json(verdict.model_dump_json()).gates == gates
