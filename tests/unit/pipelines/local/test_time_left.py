"""How long the whole run will still take."""

import json
from pathlib import Path

import pytest

from stillhouse.pipelines.local.progress import Progress, StepProgress
from stillhouse.pipelines.local.time_left import Expected

STEPS = ["inspect", "prepare", "finetune", "distill"]


def progress(**rows: StepProgress) -> Progress:
    return Progress({step: rows.get(step) or StepProgress(step) for step in STEPS}, lambda: 1000.0)


def ran(home: Path, run: str, **seconds: float) -> None:
    (home / run).mkdir(parents=True)
    steps = {step: {"state": "done" if value else "cached", "seconds": value} for step, value in seconds.items()}
    (home / run / "summary.json").write_text(json.dumps({"steps": steps}))


def running(step: str, since: float, left: float | None = None) -> StepProgress:
    row = StepProgress(step, "running", started=1000.0 - since)
    if left is not None:
        row.done, row.total, row.rate = 0.0, left, 1.0
    return row


@pytest.fixture
def expected(tmp_path: Path) -> Expected:
    ran(tmp_path, "mails-20261120-080000", inspect=1, prepare=10, finetune=100, distill=50)
    ran(tmp_path, "mails-20261121-080000", inspect=2, prepare=0, finetune=120, distill=0)
    ran(tmp_path, "mails-20261122-080000", inspect=99)
    ran(tmp_path, "mails-2-20261122-080000", inspect=99)
    ran(tmp_path, "other-20261122-080000", inspect=99, finetune=999)
    return Expected.of(tmp_path, "mails", but="mails-20261122-080000")


def test_each_step_takes_what_it_took_when_it_was_last_done(expected: Expected) -> None:
    assert expected.seconds == {"inspect": 2.0, "prepare": 10.0, "finetune": 120.0, "distill": 50.0}
    found = progress(
        inspect=StepProgress("inspect", "done"),
        prepare=StepProgress("prepare", "cached"),
        finetune=running("finetune", 30),
    )
    assert expected.left(found) == 90 + 50
    assert expected.sentence(found) == "whole run: about 2:20 left (as mails-20261121-080000 took)"


def test_a_step_that_is_slower_this_time_counts_by_its_own_progress(expected: Expected) -> None:
    assert expected.left(
        progress(finetune=running("finetune", 110, left=300), prepare=StepProgress("prepare", "done"))
    ) == (300 + 2 + 50)


def test_without_an_earlier_run_the_pace_of_a_training_is_carried_on_and_called_a_guess(tmp_path: Path) -> None:
    fresh = Expected.of(tmp_path, "mails", but="")
    found = progress(
        inspect=StepProgress("inspect", "done"),
        prepare=StepProgress("prepare", "done"),
        finetune=running("finetune", 30, left=90),
    )
    assert fresh.left(found) == 90 + 2 * 50  # twice as slow as guessed
    assert fresh.sentence(found) == "whole run: about 3:10 left (a guess: no earlier run of this recipe)"


def test_before_any_training_nothing_is_made_up(tmp_path: Path) -> None:
    fresh = Expected.of(tmp_path, "mails", but="")
    found = progress(inspect=running("inspect", 1))
    assert fresh.left(found) is None
    assert fresh.sentence(found) == "whole run: time left not known yet (no earlier run of this recipe)"


def test_a_summary_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "mails-20261120-080000").mkdir()
    (tmp_path / "mails-20261120-080000" / "summary.json").write_text('{"steps": ')
    assert Expected.of(tmp_path, "mails", but="").seconds == {}


def test_when_nothing_runs_nothing_is_said(expected: Expected) -> None:
    assert expected.sentence(progress()) == ""
