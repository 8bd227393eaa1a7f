"""What evaluate is told of the anchor: the same again for a run that was looked at before."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.inspect.promoting import keep, promote

from stillhouse.components.artifacts.promotion_record import Record, change, load
from stillhouse.components.inspect.inspect import Inspected, inspect
from stillhouse.components.promote.settings import PromoteSettings
from stillhouse.components.storage.home import local_store
from stillhouse.components.tracking.run import StepRun
from stillhouse.errors import UserError

Look = Callable[..., Inspected]


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Runs the step on a table, with rows added to it."""
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("STILLHOUSE_STORE", raising=False)
    table = tmp_path / "a.csv"

    def run_step(rows: str = "hello,ham\n", **settings: Any) -> Inspected:
        table.write_text(f"text,label\n{rows}")
        given = {"data_source": str(table), "model_name": "spam", "step_overrides": {"promote": settings}}
        return inspect(given, gpus="0", pretrains=True, run=StepRun("inspect", "run", tmp_path / "home"))

    return run_step


def told(found: Inspected) -> dict[str, Any]:
    return json.loads(found.champion)


def anchor_digest(found: Inspected) -> str:
    """Of the one that promote is told, which is the one that evaluate is told."""
    inspected = PromoteSettings.parse(found.promote).inspected
    assert inspected and inspected.anchor
    assert inspected.anchor.digest == told(found)["anchor"]["digest"]
    return inspected.anchor.digest


def looked_at(found: Inspected, candidate: str) -> None:
    """What promote writes before it decides about a candidate."""
    inputs = PromoteSettings.parse(found.promote).inspected
    assert inputs and inputs.champion
    fixed = {"champion": inputs.champion.digest, "inputs": inputs.inputs, "anchor": anchor_digest(found)}

    def edit(record: Record) -> Record:
        return record.looked(candidate=candidate, rows="r", run="run", decided_now=f"after {candidate}", **fixed)

    change(local_store(), "spam", edit)


def test_the_champion_is_the_anchor_until_a_better_one_comes(look: Look) -> None:
    promote(look(), "first")
    found = look("hello,ham\nbuy,spam\n")

    assert anchor_digest(found) == "first"
    assert told(found) | {"anchor": None} == {
        "version": None,
        "digest": "first",
        "uri": "store://models/first",
        "anchor": None,
        "decided": None,
        "look": 0,
        "shelf_life": 100,
    }


def test_a_run_on_inputs_that_were_looked_at_is_told_the_same_again(look: Look) -> None:
    promote(look(), "first")
    rejected = look("hello,ham\nbuy,spam\n")
    looked_at(rejected, "second")

    assert look("hello,ham\nbuy,spam\n") == rejected  # whose evaluation is cached
    assert told(look("hello,ham\nbuy,spam\nbye,ham\n"))["decided"] == "after second"


def test_so_is_the_run_of_the_champion_itself(look: Look) -> None:
    promote(look(), "first")
    later = look("hello,ham\nbuy,spam\n")
    looked_at(later, "second")
    promote(later, "second")

    assert look("hello,ham\nbuy,spam\n") == later


def test_a_pinned_version_is_the_anchor(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    promote(look(), "first")
    change(local_store(), "spam", lambda record: record.registered("first", "1"))
    later = look("hello,ham\nbuy,spam\n")
    entry = promote(later, "second")
    change(local_store(), "spam", lambda record: record.promoted(entry, entry))
    assert load(local_store(), "spam")[0].reference == entry.alone()

    assert anchor_digest(look("hello,ham\nbuy,spam\nbye,ham\n", anchor=1)) == "first"


def test_a_version_that_only_the_registry_knows_is_found_there(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    from stillhouse.components.tracking import registered

    promote(look(), "first")
    keep(local_store(), "old")
    known = {"7": registered.Registered("old", "run-7", "old", "2026-01-01T00:00:00+00:00")}
    monkeypatch.setattr(registered, "registered_version", lambda name, version: known.get(version))

    assert anchor_digest(look("hello,ham\nbuy,spam\n", anchor="7")) == "old"
    with pytest.raises(UserError, match=r"promote\.anchor names version 8 of 'spam', which is not registered"):
        look("hello,ham\nbuy,spam\n", anchor="8")


def test_a_pinned_version_whose_model_is_gone_is_one_sentence(look: Look, tmp_path: Path) -> None:
    promote(look(), "first")
    change(local_store(), "spam", lambda record: record.registered("first", "1"))
    promote(look("hello,ham\nbuy,spam\n"), "second")
    local_store().delete("models/first")

    with pytest.raises(UserError, match=r"promote\.anchor names version 1 of 'spam', whose model is not whole at"):
        look("hello,ham\nbuy,spam\nbye,ham\n", anchor=1)
