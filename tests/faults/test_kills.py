"""A step that is killed, whenever and wherever, and started again with the same command ends with the very same bits.

Real step functions on real emails, in processes of their own. A killed sequence is compared with an unbroken run:
the weights (or the dataset) byte for byte, each point of the metric history once and with the same value, and what
training saw, micro-batch by micro-batch. Random moments come from SEED; a failure prints the kills that led to it.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from stillhouse.components.tracking.spool import read_events

pytestmark = pytest.mark.faults

SEED = int(os.environ.get("STILLHOUSE_KILL_SEED", "20261122"))
RANDOM_KILLS = 6
"""For each job."""
KILLS_IN_A_ROW = 3
"""At most, before a sequence runs to its end."""
EMAILS = Path(__file__).parents[2] / "pipelines/recipes/data/spam-assassin.parquet"
TIMED = {"train/tokens_per_second", "train/data_wait_share", "tokens_per_second", "data_wait_share"}
"""Points that hold times: once each, with whatever value."""
KILL, TERM = signal.SIGKILL, signal.SIGTERM

ARCHITECTURE = {"layers": 2, "width": 32, "heads": 2, "vocab_size": 600, "max_length": 48}
LOOP = {
    "epochs": 3,
    "batch_tokens": 800,
    "micro_batch_tokens": 300,  # three micro-batches a step
    "max_length": 48,
    "evaluations_per_epoch": 2,
    "checkpoint_seconds": 0.02,
}
TRAINING: dict[str, Any] = {"task": "text_classification", "base": "", "architecture": ARCHITECTURE, "loop": LOOP}
PREPARE: dict[str, Any] = {
    "task": "text_classification",
    "columns": {"text": ["subject", "body"], "label": "label"},
    "augment": 0.2,
    "labelled_rows": 250,
    "max_characters": 3000,
}


def with_workers(number: int) -> dict[str, Any]:
    return {**TRAINING, "loop": {**LOOP, "num_workers": number}}


def distilling(number: int) -> dict[str, Any]:
    return {"task": "text_classification", "student": {"layers": 1}, "loop": {**LOOP, "num_workers": number}}


def pretraining(number: int) -> dict[str, Any]:
    return {**with_workers(number), "objective": "masked_lm"}


JOBS: dict[str, tuple[str, dict[str, Any]]] = {
    "prepare": ("prepare", PREPARE),
    "pretrain": ("pretrain", pretraining(0)),
    "pretrain, 2 workers": ("pretrain", pretraining(2)),
    "finetune": ("finetune", TRAINING),
    "finetune, 1 worker": ("finetune", with_workers(1)),
    "finetune, 2 workers": ("finetune", with_workers(2)),
    "distill": ("distill", distilling(0)),
    "distill, 2 workers": ("distill", distilling(2)),
}

PLACES: list[tuple[str, str]] = [
    ("finetune", "training:4"),
    ("finetune, 2 workers", "training:50"),
    ("distill", "training:33"),
    ("pretrain", "evaluation:1"),
    ("finetune", "evaluation:4"),
    ("pretrain", "checkpoint-files:1"),
    ("finetune", "checkpoint-files:2"),
    ("distill", "checkpoint-files:3"),
    ("finetune, 1 worker", "checkpoint-files:9"),
    ("finetune", "checkpoint-rename:1"),
    ("distill, 2 workers", "checkpoint-rename:4"),
    ("finetune", "checkpoint-named:3"),
    ("distill", "teacher:1"),
    ("distill", "teacher:11"),
    ("distill", "teacher-cache:2"),
    ("distill", "teacher-cache:9"),
    ("prepare", "split:1"),
    ("prepare", "dataset-files:3"),
    ("prepare", "result-unnamed:1"),
    ("prepare", "result-named:1"),
    ("finetune", "result-unnamed:1"),
    ("distill", "result-named:1"),
    ("finetune", "clear:1"),
]


@dataclass
class Outcome:
    """All that must be equal."""

    result: dict[str, bytes]
    """Files of the model (its weights) or the dataset."""
    points: dict[tuple[str, int], float | None]
    """The metric history without the machine's; None for times."""
    learnt: dict[int, list[str]]
    """Digests of the micro-batches of each step."""


@dataclass
class Forge:
    """Runs jobs in processes of their own, see training_forge.py."""

    process: "subprocess.Popen[str]"
    folder: Path
    inputs: dict[str, Path]
    """Where the steps before have left their results."""
    unbroken: dict[str, tuple[Outcome, float]] = field(default_factory=dict)
    """Outcome and seconds of each job that nobody killed."""
    kills: int = 0

    def ask(self, **job: Any) -> dict[str, float]:
        """Have a job done; how it ended."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, "the forge is gone"
        return json.loads(answer)

    def sequence(self, job: str, name: str) -> "Sequence":
        """A job in a home folder of its own."""
        step, settings = JOBS[job]
        home = self.folder / name.replace(" ", "-").replace(",", "")
        home.mkdir()
        if step == "prepare":
            settings = {**settings, "source": str(self.inputs["emails"])}
            snapshot = json.dumps({"source_digest": "", "reference": None})
            paths = {"snapshot": snapshot, "dataset": str(home / "dataset"), "card": str(home / "card.html")}
        else:
            inputs = {"pretrain": (), "finetune": ("backbone",), "distill": ("teacher",)}[step]
            paths = {"dataset": str(self.inputs["dataset"]), "model": str(home / "model")}
            paths |= {role: str(self.inputs[role]) for role in inputs}
        return Sequence(self, home, step, settings, paths)

    def expected(self, job: str) -> tuple[Outcome, float]:
        """What an unbroken run gives, and how long it takes."""
        if job not in self.unbroken:
            sequence = self.sequence(job, f"unbroken {job}")
            seconds = sequence.finish()
            self.unbroken[job] = sequence.outcome(), seconds
        return self.unbroken[job]


@dataclass
class Sequence:
    """The same command again and again, until it is done."""

    forge: Forge
    home: Path
    step: str
    settings: dict[str, Any]
    paths: dict[str, str]
    killed: list[str] = field(default_factory=list)
    """What happened, for a failure's message."""

    @property
    def notes(self) -> Path:
        return self.home / "notes"

    def run(self, **kill: Any) -> dict[str, float]:
        """Start the command once."""
        job = {"step": self.step, "settings": self.settings, "paths": self.paths, "home": str(self.home)}
        return self.forge.ask(**job, notes=str(self.notes), **kill)

    def finish(self) -> float:
        """Start it and let it end; its seconds."""
        answer = self.run()
        assert answer["code"] == 0, f"{self.killed}\n{self.notes.with_suffix('.log').read_text()[-3000:]}"
        return answer["seconds"]

    def kill_at(self, place: str, number: signal.Signals) -> None:
        """Start it and kill it at a place, which it must reach."""
        answer = self.run(kill_at=f"{place}:{int(number)}")
        assert _was_killed(answer["code"], number), (place, answer, self.notes.with_suffix(".log").read_text()[-3000:])
        self.forge.kills += 1
        self.killed.append(f"{number.name} at {place}")

    def kill_after(self, seconds: float, number: signal.Signals, *, group: bool) -> bool:
        """Start it and kill it after so many seconds; whether it was killed, and not done before."""
        answer = self.run(after=seconds, signal=int(number), group=group)
        if answer["code"] == 0:
            return False
        assert _was_killed(answer["code"], number), (answer, self.notes.with_suffix(".log").read_text()[-3000:])
        self.forge.kills += 1
        self.killed.append(f"{number.name} after {seconds:.3f} s" + " to the group" * group)
        return True

    def outcome(self) -> Outcome:
        """What it left behind."""
        return Outcome(self._result(), self._points(), self._learnt())

    def _result(self) -> dict[str, bytes]:
        if self.step == "prepare":
            folder = Path(self.paths["dataset"])
            assert Path(self.paths["card"]).read_bytes() == (folder / "card.html").read_bytes()
            return {path.name: path.read_bytes() for path in folder.iterdir()}
        return {"weights": Path(self.paths["model"], "model.safetensors").read_bytes()}

    def _points(self) -> dict[tuple[str, int], float | None]:
        found: dict[tuple[str, int], float | None] = {}
        for _, event in read_events(self.home / "run" / "spool" / f"{self.step}.jsonl"):
            for name, value in event["values"].items() if event["event"] == "metric" else ():
                if not name.startswith("system/"):
                    assert (name, event["step"]) not in found, f"{name} at {event['step']} twice: {self.killed}"
                    found[name, event["step"]] = None if name in TIMED else value
        return found

    def _learnt(self) -> dict[int, list[str]]:
        attempts: list[tuple[int, list[str]]] = []
        for line in self.notes.read_text().splitlines() if self.notes.exists() else []:
            kind, _, value = line.partition(" ")
            if kind == "step":
                attempts.append((int(value), []))
            else:
                attempts[-1][1].append(value)
        learnt = dict(attempts)  # the last time that a step was learnt it was learnt to its end
        for step, seen in attempts:
            assert learnt[step][: len(seen)] == seen, f"step {step} saw something else: {self.killed}"
        return learnt


def _was_killed(code: float, number: signal.Signals) -> bool:
    """By the signal, or, where training listens for SIGTERM, with a checkpoint and the exit code of Ctrl-C."""
    return code == -number or (number == TERM and code == 128 + signal.SIGINT)


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forge]:
    """A forge with the results of unbroken prepare, pretrain and finetune at hand."""
    folder = tmp_path_factory.mktemp("kills")
    emails = pyarrow.parquet.read_table(EMAILS)
    pyarrow.parquet.write_table(emails.take(list(range(0, len(emails), 12))), folder / "emails.parquet")
    command = [sys.executable, str(Path(__file__).with_name("training_forge.py"))]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout
        assert json.loads(process.stdout.readline()) == {"ready": True}
        made = Forge(process, folder, {"emails": folder / "emails.parquet"})
        for job, role, result in (
            ("prepare", "dataset", "dataset"),
            ("pretrain", "backbone", "model"),
            ("finetune", "teacher", "model"),
        ):
            made.expected(job)
            made.inputs[role] = folder / f"unbroken-{job}" / result
        yield made
        sys.stdout.write(f"\n{made.kills} kills, seed {SEED}\n")
        assert process.stdin
        process.stdin.close()


def check(forge: Forge, job: str, sequence: Sequence) -> None:
    """The killed sequence has the outcome of the unbroken run."""
    expected, found = forge.expected(job)[0], sequence.outcome()
    assert found.result.keys() == expected.result.keys(), sequence.killed
    assert [name for name in found.result if found.result[name] != expected.result[name]] == [], sequence.killed
    assert found.points == expected.points, sequence.killed
    assert found.learnt == expected.learnt, sequence.killed
    assert not [*(sequence.home / "store").rglob("*.safetensors")], "checkpoints are left"


@pytest.mark.parametrize("number", [KILL, TERM], ids=lambda number: number.name)
@pytest.mark.parametrize(("job", "place"), PLACES, ids=[" at ".join(each) for each in PLACES])
def test_killed_at_a_place(forge: Forge, job: str, place: str, number: signal.Signals) -> None:
    sequence = forge.sequence(job, f"{job} {place} {number.name}")
    sequence.kill_at(place, number)
    sequence.finish()
    check(forge, job, sequence)


@pytest.mark.parametrize("job", JOBS)
def test_killed_at_random_moments(forge: Forge, job: str) -> None:
    draw = random.Random(f"{SEED} {job}")
    seconds, kills, number = forge.expected(job)[1], 0, 0
    while kills < RANDOM_KILLS:
        number += 1
        sequence = forge.sequence(job, f"{job} random {number}")
        for _ in range(KILLS_IN_A_ROW):
            after, signalled, group = draw.uniform(0.05, seconds), draw.choice([KILL, KILL, TERM]), draw.random() < 0.5
            if not sequence.kill_after(after, signalled, group=group):
                break
            kills += 1
        else:
            sequence.finish()
        check(forge, job, sequence)
    sys.stdout.write(f"{job}: {kills} kills in {number} sequences, unbroken {seconds:.2f} s, seed {SEED}\n")


def test_the_command_line_is_killed_and_given_again(forge: Forge) -> None:
    """As a person would: python -m, the same line each time, with nothing put in its way."""
    sequence = forge.sequence("finetune", "command line")
    settings = sequence.home / "settings.yaml"
    settings.write_text(json.dumps(sequence.settings))
    command = [sys.executable, "-m", "stillhouse.components.finetune", "--settings", str(settings)]
    command += [part for name, path in sequence.paths.items() for part in (f"--{name}", path)]
    environment = {**os.environ, "STILLHOUSE_HOME": str(sequence.home), "STILLHOUSE_RUN": "run"}
    environment |= {"STILLHOUSE_SENDER": "external", "OMP_NUM_THREADS": "1"}
    newest = 0
    for number in (KILL, TERM, KILL):
        with subprocess.Popen(command, env=environment, start_new_session=True) as process:
            while process.poll() is None and (step := _newest_checkpoint(sequence.home)) <= newest:
                time.sleep(0.01)
            newest = step
            os.killpg(process.pid, number)
        assert _was_killed(process.returncode, number)
        forge.kills += 1
        sequence.killed.append(f"{number.name} after checkpoint {newest}")
    assert subprocess.run(command, env=environment).returncode == 0
    expected, found = forge.expected("finetune")[0], sequence.outcome()
    assert found.result == expected.result, sequence.killed
    assert found.points == expected.points, sequence.killed


def test_workers_of_a_killed_trainer_end_by_themselves(forge: Forge) -> None:
    job = "finetune, 2 workers"
    sequence = forge.sequence(job, "orphans")
    sequence.kill_at("training:20", KILL)
    deadline = time.monotonic() + 30
    while (left := _processes_naming(sequence.home)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert left == []


def test_the_kills_were_many(forge: Forge) -> None:
    """Comes last: the suite promises at least fifty."""
    assert forge.kills >= 50


def _newest_checkpoint(home: Path) -> int:
    return max((int(path.parent.name) for path in home.glob("store/checkpoints/*/[0-9]*/manifest.json")), default=0)


def _processes_naming(home: Path) -> list[str]:
    """Processes that write to the log in `home`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "fd" / "1").readlink() == home / "notes.log":
                found.append(process.name)
        except OSError:
            continue
    return found
