"""rollback: back to the previous model, and forth again."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stillhouse.components.artifacts.promotion_record import change, load
from stillhouse.components.promote.rollback import app, rollback
from stillhouse.components.storage.store import FileStore
from stillhouse.errors import UserError

Workplace = Any
"""See conftest.py."""


def test_rollback_puts_the_previous_model_back(promoted: Workplace) -> None:
    sentence = rollback(promoted.name)

    assert sentence.startswith(f"The champion of '{promoted.name}' is again version 1 of the run run-a ")
    assert (promoted.weights("champion"), promoted.weights("previous")) == ("a", "b")


def test_rollback_twice_restores_champion_and_previous(promoted: Workplace) -> None:
    before = promoted.record
    rollback(promoted.name)
    rollback(promoted.name)
    after = promoted.record

    assert (after.champion, after.previous) == (before.champion, before.previous)
    assert after.serial == before.serial + 2
    assert promoted.weights("champion") == "b"


def test_without_a_previous_model_there_is_nothing_to_go_back_to(workplace: Workplace) -> None:
    with pytest.raises(UserError, match=r"has no promoted model in .*/home/store"):
        rollback(workplace.name)


def test_two_who_roll_back_at_once_go_back_by_one(promoted: Workplace) -> None:
    class Overtaken(FileStore):
        def put_if(self, key: str, data: bytes, version: str | None) -> str:
            if load(promoted.store, promoted.name)[0].rolled_back is None:
                change(promoted.store, promoted.name, lambda record: record.swapped())
            return super().put_if(key, data, version)

    with pytest.raises(UserError, match="was changed by somebody else just now"):
        rollback(promoted.name, store=Overtaken(promoted.folder / "home" / "store"))

    assert promoted.record.rolled_back is not None


def test_rollbacks_and_promotions_at_once_lose_nothing(promoted: Workplace, together: Any) -> None:
    def act(number: int) -> str:
        if number % 2 == 0:
            return promoted.promote(f"racer-{number}")["decision"]
        try:
            rollback(promoted.name)
        except UserError:
            return "overtaken"
        return "rolled_back"

    done = together(act, 8)

    history = promoted.record.history
    assert [event.serial for event in history] == list(range(1, promoted.record.serial + 1))
    happened = [event.what for event in history]
    assert happened.count("rolled_back") == done.count("rolled_back")
    assert happened.count("promoted") == done.count("promoted") + 2


def test_the_command_says_what_is_wrong_in_one_line(workplace: Workplace) -> None:
    command = [sys.executable, "-m", "stillhouse.components.promote.rollback", "nobody"]

    answer = subprocess.run(command, cwd=Path.cwd(), capture_output=True, text=True, check=False)

    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1
    assert answer.stderr.startswith("'nobody' has no promoted model")


def test_a_mistyped_name_is_answered_with_the_one_that_was_meant(promoted: Workplace) -> None:
    with pytest.raises(UserError) as caught:
        rollback(f"{promoted.name}s")
    assert str(caught.value).endswith(f"; did you mean '{promoted.name}'?")


def test_the_command_names_itself_and_takes_a_home(promoted: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        app(["--help"], prog_name="stillhouse rollback")
    assert "Usage: stillhouse rollback [OPTIONS] {NAME}" in capsys.readouterr().out
    elsewhere = promoted.folder / "elsewhere"
    with pytest.raises(SystemExit):
        app([promoted.name, "--home", str(elsewhere)])
    assert f"has no promoted model in {elsewhere / 'store'}" in capsys.readouterr().err
