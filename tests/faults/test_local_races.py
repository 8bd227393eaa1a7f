"""Pipelines that promote at the same moment on one machine: one wins, the others say so, nothing is lost."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from stillhouse.components.artifacts.promotion_record import Record, load
from stillhouse.components.storage.store import open_store
from stillhouse.components.tracking.connection import connect

SEED = 20261122
PROMOTERS = 3
LEAD_SECONDS = 0.004
"""From the word to the moment at which all begin."""
SPREAD_SECONDS = 0.004
"""So much later than others one may begin: so each of them has its turn at being first."""

Verdict = dict[str, Any]


class Race:
    """Some promoters in processes of their own, and one model name."""

    def __init__(self, folder: Path, promoters: list[subprocess.Popen[str]]) -> None:
        self.folder, self.promoters = folder, promoters
        self.random = random.Random(SEED)

    @property
    def record(self) -> Record:
        return load(open_store(self.folder / "home" / "store"), "mail")[0]

    def run(self, turn: int, against: str) -> list[Verdict]:
        """Let all promote a candidate that was compared with the champion `against`; their verdicts."""
        begin = time.time() + LEAD_SECONDS
        for promoter in self.promoters:
            assert promoter.stdin
            promoter.stdin.write(f"{turn} {against} {begin + self.random.uniform(0, SPREAD_SECONDS)}\n")
            promoter.stdin.flush()
        return [json.loads(promoter.stdout.readline()) for promoter in self.promoters if promoter.stdout]


@contextmanager
def race_of(folder: Path, registry: str) -> Iterator[Race]:
    command = [sys.executable, str(Path(__file__).with_name("promoter.py")), str(folder), "mail"]
    with ExitStack() as stack:
        promoters = [
            stack.enter_context(
                subprocess.Popen([*command, str(n), registry], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            for n in range(PROMOTERS)
        ]
        assert [promoter.stdout.readline() for promoter in promoters if promoter.stdout] == ["ready\n"] * PROMOTERS
        yield Race(folder, promoters)
        for promoter in promoters:
            assert promoter.stdin
            promoter.stdin.close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mail")
    for name in ("STILLHOUSE_STORE", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.mark.parametrize("races", [50, pytest.param(1000, marks=pytest.mark.faults)])
def test_one_wins_each_race_and_the_others_say_who(folder: Path, races: int) -> None:
    won, before, record = [0] * PROMOTERS, "-", Record()
    with race_of(folder, "alone") as race:
        for turn in range(races):
            verdicts = race.run(turn, before)
            winners = [verdict for verdict in verdicts if verdict["decision"] == "promoted"]
            losers = [verdict for verdict in verdicts if verdict["decision"] == "conflict"]
            assert (len(winners), len(losers)) == (1, PROMOTERS - 1), f"race {turn} of seed {SEED}: {verdicts}"
            ((winner,), last, record) = winners, record, race.record
            assert record.champion and record.champion.run == winner["run"]
            assert all(f"the champion is now the model {record.champion.digest[:12]}" in v["why"] for v in losers)
            assert (record.previous and record.previous.digest) == (last.champion and last.champion.digest)
            assert record.serial == last.serial + 1
            assert [event.serial for event in record.history] == list(range(max(1, turn - 198), turn + 2))
            before = winner["weights"]
            won[int(before.rpartition("-")[2])] += 1
    assert min(won) > 0, f"one never won, so these were no races: {won}"


@pytest.mark.faults
def test_after_each_race_the_aliases_are_those_of_the_record(folder: Path) -> None:
    before = "-"
    with race_of(folder, "registry") as race:
        client = connect(folder / "home")
        for turn in range(20):
            verdicts = race.run(turn, before)
            (winner,) = [verdict for verdict in verdicts if verdict["decision"] == "promoted"]
            before, record = winner["weights"], race.record
            wanted = {"champion": record.champion, "previous": record.previous}
            aliases = client.get_registered_model("mail").aliases
            assert aliases == {alias: int(entry.version or 0) for alias, entry in wanted.items() if entry}
            assert record.champion and record.champion.run == winner["run"]
            assert winner["version"] == record.champion.version
