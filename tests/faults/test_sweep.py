"""`stillhouse sweep` beside real runs: what they need stays, what they have left goes."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest
import yaml
from runs import STILLHOUSE, run_recipe, stillhouse

from stillhouse.components.artifacts.promotion_record import load
from stillhouse.components.storage.lease import hold
from stillhouse.components.storage.store import open_store
from stillhouse.components.sweep import sweep as sweeping
from stillhouse.components.sweep.settings import SweepSettings

pytestmark = pytest.mark.faults

EMAILS = Path(__file__).parents[2] / "pipelines/recipes/data/spam-assassin.parquet"
LOOP = {"max_length": 48, "batch_tokens": 1024}
RECIPE: dict[str, Any] = {
    "name": "mail",
    "data": {"source": "mail.parquet", "columns": {"text": ["subject"], "label": "label"}},
    "model": {
        "teacher": {"layers": 1, "width": 32, "heads": 1, "vocab_size": 1000, "max_length": 48},
        "student": {"layers": 1},
    },
    "pretrain": {"objective": "none"},
    "finetune": {"loop": {"epochs": 2, **LOOP}},
    "distill": {"loop": {"epochs": 1, **LOOP}},
    "evaluate": {"resamples": 100, "latency_rows": 16},
    "promote": {
        "min_test_rows": 10,
        "must_beat": [],
        "within_teacher": 1.0,
        "within_champion": 1.0,
        "within_anchor": 1.0,
        "max_latency_vs_teacher": 100.0,
        "max_latency_vs_champion": 100.0,
    },
}
LONG = ("--set", "finetune.loop.epochs=1000", "--set", "finetune.loop.checkpoint_seconds=0.2")
"""A run that lasts, and writes many checkpoints."""
EVERYTHING = ("--keep-days", "0", "--keep-runs", "0")


class House:
    """A folder with a recipe, its data and a home."""

    def __init__(self, folder: Path) -> None:
        self.home, self.recipe = folder / "runs", folder / "mail.yaml"
        pq.write_table(pq.read_table(EMAILS).take(list(range(0, 6000, 6))), folder / "mail.parquet")
        self.recipe.write_text(yaml.safe_dump(RECIPE))

    def sweep(self, *options: str) -> str:
        """What the command says."""
        done = stillhouse("sweep", *options, home=self.home)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Start a run."""
        command = [str(STILLHOUSE), "run", str(self.recipe), *options]
        environment = os.environ | {"STILLHOUSE_HOME": str(self.home)}
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def grow_old(self, age: timedelta = timedelta(hours=1)) -> None:
        """Let all that lies there be as old as this."""
        moment = time.time() - age.total_seconds()
        for path in self.home.rglob("*"):
            os.utime(path, (moment, moment), follow_symlinks=False)

    def leave_an_old_run(self) -> None:
        """What a run of last year has left: its folder and a checkpoint."""
        for name in ("mail-20250101-000000/pipeline.log", "store/checkpoints/finetune-old/000000001/manifest.json"):
            (self.home / name).parent.mkdir(parents=True)
            (self.home / name).write_text("{}")
        self.grow_old(timedelta(days=400))

    def checkpoints(self) -> list[Path]:
        """Of the training that is going on, whole ones only."""
        return list(self.home.glob("store/checkpoints/finetune-*/0*/manifest.json"))


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    for name in ("STILLHOUSE_STORE", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    return House(tmp_path)


@contextmanager
def sweeping_all_the_time(home: Path) -> Iterator[dict[str, int]]:
    """Sweep `home` over and over beside the block; afterwards what was removed."""
    home.mkdir(exist_ok=True)
    command = [sys.executable, str(Path(__file__).with_name("sweeper.py")), str(home)]
    removed: dict[str, int] = {}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sweeper:
        yield removed
        said, _ = sweeper.communicate(timeout=60)
    assert sweeper.returncode == 0, "a sweep beside the run failed"
    removed |= json.loads(said)


def test_runs_that_begin_and_go_on_beside_a_sweep_end_well_and_production_works(house: House, tmp_path: Path) -> None:
    house.leave_an_old_run()
    with sweeping_all_the_time(house.home) as removed:
        rivals = [house.start("--set", f"seed={seed}") for seed in (1, 2)]
        ended = [(rival.communicate(timeout=600)[0], rival.returncode) for rival in rivals]
        assert [code for _, code in ended] == [0, 0], ended
        loser = next(n for n, (printed, _) in enumerate(ended) if "conflict: mail" in printed)
        assert "promoted: mail version 1" in ended[1 - loser][0]
        assert "Another run was first: the champion is now " in ended[loser][0]
        again = run_recipe(house.recipe, house.home, "--set", f"seed={loser + 1}")
        assert again.code == 0, again.printed
        assert "promoted: mail version 2" in again.printed
    assert removed["sweeps"] > 20
    assert set(removed) > {"cached steps", "outputs of steps", "folders of runs", "checkpoints, teacher caches"}

    house.grow_old(timedelta(days=400))
    house.sweep(*EVERYTHING)

    (tmp_path / "mail.jsonl").write_text(json.dumps({"subject": "You have WON a free prize"}))
    for model in ("mail@champion", "mail@previous", "mail/1"):
        done = stillhouse("predict", f"models:/{model}", tmp_path / "mail.jsonl", home=house.home)
        assert json.loads(done.stdout)["label"] in {"ham", "spam"}, done.stderr
    store = open_store(house.home / "store")
    before = load(store, "mail")[0]
    assert stillhouse("rollback", "mail", home=house.home).returncode == 0
    assert load(store, "mail")[0].champion == before.previous


@contextmanager
def training(house: House) -> Iterator[list[psutil.Process]]:
    """The processes of a run that has written a new checkpoint and is at work; what is left of them ends after it.

    First the run itself, then its worker and its step. Its sender is left out: it ends by itself, and says to MLflow
    that the run was killed.
    """
    before = set(house.checkpoints())
    with house.start(*LONG) as run:
        family = [psutil.Process(run.pid)]
        try:
            deadline = time.monotonic() + 300
            while set(house.checkpoints()) <= before:
                assert run.poll() is None, run.communicate()[0]
                assert time.monotonic() < deadline, "no checkpoint after five minutes"
                time.sleep(0.1)
            children = family[0].children(recursive=True)
            family += [child for child in children if "stillhouse.components.tracking.sender" not in child.cmdline()]
            yield family
        finally:
            kill(family)


def kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=10)


def test_a_killed_run_keeps_its_checkpoints_until_they_are_old_and_the_same_command_goes_on(house: House) -> None:
    with training(house) as processes:
        kill(processes)
    house.sweep(*EVERYTHING)  # they were just written
    house.grow_old()
    house.sweep()  # and are younger than 30 days
    assert house.checkpoints()

    with training(house) as processes:
        (log,) = {path for path in house.home.glob("mail-*/logs/finetune.log") if "goes on from" in path.read_text()}
        kill(processes[:1])  # the worker and its step go on without it
        house.grow_old()
        said = house.sweep(*EVERYTHING)
        assert f"in use by {log.parent.parent.name}" in said
        assert house.checkpoints()
        kill(processes)

    house.grow_old()
    house.sweep(*EVERYTHING)
    assert not list((house.home / "store").glob("checkpoints/*"))
    assert not list((house.home / "leases").iterdir())
    assert not list(house.home.glob("cache/*")) + list(house.home.glob("pipeline/*"))


def test_in_a_bucket_checkpoints_and_unfinished_uploads_of_ended_runs_go(
    s3: Any, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "YOUNG_SECONDS", -60.0)
    store = open_store(f"s3://{bucket}/some/prefix")
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "tensors.safetensors").write_bytes(b"x" * 1000)
    keys = [f"checkpoints/finetune-{name}/000000010" for name in "ab"]
    for key in keys:
        store.put_folder(tmp_path / "checkpoint", key)
        upload = {"Bucket": bucket, "Key": f"some/prefix/{key}/unfinished"}
        number = s3.create_multipart_upload(**upload)["UploadId"]
        s3.upload_part(**upload, UploadId=number, PartNumber=1, Body=b"part")

    with hold(store, "checkpoints/finetune-b", run="mail-1"):
        fates = list(sweeping.sweep(SweepSettings(keep_days=0, keep_runs=0), tmp_path / "runs", store))

    assert {(item.kind, item.keys[0][:22], kept) for item, kept in fates} == {
        ("checkpoints, teacher caches", "checkpoints/finetune-a", ""),
        ("checkpoints, teacher caches", "checkpoints/finetune-b", "in use by mail-1"),
        ("unfinished uploads", "checkpoints/finetune-a", ""),
        ("unfinished uploads", "checkpoints/finetune-b", "in use by mail-1"),
    }
    left = {entry.key.rpartition("/")[0] for entry in store.list()}
    assert left == {"checkpoints/finetune-b/000000010"}
    (upload,) = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert upload["Key"] == f"some/prefix/{keys[1]}/unfinished"
