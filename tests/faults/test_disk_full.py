"""A disk without room and a folder that is read-only: one sentence, and what was valid before is valid still.

Both are real: a small tmpfs is mounted, which root cannot write to either when it is full or read-only.
"""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from runs import stillhouse

from stillhouse.components.artifacts.model import read_model_json, write_model
from stillhouse.components.artifacts.promotion_record import change, load
from stillhouse.components.modalities.text.load import write_text_model
from stillhouse.components.modalities.text.tokenizer import train_tokenizer
from stillhouse.components.models.loaded import LoadedModel
from stillhouse.components.prepare.prepare import prepare
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.storage.digests import digest_folder
from stillhouse.components.storage.manifest import Corrupt
from stillhouse.components.storage.names import RESERVED
from stillhouse.components.storage.s3.store import S3Store
from stillhouse.components.storage.sources import fetch_source
from stillhouse.components.storage.store import NotFound, Store, open_store
from stillhouse.components.tracking.run import StepRun
from stillhouse.components.training.checkpoints import Checkpoints
from stillhouse.errors import UserError

pytestmark = pytest.mark.faults

KIB, MIB = 1 << 10, 1 << 20
FULL = "No space left on device"
READ_ONLY = "Read-only file system"
FILLER = "filler"


class Disk:
    """A file system of a few MiB of its own."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder = folder
        folder.mkdir()
        _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder)

    def leave(self, room: int) -> None:
        """Fill it up to so many bytes."""
        (self.folder / FILLER).unlink(missing_ok=True)
        free = os.statvfs(self.folder)
        (self.folder / FILLER).write_bytes(bytes(max(0, free.f_bavail * free.f_frsize - room)))

    def free(self) -> None:
        """Make room again."""
        (self.folder / FILLER).unlink()

    def spoil(self, how: str) -> None:
        """Make it full, or read-only."""
        if how == FULL:
            self.leave(0)
        else:
            _mount("-o", "remount,ro", self.folder)


def _mount(*arguments: Any) -> None:
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"these tests mount small disks, which needs root: {done.stderr.strip()}", pytrace=False)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """An empty disk of 4 MiB."""
    made = Disk(tmp_path / "disk", 4 * MIB)
    yield made
    # Lazily: the sender of a run that failed may still be at work there.
    subprocess.run(["umount", "--lazy", str(made.folder)], check=True)


def make(folder: Path, **sizes: int) -> Path:
    folder.mkdir()
    for name, size in sizes.items():
        (folder / name).write_bytes(np.random.default_rng(size).bytes(size))
    return folder


def half_written(folder: Path) -> list[Path]:
    return [path for path in folder.rglob(f"{RESERVED}*") if path.name != f"{RESERVED}lock"]


def refused(path: Path, why: str) -> str:
    return rf"^cannot write '{path}.*': {why}; free space, fix its permissions or use another folder\.$"


WRITES: dict[str, Callable[[Store, Path], Any]] = {
    "a new folder": lambda store, folder: store.put_folder(folder, "models/new"),
    "a folder in place of another": lambda store, folder: store.put_folder(folder, "models/old"),
    "a file in place of another": lambda store, folder: store.put("key", bytes(3 * MIB)),
    "a record": lambda store, folder: store.put_if("record", bytes(3 * MIB), store.read("record")[1]),
}


@pytest.mark.parametrize("how", [FULL, READ_ONLY])
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_store_that_cannot_be_written_keeps_what_it_has(
    disk: Disk, tmp_path: Path, how: str, write: Callable[[Store, Path], Any]
) -> None:
    store = open_store(disk.folder / "store")
    store.put("key", b"old")
    store.put("record", b"old")
    old = make(tmp_path / "old", a=MIB, b=1000)
    store.put_folder(old, "models/old")
    new = make(tmp_path / "new", a=2 * MIB, b=2 * MIB)
    if how == READ_ONLY:
        disk.spoil(how)  # else it is the write itself that fills it
    with pytest.raises(UserError, match=refused(disk.folder, how)):
        write(store, new)
    assert [entry.key for entry in store.list()] == [
        "key",
        "models/old/a",
        "models/old/b",
        "models/old/manifest.json",
        "record",
    ]
    assert (store.get("key"), store.get("record")) == (b"old", b"old")
    store.get_folder("models/old", tmp_path / "out")
    assert digest_folder(tmp_path / "out") == digest_folder(old)
    assert half_written(disk.folder) == []


def weights(step: int, size: int) -> dict[str, torch.Tensor]:
    return {"weights": torch.randn(size // 4, generator=torch.Generator().manual_seed(step))}


@pytest.mark.parametrize("how", [FULL, READ_ONLY])
def test_a_checkpoint_that_finds_no_room_leaves_the_one_before_and_the_next_finds_its_place(
    disk: Disk, how: str
) -> None:
    store = open_store(disk.folder / "store")
    checkpoints = Checkpoints(store, "abc", keep=1, damaged=(NotFound, Corrupt))
    checkpoints.save(1, weights(1, MIB), {"step": 1})
    checkpoints.wait()
    disk.spoil(how)
    checkpoints.save(2, weights(2, MIB), {"step": 2})
    with pytest.raises(UserError, match=refused(disk.folder, how)):
        checkpoints.wait()
    found = checkpoints.newest()
    assert found is not None and found[1] == {"step": 1}
    assert torch.equal(found[0]["weights"], weights(1, MIB)["weights"])
    if how == READ_ONLY:
        _mount("-o", "remount,rw", disk.folder)
    else:
        disk.free()
    assert half_written(disk.folder) == []
    again = Checkpoints(store, "abc", keep=1, damaged=(NotFound, Corrupt))
    again.save(3, weights(3, MIB), {"step": 3})
    again.wait()
    found = again.newest()
    assert found is not None and found[1] == {"step": 3}


@pytest.mark.parametrize("how", [FULL, READ_ONLY])
def test_a_checkpoint_that_finds_no_room_on_its_way_says_where(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    disk.spoil(how)
    monkeypatch.setattr(tempfile, "tempdir", str(disk.folder))
    checkpoints = Checkpoints(open_store(tmp_path / "store"), "abc", keep=1, damaged=(NotFound, Corrupt))
    checkpoints.save(1, weights(1, MIB), {})
    with pytest.raises(UserError, match=rf"cannot write a checkpoint in '{disk.folder}': .*{how}.*set TMPDIR\.$"):
        checkpoints.wait()


@pytest.fixture
def loaded() -> LoadedModel:
    """A classifier of a few hundred kilobytes."""
    from transformers import AutoConfig, AutoModelForSequenceClassification

    torch.manual_seed(1)
    config = AutoConfig.for_model(
        "bert", hidden_size=64, num_hidden_layers=2, num_attention_heads=2, intermediate_size=128, vocab_size=500
    )
    tokenizer = train_tokenizer(["ab cd", "ef", "gh ab cd ef"], 500, 16)
    return LoadedModel(AutoModelForSequenceClassification.from_config(config), tokenizer, {"labels": ["a", "b"]})


@pytest.mark.parametrize("room", [0, 8 * KIB, 100 * KIB, 700 * KIB, READ_ONLY])
def test_a_model_that_finds_no_room_leaves_the_one_before(disk: Disk, loaded: LoadedModel, room: int | str) -> None:
    """The room runs out at several places: in the folder itself, in the weights, after them."""
    folder = disk.folder / "out" / "model"
    write_model(loaded, folder, write_text_model, info={"attempt": 1}, parents=[])
    before = digest_folder(folder)
    if isinstance(room, int):
        disk.leave(room)
    else:
        disk.spoil(room)
    much = "x" * 8 * MIB  # more than the room that any of these leave
    with pytest.raises(UserError, match=refused(folder, READ_ONLY if room == READ_ONLY else FULL)):
        write_model(loaded, folder, write_text_model, info={"attempt": 2, "much": much}, parents=[])
    assert digest_folder(folder) == before
    assert read_model_json(folder)["attempt"] == 1
    assert half_written(disk.folder) == []


@pytest.mark.parametrize("how", [FULL, READ_ONLY])
def test_a_dataset_that_finds_no_room_leaves_the_one_before(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    words = [f"word{i}" for i in range(50)]
    chance = np.random.default_rng(1)
    rows = [f"{' '.join(chance.choice(words, 12))},{('ham', 'spam')[i % 2]}\n" for i in range(300)]
    (tmp_path / "data.csv").write_text("text,label\n" + "".join(rows))
    settings = PrepareSettings(source=str(tmp_path / "data.csv"), task="text_classification")
    dataset = disk.folder / "dataset"

    def run() -> None:
        step = StepRun("prepare", "run-1", tmp_path / "home")
        prepare(settings, snapshot="{}", dataset=dataset, card=tmp_path / "card.html", run=step)

    run()
    before = digest_folder(dataset)
    disk.spoil(how)
    with pytest.raises(UserError, match=refused(dataset, how)):
        run()
    assert digest_folder(dataset) == before
    assert half_written(disk.folder) == []


@pytest.mark.parametrize("how", [FULL, READ_ONLY])
def test_what_comes_from_s3_finds_no_room(disk: Disk, bucket: str, tmp_path: Path, how: str) -> None:
    store = S3Store(f"s3://{bucket}")
    store.put_folder(make(tmp_path / "in", a=2 * MIB), "models/abc")
    disk.spoil(how)
    with pytest.raises(UserError, match=refused(disk.folder / "model", how)):
        store.get_folder("models/abc", disk.folder / "model")
    with pytest.raises(UserError, match=refused(disk.folder / "data", how)):
        fetch_source(f"s3://{bucket}/models", disk.folder / "data")
    assert half_written(disk.folder) == []
    assert {path.name for path in disk.folder.rglob("*") if path.is_file()} <= {FILLER}


@pytest.mark.parametrize("how", [FULL, READ_ONLY])
def test_a_promotion_that_finds_no_room_leaves_the_record(disk: Disk, how: str) -> None:
    store = open_store(disk.folder / "store")
    change(store, "spam", lambda record: record.model_copy(update={"serial": 1}))
    disk.spoil(how)
    with pytest.raises(UserError, match=refused(disk.folder, how)):
        change(store, "spam", lambda record: record.model_copy(update={"serial": 2}))
    assert load(store, "spam")[0].serial == 1


@pytest.mark.parametrize("room", [0, 4 * KIB, 64 * KIB, READ_ONLY])
def test_a_run_whose_home_has_no_room_ends_with_one_sentence(disk: Disk, room: int | str) -> None:
    """The room runs out in the folder of the run, in its first files, or in the dataset."""
    home = disk.folder / "runs"
    home.mkdir()
    if isinstance(room, int):
        disk.leave(room)
    else:
        disk.spoil(room)
    done = stillhouse("run", "spam", home=home, timeout=200)
    told = [line for line in done.stderr.splitlines() if line.startswith("cannot write '")]
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert told and str(home) in told[-1] and (READ_ONLY if room == READ_ONLY else FULL) in told[-1]
    with suppress(FileNotFoundError):
        assert half_written(home / "pipeline") == []
