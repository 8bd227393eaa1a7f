"""A window of partitions, with what it takes of those before it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from stillhouse.components.prepare.prepare import prepare
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.tasks.interface.settings import settings_for_name
from stillhouse.components.tracking.run import StepRun

Make = Callable[..., Any]
FIRST, SECOND, THIRD = (f"2026-03-0{day}T00:00:00+00:00" for day in (1, 2, 3))
WINDOW = {"first": THIRD, "last": THIRD, "replayed": FIRST}

pytestmark = pytest.mark.usefixtures("no_card")


@pytest.fixture
def source(tmp_path: Path, write: Make, table: Make) -> str:
    """Three days of 200 rows each, at times that go on from day to day."""
    for day in (1, 2, 3):
        columns = {**table(200, seed=day), "sent": [1000 * day + row for row in range(200)]}
        write(f"mails/2026-03-0{day}/a.csv", columns)
    return f"{tmp_path}/mails/{{since_last_promoted:%Y-%m-%d}}"


@pytest.fixture
def on_window(tmp_path: Path, run: StepRun) -> Make:
    """Runs the step on a window; the splits beside dataset.json."""

    def on(source: str, window: dict[str, str] = WINDOW, task: str = "text_classification", **given: Any) -> Any:
        given["replay"] = {"kept": 0.05, **given.get("replay", {})}
        settings = settings_for_name(PrepareSettings, task).model_validate(
            {"source": source, "task": task, "min_rows": 1, **given}
        )
        folder, snapshot = tmp_path / "out" / "dataset", json.dumps({"window": window})
        prepare(settings, snapshot=snapshot, dataset=folder, card=tmp_path / "card.html", run=run)
        splits = {path.stem: pq.read_table(path).to_pylist() for path in folder.glob("*.parquet")}
        return {"json": json.loads((folder / "dataset.json").read_text()), **splits}

    return on


def hashes(rows: list[dict[str, Any]]) -> set[str]:
    return {row["hash"] for row in rows}


def test_new_rows_are_taken_whole_and_of_older_ones_a_share(source: str, on_window: Make) -> None:
    found = on_window(source)
    told = found["json"]["replayed"]

    assert [(one["period"], one["rows"]) for one in told] == [(FIRST, 200), (SECOND, 200)]
    for one in told:
        assert 8 <= one["train"] + one["validation"] <= 32  # 0.1 of the 80 % that are not test
        assert 3 <= one["test"] <= 20  # 0.05
    new = found["json"]["read"] - sum(one[split] for one in told for split in ("train", "validation", "test"))
    assert new == 200
    assert found["json"]["dropped"] == {}


def test_a_kept_row_is_test_whenever_it_is_looked_at(source: str, on_window: Make) -> None:
    """In the window of its own day it was test too, so that no model has learnt from it."""
    then = on_window(source, {"first": FIRST, "last": FIRST})
    later = on_window(source)
    kept = [row for row in later["test"] if row["row_period"] == FIRST]

    assert kept
    assert hashes(kept) <= hashes(then["test"])
    assert {row["row_period"] for row in later["test"]} == {"", FIRST, SECOND}


def test_the_draw_is_that_of_the_seed(source: str, on_window: Make) -> None:
    first, again, other = (hashes(on_window(source, replay={"seed": seed})["train"]) for seed in (1, 1, 2))

    assert first == again != other


def test_by_time_the_kept_rows_are_test_and_the_borders_those_of_the_window(source: str, on_window: Make) -> None:
    columns = {"text": "text", "label": "label", "time": "sent"}
    today = on_window(source, {"first": SECOND, "last": SECOND}, columns=columns)
    later = on_window(source, columns=columns)
    kept = [row for row in later["test"] if row["row_period"] == SECOND]

    assert kept
    assert hashes(kept) <= hashes(today["test"])
    assert later["json"]["times"]["test_from"] >= 3150
    assert all(row["row_time"] >= 3000 for row in later["test"] if not row["row_period"])
    assert 3130 <= later["json"]["learnt_until"] < later["json"]["times"]["test_from"]


def test_without_a_share_nothing_is_replayed(source: str, on_window: Make) -> None:
    found = on_window(source, replay={"share": 0})

    assert all(one["train"] == one["validation"] == 0 < one["test"] for one in found["json"]["replayed"])


def test_a_window_alone_is_a_dataset_as_any(source: str, on_window: Make) -> None:
    found = on_window(source, {"first": THIRD, "last": THIRD})

    assert "replayed" not in found["json"]
    assert "row_period" not in found["test"][0]


def test_a_user_with_new_rows_is_new_with_the_whole_history(tmp_path: Path, write: Make, on_window: Make) -> None:
    for day, users in ((1, range(60)), (2, range(30))):
        rows = [(f"u{user}", f"i{(user + item) % 9}", 10 * day + item) for user in users for item in range(4)]
        columns = dict(zip(("user", "item", "time"), zip(*rows, strict=True), strict=True))
        write(f"views/2026-03-0{day}.csv", columns)
    source = f"{tmp_path}/views/{{since_last_promoted:%Y-%m-%d}}.csv"
    window = {"first": SECOND, "last": SECOND, "replayed": FIRST}
    roles = {"user": "user", "item": "item", "time": "time"}

    found = on_window(source, window, "recommendation", columns=roles, replay={"share": 0})

    users = {row["user"] for split in ("train", "validation", "test") for row in found[split]}
    assert {f"u{user}" for user in range(30)} <= users
    assert len(users) < 45
    assert [one["rows"] for one in found["json"]["replayed"]] == [30]
