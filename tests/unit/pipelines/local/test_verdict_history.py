"""What became of each run of a model name."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stillhouse.components.artifacts.nights import Night, put_night
from stillhouse.components.artifacts.worth import Cost, ExpectedGain, News
from stillhouse.components.storage.home import local_store
from stillhouse.components.storage.store import Store
from stillhouse.errors import UserError
from stillhouse.pipelines.cli.verdicts import app
from stillhouse.pipelines.local.verdict_history import history, write_history

EXPECTED = ExpectedGain(gain=0.001, low=-0.002, high=0.004, confidence=0.95, nights=9, skipped=0)
BEFORE = Path(__file__).parents[3] / "data/verdict-by-5c44ae6/verdict.json"
"""Of an earlier release."""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Of two runs of `mails`, the second one skipped."""
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("STILLHOUSE_STORE", raising=False)
    measured = {"metric": "f1_macro", "value": 0.97, "low": 0.96, "high": 0.98, "gain": 0.004, "error": 0.002}
    night = Night(
        run="run-1",
        time="2026-03-02T07:00:00+00:00",
        decision="promoted",
        why="It is <better>.",
        version="3",
        **measured,
        flips=0.01,
        news=News(new_rows=1200, known_rows=9000, drift=0.125),
        cost=Cost(hours=1.5, gpus=2),
        expected=EXPECTED,
    )
    put_night(local_store(), "mails", night)
    skipped = Night(run="run-2", time="2026-03-03T07:00:00+00:00", decision="nothing to learn", why="expected gain")
    put_night(local_store(), "mails", skipped)
    return local_store()


def test_the_command_shows_a_table_and_writes_a_page(store: Store, tmp_path: Path) -> None:
    said = CliRunner().invoke(app, ["mails", "--home", str(tmp_path / "home")]).output
    lines = said.splitlines()

    assert lines[1].split() == ["2026-03-03", "07:00", "run-2", "nothing", "to", "learn"]
    assert " ".join(lines[2].split()) == (
        "2026-03-02 07:00 run-1 promoted 3 0.9700 +0.0040 +0.0010 (-0.0020 to +0.0040) 0.0100 0.1250 1,200 3 GPU-hours"
    )
    assert lines[3] == "1 of 2 runs were skipped, which saved about 3 GPU-hours."
    page = (tmp_path / "home" / "verdicts-mails.html").read_text()
    for title in ("Quality: f1_macro", "Gain over", "Negative flips", "Drift", "Cost: GPU-hours"):
        assert f'aria-label="{title}' in page
    assert "It is &lt;better&gt;." in page


def test_runs_of_earlier_releases_are_there_as_long_as_their_verdicts_are(store: Store) -> None:
    verdict = json.loads(BEFORE.read_bytes()) | {"model_name": "mails", "time": "2026-01-01T07:00:00+00:00"}
    store.put("verdicts/run-0.json", json.dumps(verdict | {"run": "run-0"}).encode())
    store.put("verdicts/other.json", json.dumps(verdict | {"model_name": "other"}).encode())
    nights = history(store, "mails")

    assert [night.run for night in nights] == ["run-0", "run-1", "run-2"]
    assert nights[0].value == verdict["evaluation"]["models"]["student"]["metrics"][nights[0].metric]["value"]


def test_an_unknown_name_is_refused_in_a_sentence(store: Store) -> None:
    with pytest.raises(UserError, match=r"No run of a model 'mail' is in .*; `stillhouse runs` lists all runs\."):
        history(store, "mail")


def test_a_page_of_skipped_runs_alone_has_no_curves(store: Store, tmp_path: Path) -> None:
    write_history(tmp_path / "page.html", "mails", history(store, "mails")[1:])

    assert "<svg" not in (tmp_path / "page.html").read_text()
