"""The nights of a model name, as the store keeps them."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.promote.conftest import Evaluate, evaluate

from stillhouse.components.artifacts.nights import Night, nights_of, put_night, told_saved
from stillhouse.components.artifacts.verdict import Verdict
from stillhouse.components.artifacts.worth import Cost, News
from stillhouse.components.storage.store import Store, open_store
from stillhouse.errors import UserError

__all__ = ["evaluate"]
PAIRED = {"rows": 1000, "difference": -0.004, "lower": -0.0069, "upper": -0.0011, "p_value": 0.1}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path)


def verdict(**other: Any) -> Verdict:
    said = {"format": 1, "decision": "rejected", "why": "w", "model_name": "m", "run": "r", "time": "2026-03-02"}
    return Verdict.model_validate(said | other)


def test_a_verdict_says_gain_and_its_error(evaluate: Evaluate) -> None:
    night = Night.of(verdict(evaluation=evaluate({"differences/champion": PAIRED}, champion=True)))

    assert (night.gain, night.value, night.metric) == (-0.004, 0.97, "f1_macro")
    assert night.error == pytest.approx(0.0029 / 1.6449, rel=1e-3)


def test_less_of_an_error_measure_is_a_gain(evaluate: Evaluate) -> None:
    changes = {"differences/champion": PAIRED, "greater_is_better": False}
    assert Night.of(verdict(evaluation=evaluate(changes, champion=True))).gain == 0.004


def test_the_champions_own_inputs_and_a_first_champion_measure_no_gain(evaluate: Evaluate) -> None:
    again = verdict(decision="unchanged", evaluation=evaluate(champion=True))

    assert Night.of(again).gain is None
    assert Night.of(verdict(evaluation=evaluate())).gain is None


def test_a_run_that_is_retried_is_one_night(store: Store) -> None:
    for run, time in (("b", "2026-03-03"), ("a", "2026-03-02"), ("b", "2026-03-03")):
        put_night(store, "m", Night.of(verdict(run=run, time=time, news=News(new_rows=3))))

    found = nights_of(store, "m")
    assert [night.run for night in found] == ["a", "b"]
    assert found[0].news == News(new_rows=3)
    assert nights_of(store, "other") == []


def test_two_runs_at_once_lose_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    write = store.put_if

    def late(key: str, data: bytes, version: str | None) -> str:
        monkeypatch.setattr(store, "put_if", write)
        put_night(store, "m", Night.of(verdict(run="first")))
        return write(key, data, version)

    monkeypatch.setattr(store, "put_if", late)
    put_night(store, "m", Night.of(verdict(run="second")))

    assert {night.run for night in nights_of(store, "m")} == {"first", "second"}


def test_what_skipped_runs_save_is_what_the_others_cost() -> None:
    skipped = Night.of(verdict(decision="nothing to learn"))
    trained = [Night.of(verdict(cost=Cost(hours=hours, gpus=4))) for hours in (0.5, 1.5)]

    assert told_saved([*trained, skipped, skipped, skipped]) == (
        "3 of 5 runs were skipped, which saved about 12 GPU-hours."
    )
    assert told_saved(trained) == told_saved([skipped]) == ""


def test_a_file_that_no_step_wrote_is_refused_in_a_sentence(store: Store) -> None:
    store.put("nights/m.json", b'{"nights": 3}')
    with pytest.raises(UserError, match=r"nights/m\.json: 'nights' is 3, .* learnt anew\."):
        nights_of(store, "m")
