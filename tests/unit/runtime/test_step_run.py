"""A step in a pod: its disk goes with it, the store is on S3."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from stillhouse.components.runtime.step_run import step_run
from stillhouse.components.storage.home import local_store
from stillhouse.components.tracking import leftovers
from stillhouse.components.tracking import run as tracking

RUN = "spam-20261122-151405"


@pytest.fixture
def pod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The home folder of a step whose sender reaches nobody."""
    monkeypatch.setattr(tracking, "_sender", lambda home, run_id: nullcontext())
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "pod"))
    monkeypatch.setenv("STILLHOUSE_RUN", RUN)
    for name in ("STILLHOUSE_SENDER", "STILLHOUSE_STORE", "MLFLOW_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "pod"


def test_what_mlflow_has_not_taken_outlives_the_pod_on_s3(
    bucket: str, pod: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLHOUSE_STORE", f"s3://{bucket}/team")
    with step_run("finetune") as run:
        run.metrics({"loss": 0.5}, 1)
    laptop = tmp_path / "laptop"
    leftovers.bring(local_store(), laptop)
    spool = f"{RUN}/spool/finetune.jsonl"
    assert (laptop / spool).read_bytes() == (pod / spool).read_bytes()


def test_without_a_store_of_its_own_a_step_writes_nothing_elsewhere(pod: Path) -> None:
    with step_run("finetune"):
        pass
    assert {path.name for path in pod.iterdir()} == {RUN}
