"""inspect on sources with times: what a run is handed, and what stays cached."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.inspect.promoting import promote

from stillhouse.components.inspect.inspect import Inspected, inspect
from stillhouse.components.storage.sources import fetch_source
from stillhouse.components.storage.windows import Window
from stillhouse.components.tracking.run import StepRun
from stillhouse.errors import UserError

Look = Callable[..., Inspected]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with a partition for each of two days."""
    folder = tmp_path / "data"
    add_day(folder, "2026-03-01")
    add_day(folder, "2026-03-02")
    return folder


@pytest.fixture
def look(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Runs the step as one that was due at a time, on all days since the last promotion."""
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("STILLHOUSE_STORE", raising=False)

    def run_step(due: str, source: str = "{since_last_promoted}", **parameters: Any) -> Inspected:
        given = {"data_source": f"{data}/{source}", "model_name": "spam", **parameters}
        return inspect(given, scheduled_time=due, run=StepRun("inspect", "run", tmp_path / "home"))

    return run_step


def add_day(folder: Path, day: str) -> None:
    (folder / day).mkdir(parents=True)
    (folder / day / "a.csv").write_text(f"text,label\nof {day},ham\n")


def days(found: Inspected, tmp_path: Path) -> list[str]:
    """The partitions that prepare reads."""
    window = Window(**json.loads(found.snapshot)["window"] | {"replayed": None})
    files = fetch_source(json.loads(found.prepare)["source"], tmp_path / "fetched", window)
    return [file.parent.name for file in files]


def test_the_time_a_run_was_due_is_in_the_address_that_prepare_reads(look: Look, data: Path) -> None:
    found = look("2026-03-02T06:00:00Z", source="{scheduled_time:%Y-%m-%d}")

    assert json.loads(found.prepare)["source"] == f"{data}/2026-03-02"


@pytest.mark.parametrize("due", ["2026-03-02T23:30:00-05:00", "2026-03-03T04:30:00Z"])
def test_the_time_is_in_utc(look: Look, data: Path, due: str) -> None:
    add_day(data, "2026-03-03")

    assert json.loads(look(due, source="{scheduled_time}").prepare)["source"] == f"{data}/2026-03-03"


@pytest.mark.parametrize("due", ["", "{{$.pipeline_job_schedule_time_utc}}"])
def test_a_run_that_no_schedule_started_is_due_now(look: Look, due: str) -> None:
    with pytest.raises(UserError, match=r"data/20\d\d-\d\d-\d\d' does not exist"):
        look(due, source="{scheduled_time}")


def test_an_unknown_placeholder_is_one_sentence(look: Look) -> None:
    with pytest.raises(UserError, match=r"there is no \{today\}; use \{scheduled_time:%Y-%m-%d\}"):
        look("2026-03-02T06:00:00Z", source="{today}")


def test_the_first_window_holds_every_day_until_the_run_was_due(look: Look, data: Path, tmp_path: Path) -> None:
    add_day(data, "2026-03-03")

    assert days(look("2026-03-02T06:00:00Z"), tmp_path) == ["2026-03-01", "2026-03-02"]


def test_the_next_window_begins_where_the_champions_data_end(look: Look, data: Path, tmp_path: Path) -> None:
    promote(look("2026-03-02T06:00:00Z"), "first", at="2026-03-04T09:00:00+00:00")
    add_day(data, "2026-03-03")
    add_day(data, "2026-03-05")

    assert days(look("2026-03-05T06:00:00Z"), tmp_path) == ["2026-03-02", "2026-03-03", "2026-03-05"]


def test_of_the_days_before_it_the_newest_are_looked_at_again(look: Look, data: Path) -> None:
    add_day(data, "2026-02-27")
    promote(look("2026-03-02T06:00:00Z"), "first")
    add_day(data, "2026-03-03")

    def replayed(**replay: Any) -> tuple[str | None, int]:
        given = {"step_overrides": {"prepare": {"replay": replay}}}
        snapshot = json.loads(look("2026-03-03T06:00:00Z", **given).snapshot)
        return snapshot["window"].get("replayed"), snapshot["files"]

    assert replayed() == ("2026-02-27T00:00:00+00:00", 4)
    assert replayed(partitions=1) == ("2026-03-01T00:00:00+00:00", 3)
    assert replayed(share=0, kept=0) == (None, 2)


def test_after_a_promotion_the_same_days_are_cached(look: Look) -> None:
    before = look("2026-03-02T06:00:00Z")
    promote(before, "first")

    after = look("2026-03-04T06:00:00Z")

    assert (after.snapshot, after.finetune, after.champion) == (before.snapshot, before.finetune, before.champion)


def test_after_a_second_promotion_the_same_days_are_cached(look: Look, data: Path) -> None:
    promote(look("2026-03-02T06:00:00Z"), "first")
    add_day(data, "2026-03-03")
    before = look("2026-03-03T06:00:00Z")
    promote(before, "second")

    assert look("2026-03-04T06:00:00Z").snapshot == before.snapshot


def test_a_day_that_grew_is_looked_at_again(look: Look, data: Path, tmp_path: Path) -> None:
    promote(look("2026-03-02T06:00:00Z"), "first")
    (data / "2026-03-02" / "b.csv").write_text("text,label\nlate,ham\n")

    assert days(look("2026-03-03T06:00:00Z"), tmp_path) == ["2026-03-02", "2026-03-02"]


def test_other_settings_on_the_champions_days_leave_its_dataset_cached(look: Look) -> None:
    before = look("2026-03-02T06:00:00Z")
    promote(before, "first")

    changed = look("2026-03-04T06:00:00Z", step_overrides={"distill": {"temperature": 3.0}})

    assert changed.snapshot == before.snapshot


def test_a_window_without_data_is_one_sentence(look: Look) -> None:
    with pytest.raises(UserError, match=r"of the partitions up to 2025-01-01 .* none is there; check the path"):
        look("2025-01-01T06:00:00Z")


def test_days_that_are_missing_are_counted(look: Look, data: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    add_day(data, "2026-03-05")

    look("2026-03-05T06:00:00Z")

    assert "3 of the 5 partitions up to 2026-03-05" in caplog.text


def test_prepare_is_told_the_champion_whose_rows_are_not_new(look: Look, data: Path) -> None:
    promote(look("2026-03-02T06:00:00Z"), "first")
    add_day(data, "2026-03-03")

    assert json.loads(look("2026-03-03T06:00:00Z").snapshot)["champion"] == "store://models/first"


def test_after_a_promotion_a_run_that_asks_for_new_rows_is_cached(look: Look) -> None:
    asked = {"step_overrides": {"prepare": {"min_new_rows": 5}}}
    before = look("2026-03-02T06:00:00Z", **asked)
    promote(before, "first")

    assert look("2026-03-02T08:00:00Z", **asked).snapshot == before.snapshot
