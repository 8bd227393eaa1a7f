"""sweep: what ended runs have left goes, what is in use stays."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from stillhouse.components.artifacts import promotion_record as records
from stillhouse.components.artifacts.promotion_record import change
from stillhouse.components.storage.home import at_work
from stillhouse.components.storage.lease import hold
from stillhouse.components.sweep import sweep as sweeping
from stillhouse.components.sweep.settings import SweepSettings
from stillhouse.components.sweep.sweep import sweep
from stillhouse.errors import UserError

House = Any
"""See conftest.py."""

EVERYTHING = SweepSettings(keep_days=0, keep_runs=0)
OF_THE_RECORD = "a record or an alias refers to it"
KILLED = """
import os, sys
from pathlib import Path
from stillhouse.components.storage.lease import hold
from stillhouse.components.storage.store import FileStore
with hold(FileStore(Path(sys.argv[1])), sys.argv[2], run="mail-1"):
    os.kill(os.getpid(), 9)
"""


def killed_at_work(root: Path, key: str) -> None:
    """Leave the lease of a process that was killed while it held `key`."""
    ended = subprocess.run([sys.executable, "-c", KILLED, str(root), key], check=False)
    assert ended.returncode == -signal.SIGKILL


def files(folder: Path) -> set[str]:
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {path.as_posix() for path in found if not path.name.startswith(".stillhouse-lock")}


def test_everything_old_of_ended_runs_goes(full: House) -> None:
    assert set(full.sweep().values()) == {""}
    assert files(full.home) == set()


def test_what_is_no_trace_of_a_run_stays(full: House) -> None:
    mine = {"notes.txt", "thesis/chapter.txt", "mlflow.db.lock", "mlartifacts/1/artifacts/card.html"}
    kept = {"store/promotions/other.txt", "store/spools/mail-1/prepare.jsonl"}
    for name in mine | kept:
        full.put(name, 400)
    (full.home / "store/promotions/other.txt").unlink()

    full.sweep()

    assert files(full.home) == (mine | kept) - {"store/promotions/other.txt"}


def test_a_dry_run_says_the_same_and_touches_nothing(full: House) -> None:
    before = full.digest()

    said = full.sweep(dry_run=True)

    assert full.digest() == before
    assert said == full.sweep()


def test_a_second_sweep_finds_nothing_left_to_do(full: House) -> None:
    full.sweep()

    assert full.sweep() == {}


def test_what_is_younger_than_the_days_to_keep_stays(house: House) -> None:
    house.checkpoint("young", 29)
    house.checkpoint("old", 31)

    assert house.sweep(keep_days=30) == {"checkpoints/young": "younger than 30 days", "checkpoints/old": ""}


def test_what_the_last_runs_made_or_used_stays(house: House) -> None:
    house.run("mail-1", 60)
    house.run("mail-2", 50)
    house.run("mail-3", 40)
    house.step("made-by-1", 60)
    house.step("made-by-1-used-by-3", 60, used=40)
    house.step("made-by-2", 50)

    kept = house.sweep(keep_days=1, keep_runs=2)

    assert {name for name, why in kept.items() if why == "of the last 2 runs"} == {
        "mail-2",
        "mail-3",
        "pipeline/made-by-1-used-by-3/prepare",
        "pipeline/made-by-2/prepare",
    }
    assert {name for name, why in kept.items() if not why} == {"mail-1", "pipeline/made-by-1/prepare"}


def test_what_was_just_written_stays_whatever_is_asked(house: House) -> None:
    house.checkpoint("now", 0)
    house.step("now", 0)
    house.put("store/checkpoints/.stillhouse-0123456789abcdef0123456789abcdef", 0)

    assert set(house.sweep().values()) == {"written just now"}


def test_a_cached_step_goes_with_its_entry_and_an_entry_that_leads_nowhere_goes_too(house: House) -> None:
    house.step("retrain-1", 40)
    (house.home / "pipeline/retrain-1/finetune").mkdir()  # of a step that was killed before it wrote anything
    house.put("cache/nowhere.json", 40, json.dumps({"dataset": {"uri": "/elsewhere/pipeline/x/prepare/dataset"}}))

    assert house.sweep() == {"pipeline/retrain-1/prepare": "", "cache/nowhere.json": ""}
    assert list((house.home / "pipeline").iterdir()) == []


def test_a_run_at_work_keeps_its_checkpoints_and_its_half_written_files(house: House) -> None:
    house.checkpoint("finetune-a", 40)
    house.checkpoint("finetune-b", 40)
    staged = "store/checkpoints/finetune-a/.stillhouse-0123456789abcdef0123456789abcdef"
    house.put(f"{staged}/tensors.safetensors", 40)
    house.age(house.home / staged, 40)

    with hold(house.store, "checkpoints/finetune-a", run="mail-2"):
        kept = house.sweep()

    assert kept == {"checkpoints/finetune-a": "in use by mail-2", "checkpoints/finetune-b": ""}
    assert (house.home / staged).is_dir()


def test_a_run_at_work_keeps_its_folder_and_all_that_it_may_take_over(full: House) -> None:
    full.run("mail-2", 40)
    with at_work("mail-2", full.home):
        kept = full.sweep()

    in_use = {name for name, why in kept.items() if why == "in use by mail-2"}
    assert {name.partition("/")[0] for name in in_use} == {
        "mail-2",
        "cache",
        "pipeline",
        "sources",
        "fetched",
        "downloads",
    }
    assert kept["mail-1"] == kept["checkpoints/finetune-a"] == ""


def test_what_a_killed_run_held_goes_with_its_lease(house: House) -> None:
    house.checkpoint("finetune-a", 40)
    killed_at_work(house.home / "store", "checkpoints/finetune-a")
    (lease,) = (house.home / "store/leases").iterdir()
    house.age(lease, 1)

    assert house.sweep() == {"checkpoints/finetune-a": "", f"leases/{lease.name}": ""}


def test_the_lease_of_a_killed_run_in_the_home_folder_goes_too(house: House) -> None:
    killed_at_work(house.home, "mail-1")
    (lease,) = (house.home / "leases").iterdir()
    house.age(lease, 1)

    assert house.sweep() == {f"leases/{lease.name}": ""}


def test_the_temporary_files_of_a_killed_run_go(house: House, tmp_path: Path) -> None:
    left = tmp_path / "stillhouse-abc"
    left.mkdir()
    (left / "tensors.safetensors").write_text("x" * 1000)
    house.run("mail-1", 40)
    link = house.home / "mail-1" / "temporary"
    link.symlink_to(left)
    settings = SweepSettings(keep_days=30)

    kept = [(item.kind, why) for item, why in sweep(settings, house.home, house.store)]
    assert ("temporary files", "written just now") in kept
    hour_ago = time.time() - 3600
    os.utime(link, (hour_ago, hour_ago), follow_symlinks=False)
    list(sweep(settings, house.home, house.store))

    assert not left.exists()
    assert (house.home / "mail-1" / "pipeline.log").exists()


def test_a_link_to_a_folder_that_no_run_made_is_not_followed(house: House, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    house.run("mail-1", 40)
    (house.home / "mail-1" / "temporary").symlink_to(tmp_path / "photos")

    assert house.sweep() == {"mail-1": ""}
    assert (tmp_path / "photos").is_dir()


def test_a_spool_that_mlflow_lacks_keeps_the_folder_of_its_run(house: House) -> None:
    house.run("mail-1", 400, sent=False)

    assert house.sweep() == {"mail-1": "not all sent to MLflow"}


def test_champion_previous_and_what_they_were_compared_with_stay(house: House) -> None:
    for digest in "abcd":
        house.model(digest, 400)
        house.run(f"mail-{digest}", 400)
    before = house.promote("b", "mail-b", house.promote("a", "mail-a"))
    house.promote("c", "mail-c", before.alone())

    kept = house.sweep()

    of_the_record = {"models/{}", "datasets/data-{}", "mail-{}"}
    assert {name for name, why in kept.items() if why == OF_THE_RECORD} == {
        name.format(digest) for name in of_the_record for digest in "abc"
    }
    assert {name for name, why in kept.items() if not why} == {name.format("d") for name in of_the_record}


def test_the_anchor_and_what_is_known_of_rows_that_decided_stay_however_old(house: House) -> None:
    for digest in "abcd":
        house.model(digest, 400)
        house.promote(digest)  # a is the anchor all the time
    for digest in ("before", "now", "long ago"):
        house.put(f"store/decided/{digest}", 400)
    look = {"candidate": "e", "anchor": "a", "champion": "d", "rows": "r", "run": "mail-e"}
    for digest in ("before", "now"):
        change(house.store, "mail", lambda record, digest=digest: record.looked(decided_now=digest, **look))

    kept = house.sweep()

    assert kept["models/a"] == kept["datasets/data-a"] == kept["decided/now"] == kept["decided/before"] == OF_THE_RECORD
    assert kept["models/b"] == kept["decided/long ago"] == ""


def test_the_reference_of_a_champions_drift_stays(house: House) -> None:
    house.model("a", 400)
    entry = house.promote("b").model_copy(update={"reference": house.store.uri("datasets/data-a/dataset.json")})
    change(house.store, "mail", lambda record: record.model_copy(update={"champion": entry}))

    assert house.sweep() == {"datasets/data-a": OF_THE_RECORD, "models/a": ""}


def test_a_model_that_was_the_champion_when_the_oldest_run_at_work_began_stays(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(records, "now", lambda: "2026-01-01T00:00:00+00:00")
        for digest in "abcd":
            house.model(digest, 400)
            house.promote(digest)
    with hold(house.store, "checkpoints/finetune-a", run="mail-9"):
        for digest in "efg":
            house.promote(digest)
        kept = house.sweep()

    assert (kept["models/d"], kept["models/b"]) == (OF_THE_RECORD, "")


def test_what_an_alias_refers_to_stays(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "aliased", lambda home: {"models/a", "mail-1"})
    house.put("mlflow.db", 0)
    house.model("a", 400)
    house.run("mail-1", 400)

    assert house.sweep() == {"models/a": OF_THE_RECORD, "mail-1": OF_THE_RECORD, "datasets/data-a": ""}


def test_while_mlflow_does_not_answer_whatever_an_alias_may_refer_to_stays(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    house.model("a", 400)
    house.checkpoint("finetune-a", 400)

    kept = house.sweep()

    assert kept["models/a"] == "MLflow does not say if an alias does"
    assert kept["checkpoints/finetune-a"] == ""


def test_a_run_that_begins_between_the_listing_and_the_removal_is_not_harmed(house: House) -> None:
    house.checkpoint("finetune-a", 40)
    house.checkpoint("finetune-b", 40)
    fates = sweep(EVERYTHING, house.home, house.store)
    assert next(fates).kept == ""

    with hold(house.store, "checkpoints/finetune-b", run="mail-2"):
        assert [kept for _, kept in fates] == ["in use by mail-2"]

    assert files(house.home) == {
        f"store/checkpoints/finetune-b/000000010/{name}" for name in ("manifest.json", "tensors.safetensors")
    }


def test_what_is_written_between_the_listing_and_the_removal_stays(house: House) -> None:
    house.checkpoint("finetune-a", 40)
    house.checkpoint("finetune-b", 40)
    fates = sweep(EVERYTHING, house.home, house.store)
    next(fates)

    house.put("store/checkpoints/finetune-b/000000020/manifest.json", 0)

    assert [kept for _, kept in fates] == ["written just now"]


def test_what_is_promoted_between_the_listing_and_the_removal_stays(house: House) -> None:
    house.checkpoint("finetune-a", 40)
    house.model("b", 40)
    fates = sweep(EVERYTHING, house.home, house.store)
    next(fates)

    house.promote("b")

    assert [kept for _, kept in fates] == [OF_THE_RECORD, OF_THE_RECORD]


def test_a_record_that_cannot_be_read_ends_the_sweep_before_anything_is_removed(full: House) -> None:
    full.put("store/promotions/mail.json", 0, "{")
    before = full.digest()

    with pytest.raises(UserError, match="promotion record"):
        full.sweep()

    assert full.digest() == before


def command(house: House, *options: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "stillhouse.components.sweep", "--home", str(house.home), *options]
    return subprocess.run(line, capture_output=True, text=True, check=False)


def test_the_command_shows_what_became_of_what(full: House) -> None:
    full.checkpoint("young", 1)

    done = command(full, "--keep-days", "30", "--keep-runs", "0")

    lines = [line.split() for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert ["checkpoints,", "teacher", "caches", "2", "3", "bytes", "removed"] in lines
    assert ["checkpoints,", "teacher", "caches", "1", "2", "bytes", "stays:", "younger", "than", "30", "days"] in lines
    assert done.stdout.splitlines()[-1].startswith("removed: ")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [(["--keep-runs", "-1"], "sweep: 'keep_runs' is -1"), ([], "promotion record")],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(house: House, options: list[str], sentence: str) -> None:
    house.put("store/promotions/mail.json", 0, "{")

    done = command(house, *options)

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert sentence in done.stderr
