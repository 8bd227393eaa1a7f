"""`base: champion`: what it stands for, before and after a promotion."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bases_on_disk import write_base
from tests.unit.inspect.promoting import promote

from stillhouse.components.inspect.bases import from_champion
from stillhouse.components.inspect.inspect import Inspected, inspect
from stillhouse.components.tracking.run import StepRun
from stillhouse.errors import UserError

Look = Callable[..., Inspected]


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Runs the step on a source of one file."""
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("STILLHOUSE_STORE", raising=False)
    (tmp_path / "data.csv").write_text("text,label\nhello,ham\n")

    def run_step(base: str = "champion", **parameters: Any) -> Inspected:
        given = {"data_source": str(tmp_path / "data.csv"), "model_name": "spam", "model_base": base, **parameters}
        return inspect(given, run=StepRun("inspect", "run", tmp_path / "home"))

    return run_step


def add_row(tmp_path: Path) -> None:
    with (tmp_path / "data.csv").open("a") as file:
        file.write("one more,ham\n")


def bases(found: Inspected) -> set[str]:
    """What the teacher is to start from."""
    return {json.loads(found.pretrain)["base"], json.loads(found.finetune)["base"]}


def test_the_first_run_starts_from_random_weights(look: Look) -> None:
    assert bases(look("champion")) == {""}


def test_the_first_run_starts_from_the_other_model_that_the_recipe_names(look: Look, tmp_path: Path) -> None:
    write_base(tmp_path / "bert")

    assert bases(look(f"champion, else {tmp_path}/bert")) == {f"{tmp_path}/bert"}


def test_later_runs_start_from_the_champion(look: Look, tmp_path: Path) -> None:
    promote(look(), "first")
    add_row(tmp_path)
    write_base(tmp_path / "bert")

    assert bases(look("champion")) == bases(look(f"champion, else {tmp_path}/bert")) == {"store://models/first"}


def test_the_run_says_that_it_starts_from_the_champion(look: Look, tmp_path: Path) -> None:
    promote(look(), "first")
    add_row(tmp_path)

    look()

    (spool,) = (tmp_path / "home").rglob("inspect.jsonl")
    assert "Base store://models/first: made by Stillhouse; its tokenizer and all of its tensors are taken." in (
        spool.read_text()
    )


def test_the_student_may_start_from_the_champion(look: Look, tmp_path: Path) -> None:
    promote(look(), "first")
    add_row(tmp_path)

    found = look("", model_student={"base": "champion"})

    assert json.loads(found.distill)["student"]["base"] == "store://models/first"
    assert bases(found) == {""}


def test_after_the_first_promotion_unchanged_data_are_cached(look: Look) -> None:
    before = look()
    promote(before, "first")

    assert look() == before


def test_after_a_later_promotion_unchanged_data_are_cached(look: Look, tmp_path: Path) -> None:
    promote(look(), "first")
    add_row(tmp_path)
    before = look()
    promote(before, "second")

    assert look() == before


def test_other_settings_start_from_the_champion_on_its_own_dataset(look: Look) -> None:
    before = look()
    promote(before, "first")

    changed = look(step_overrides={"distill": {"temperature": 3.0}})

    assert bases(changed) == {"store://models/first"}
    assert changed.snapshot == before.snapshot


@pytest.mark.parametrize("base", ["champion else hf://bert", "champion, hf://bert", "champion, else"])
def test_what_is_nearly_champion_is_one_sentence(look: Look, base: str) -> None:
    with pytest.raises(UserError, match="write `champion`, or `champion, else MODEL`; a folder as"):
        look(base)


@pytest.mark.parametrize("base", ["./champion", "champions", "champion/v2", "models:/spam@champion"])
def test_other_models_may_have_champion_in_their_name(base: str) -> None:
    assert from_champion(base, None) is None
