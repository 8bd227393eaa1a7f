"""When a dataset is worth a run, and when the run ends early."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from stillhouse.components.artifacts.dataset import read_split
from stillhouse.components.artifacts.known_rows import PLAIN_ROWS
from stillhouse.components.artifacts.nights import Night, put_night
from stillhouse.components.artifacts.worth import Cost, News
from stillhouse.components.prepare.novelty import Novelty
from stillhouse.components.prepare.prepare import prepare
from stillhouse.components.prepare.settings import LEARN, PrepareSettings
from stillhouse.components.storage.home import local_store
from stillhouse.components.storage.store import open_store
from stillhouse.components.tracking.run import StepRun
from stillhouse.errors import UserError

Make = Callable[..., Any]
Answer = Callable[..., str]


@pytest.fixture
def answer(tmp_path: Path, run: StepRun, write: Make, table: Make) -> Answer:
    """Runs the step on so many rows, the first of which a champion knows; what it answers."""

    def of(rows: int, known: int = 0, champion: bool = True, nights: str | None = None, **settings: Any) -> str:
        snapshot: dict[str, Any] = {"reference": None, "champion": None}
        if champion:
            prepared(known, "known", {}, {})
            hashes = read_split(tmp_path / "known", "train").hashes if known else np.zeros(0, np.int64)
            (tmp_path / "model").mkdir()
            save_file({"hashes": hashes}, tmp_path / "model" / PLAIN_ROWS)
            store = open_store(tmp_path / "store")
            store.put_folder(tmp_path / "model", "models/abc")
            snapshot = {"reference": str(tmp_path / "known" / "dataset.json"), "champion": store.uri("models/abc")}
            snapshot["nights"] = nights
        return prepared(rows, "dataset", snapshot, settings)

    def prepared(rows: int, name: str, snapshot: dict[str, Any], settings: dict[str, Any]) -> str:
        if not rows:
            return ""
        source = write(f"{name}.csv", table(rows))
        given = {"source": str(source), "task": "text_classification", "min_rows": 1, **settings}
        parsed = PrepareSettings.model_validate(given)
        return prepare(parsed, snapshot=json.dumps(snapshot), dataset=tmp_path / name, card=tmp_path / "card", run=run)

    return of


def test_without_limits_every_dataset_is_worth_a_run(answer: Answer) -> None:
    assert answer(80, known=80) == LEARN


def test_the_first_run_always_learns(answer: Answer) -> None:
    assert answer(80, champion=False, min_new_rows=10_000, min_drift=1.0) == LEARN


def test_rows_that_the_champion_knows_are_not_new(answer: Answer) -> None:
    assert answer(80, known=80, min_new_rows=5) == "0 new rows of at least 5"


def test_enough_new_rows_are_worth_a_run(answer: Answer) -> None:
    assert answer(120, known=60, min_new_rows=30) == LEARN


def test_the_dataset_is_written_whether_or_not_it_is_learnt_from(answer: Answer, tmp_path: Path) -> None:
    answer(80, known=80, min_new_rows=5)

    assert (tmp_path / "dataset" / "dataset.json").is_file()


def test_too_little_drift_is_said_with_the_largest_distance(answer: Answer) -> None:
    assert answer(80, known=80, min_drift=0.2) == "drift 0 of at least 0.2"


def test_few_new_rows_need_not_be_enough_to_learn_from(answer: Answer) -> None:
    assert answer(4, known=80, min_new_rows=5, min_rows=100) == "0 new rows of at least 5"


def test_a_champion_whose_model_is_gone_knows_no_row(
    answer: Answer, write: Make, table: Make, run: StepRun, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = write("a.csv", table(80))
    settings = PrepareSettings(source=str(source), task="text_classification", min_rows=1, min_new_rows=5)
    snapshot = json.dumps({"champion": str(tmp_path / "gone")})

    found = prepare(settings, snapshot=snapshot, dataset=tmp_path / "d", card=tmp_path / "card", run=run)

    assert found == LEARN
    assert "gone: all rows count as new (" in caplog.text


@pytest.mark.parametrize(
    ("novelty", "sentence"),
    [
        (Novelty(12, 0.01), "12 new rows of at least 100; drift 0.01 of at least 0.1"),
        (Novelty(100, 0.01), ""),
        (Novelty(12, 0.1), ""),
        (Novelty(12, None), ""),
        (Novelty(None, None), ""),
    ],
)
def test_of_two_limits_one_suffices_to_go_on(novelty: Novelty, sentence: str) -> None:
    settings = PrepareSettings(source="a", task="text_classification", min_new_rows=100, min_drift=0.1)

    assert novelty.too_little(settings) == sentence


@pytest.fixture
def quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty nights that gained nothing."""
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("STILLHOUSE_STORE", raising=False)
    news = News(new_rows=0, known_rows=60, drift=0.0)
    for day in range(1, 21):
        gained = {
            "metric": "f1_macro",
            "gain": 0.0005 * (-1) ** day,
            "error": 0.001,
            "news": news,
            "cost": Cost(hours=1),
        }
        night = Night(run=f"run-{day}", time=f"2026-03-{day:02}", decision="rejected", **gained)
        put_night(local_store(), "mails", night)


@pytest.mark.usefixtures("quiet")
def test_a_run_that_is_expected_to_gain_too_little_ends_early_and_says_what_was_expected(
    answer: Answer, tmp_path: Path
) -> None:
    found = answer(80, known=80, nights="mails", skip_below=0.005)
    dataset = json.loads((tmp_path / "dataset" / "dataset.json").read_text())

    assert re.fullmatch(r"expected gain -?0\.000\d, at most 0\.00[01]\d, of at least 0\.005", found)
    assert (dataset["expected"]["nights"], dataset["news"]["new_rows"], dataset["news"]["drift"]) == (20, 0, 0.0)
    assert "Expected gain over the champion" in (tmp_path / "card").read_text()


@pytest.mark.usefixtures("quiet")
def test_without_skip_below_what_is_expected_is_said_and_the_run_goes_on(answer: Answer, tmp_path: Path) -> None:
    assert answer(80, known=80, nights="mails") == LEARN
    assert json.loads((tmp_path / "dataset" / "dataset.json").read_text())["expected"]


@pytest.mark.usefixtures("quiet")
def test_other_data_than_any_night_had_are_worth_a_try(answer: Answer) -> None:
    assert answer(400, known=60, nights="mails", skip_below=0.005) == LEARN


@pytest.mark.usefixtures("quiet")
def test_a_run_that_is_not_worth_it_still_fails_on_data_that_break_a_limit(answer: Answer) -> None:
    with pytest.raises(UserError, match="min_rows"):
        answer(80, known=80, nights="mails", skip_below=0.005, min_rows=1000)
