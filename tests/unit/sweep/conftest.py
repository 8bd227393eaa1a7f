"""A home folder with what runs leave, made of small files of any age."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from stillhouse.components.artifacts.promotion_record import Entry, change
from stillhouse.components.storage.digests import digest_folder
from stillhouse.components.storage.store import FileStore
from stillhouse.components.sweep.settings import SweepSettings
from stillhouse.components.sweep.sweep import sweep
from stillhouse.components.tracking.spool import Sent, Spool, write_sent

DAY = 86400.0


@dataclass
class House:
    """A home folder with its store."""

    home: Path

    @property
    def store(self) -> FileStore:
        return FileStore(self.home / "store")

    @property
    def local(self) -> FileStore:
        return FileStore(self.home)

    def put(self, name: str, days: float, text: str = "x") -> Path:
        """A file under the home that was written so many days ago."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return self.age(path, days)

    def age(self, path: Path, days: float) -> Path:
        """Let the file be so old."""
        moment = time.time() - days * DAY
        os.utime(path, (moment, moment))
        return path

    def checkpoint(self, fingerprint: str, days: float) -> None:
        """A checkpoint of the training `fingerprint`."""
        for name in ("manifest.json", "tensors.safetensors"):
            self.put(f"store/checkpoints/{fingerprint}/000000010/{name}", days)

    def step(self, pipeline: str, days: float, used: float | None = None) -> None:
        """A cached step and its outputs; `used` says how many days ago its entry was last written or used."""
        folder = self.home / "pipeline" / pipeline / "prepare"
        self.put(f"pipeline/{pipeline}/prepare/dataset/train.parquet", days)
        entry = json.dumps({"dataset": {"uri": str(folder / "dataset")}})
        self.put(f"cache/{pipeline}.json", days if used is None else used, entry)

    def run(self, name: str, days: float, sent: bool = True) -> None:
        """The folder of a run that began and ended so many days ago."""
        spool = Spool(self.home / name / "spool" / "prepare.jsonl")
        spool.append("metric", step=1, values={"loss": 1.0})
        spool.close()
        if sent:
            write_sent(spool.path, Sent(spool.path.stat().st_size))
        self.put(f"{name}/pipeline.log", days)
        for path in (self.home / name / "spool").iterdir():
            self.age(path, days)

    def model(self, digest: str, days: float) -> None:
        """A copy of a model and the card of its data."""
        self.put(f"store/models/{digest}/manifest.json", days)
        self.put(f"store/datasets/data-{digest}/dataset.json", days)

    def promote(self, digest: str, run: str = "", compared_with: Entry | None = None) -> Entry:
        """Make the model the champion of `mail`."""
        entry = Entry(
            digest=digest,
            uri=self.store.uri(f"models/{digest}"),
            run=run,
            dataset_digest=f"data-{digest}",
            statistics_uri=self.store.uri(f"datasets/data-{digest}/dataset.json"),
            compared_with=compared_with,
            promoted_at="2026-01-01T00:00:00+00:00",
        )
        change(self.store, "mail", lambda record: record.promoted(entry))
        return entry

    def sweep(self, keep_days: float = 0, keep_runs: int = 0, dry_run: bool = False) -> dict[str, str]:
        """What became of each thing, by its place: empty, or why it stays."""
        settings = SweepSettings(keep_days=keep_days, keep_runs=keep_runs, dry_run=dry_run)
        return {item.keys[-1]: kept for item, kept in sweep(settings, self.home, self.store)}

    def digest(self) -> str:
        """Of all names and bytes."""
        return digest_folder(self.home)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A home where no run has been."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return House(tmp_path / "runs")


@pytest.fixture
def full(house: House) -> House:
    """A home with one old thing of each kind."""
    house.checkpoint("finetune-a", 40)
    house.put("store/checkpoints/distill-a/answers-000/answers.safetensors", 40)
    house.step("retrain-1", 40)
    house.put("pipeline/retrain-1/promote/verdict", 40)
    house.put("sources/abc/train.csv", 40)
    house.put("fetched/xyz/model/model.safetensors", 40)
    house.put("downloads/mail-1-123/MLmodel", 40)
    house.run("mail-1", 40)
    house.put("store/attempts/mail-1/finetune/1.json", 40)
    house.put("store/verdicts/mail-1.json", 40)
    house.model("old", 40)
    house.put("store/models/.stillhouse-0123456789abcdef0123456789abcdef", 40)
    house.put("cache/.kfp_cache_x.tmp", 40)
    return house
