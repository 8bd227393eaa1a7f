"""A step makes a TrainJob, follows it, takes what it made, and passes on how it failed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stillhouse.components.distributed.nodes import follow, trainjob
from stillhouse.components.distributed.nodes.exchange import Exchange
from stillhouse.components.distributed.nodes.follow import TrainJobFailed, run_on_nodes
from stillhouse.components.distributed.nodes.trainjob import name_of
from stillhouse.components.distributed.rank_process import Job
from stillhouse.components.storage.store import FileStore
from stillhouse.components.tracking.run import StepRun
from stillhouse.errors import UserError
from stillhouse.pipelines.compiling.hardware import gpus

Api = Any
"""conftest.Api"""
NAME = name_of("run-1", "finetune")


class Step:
    """A step's pod in which `run` calls for nodes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = FileStore(folder / "store")
        self.exchange = Exchange(self.store, NAME)
        (folder / "dataset").mkdir()
        (folder / "dataset" / "train.txt").write_text("rows")

    def run(self) -> dict[str, float]:
        """One attempt."""
        paths = {"dataset": str(self.folder / "dataset"), "model": str(self.folder / "model")}
        job = Job(step="module:step", settings_class="module:Settings", settings={}, paths=paths)
        return run_on_nodes(job, "finetune", 1, StepRun("finetune", "run-1", self.folder / "home"))

    def nodes_tell(self, *calls: tuple[str, dict[str, Any]]) -> None:
        """What the first node tells."""
        lines = "".join(json.dumps({"call": call, "given": given}) + "\n" for call, given in calls)
        self.exchange.tell(0, 0, lines.encode())

    def nodes_finish(self) -> None:
        """The first node's part at the end of a training that went well."""
        (made := self.folder / "made").mkdir(exist_ok=True)
        (made / "config.json").write_text("{}")
        metrics = ("metrics", {"values": {"train/loss": 0.5}, "step": 3})
        self.nodes_tell(metrics, ("result", {"figures": {"f1": 0.9}}))
        self.exchange.give_back(made)


@pytest.fixture
def step(tmp_path: Path, api: Api, monkeypatch: pytest.MonkeyPatch) -> Step:
    hardware = gpus(1).model_dump(mode="json", exclude_none=True) | {"queue": ""}
    monkeypatch.setenv("STILLHOUSE_STORE", "s3://bucket/x")
    monkeypatch.setenv("STILLHOUSE_NAMESPACE", "team")
    monkeypatch.setenv("STILLHOUSE_POD", "pod-1")
    monkeypatch.setenv("STILLHOUSE_NODES", "2")
    monkeypatch.setenv("STILLHOUSE_NODE_HARDWARE", json.dumps(hardware))
    monkeypatch.setattr(follow, "POLL_SECONDS", 0.01)
    step = Step(tmp_path)
    monkeypatch.setattr(follow, "local_store", lambda: step.store)
    return step


@pytest.fixture
def works(api: Api, step: Step) -> Callable[[], None]:
    """From now on a new TrainJob is complete at once."""

    def complete(job: dict[str, Any]) -> None:
        step.nodes_finish()
        api.end(job["metadata"]["name"], "Complete")

    def start() -> None:
        api.after_create = complete

    return start


def test_it_takes_the_model_and_the_figures_and_clears_the_store(
    step: Step, api: Api, works: Callable[[], None]
) -> None:
    works()
    assert step.run() == {"f1": 0.9}
    assert (step.folder / "model" / "config.json").read_text() == "{}"
    assert list(step.store.list("trainjobs")) == []
    assert '"train/loss":0.5' in (step.folder / "home/run-1/spool/finetune.jsonl").read_text().replace(" ", "")
    assert api.jobs[NAME]["spec"]["trainer"]["numNodes"] == 2


def test_the_nodes_find_job_and_inputs_in_the_store(
    step: Step, api: Api, works: Callable[[], None], tmp_path: Path
) -> None:
    works()
    finish, taken = api.after_create, []

    def take(job: dict[str, Any]) -> None:
        taken.append(step.exchange.take(tmp_path / "node"))
        finish(job)

    api.after_create = take
    step.run()
    assert taken[0].paths == {name: str(tmp_path / "node" / name) for name in ("dataset", "model")}
    assert (tmp_path / "node" / "dataset" / "train.txt").read_text() == "rows"


def test_a_retry_adopts_the_one_at_work_and_makes_its_own_pod_the_owner(step: Step, api: Api) -> None:
    api.jobs[NAME] = {"metadata": {"name": NAME, "ownerReferences": [{"uid": "uid-of-an-earlier-pod"}]}}
    looks = 0
    answer = api.answer

    def ends_at_the_third_look(method: str, path: str, body: Any) -> tuple[int, Any]:
        nonlocal looks
        looks += method == "GET" and path.endswith(NAME)
        if looks == 3 and "status" not in api.jobs[NAME]:
            step.nodes_finish()
            api.end(NAME, "Complete")
        return answer(method, path, body)

    api.answer = ends_at_the_third_look
    assert step.run() == {"f1": 0.9}
    assert [call for call in api.calls if call.startswith(("POST", "DELETE"))] == []
    assert api.jobs[NAME]["metadata"]["ownerReferences"][0]["uid"] == "uid-of-pod-1"


def test_a_retry_takes_what_a_complete_one_made(step: Step, api: Api) -> None:
    api.jobs[NAME] = {"metadata": {"name": NAME}}
    step.nodes_finish()
    api.end(NAME, "Complete")
    assert step.run() == {"f1": 0.9}


@pytest.mark.parametrize("kind", ["Failed", "Complete"], ids=["failed", "complete, and taken before"])
def test_one_that_is_of_no_more_use_is_made_anew(step: Step, api: Api, works: Callable[[], None], kind: str) -> None:
    api.jobs[NAME] = {"metadata": {"name": NAME}}
    api.end(NAME, kind)
    works()
    assert step.run() == {"f1": 0.9}
    assert [call.split()[0] for call in api.calls if call.startswith(("POST", "DELETE"))] == ["DELETE", "POST"]


def test_a_mistake_in_a_process_is_the_steps(step: Step, api: Api) -> None:
    def fail(job: dict[str, Any]) -> None:
        step.nodes_tell(("mistake", {"sentence": "column 'text' is missing; add it."}))
        api.end(NAME, "Failed")

    api.after_create = fail
    with pytest.raises(UserError, match=r"^column 'text' is missing; add it\.$"):
        step.run()


def test_its_failure_names_the_pod_that_failed_first(step: Step, api: Api) -> None:
    def ended(name: str, at: str, code: int, reason: str) -> dict[str, Any]:
        end = {"terminated": {"finishedAt": at, "exitCode": code, "reason": reason}}
        return {"metadata": {"name": name}, "status": {"containerStatuses": [{"state": end}]}}

    def fail(job: dict[str, Any]) -> None:
        late, early = (
            ended("node-0", "2026-01-01T10:00:05Z", 1, "Error"),
            ended("node-1", "2026-01-01T10:00:01Z", 137, "OOMKilled"),
        )
        fine = ended("node-2", "2026-01-01T09:00:00Z", 0, "Completed")
        api.pods = [late, early, fine]
        api.end(NAME, "Failed", "jobset failed")

    api.after_create = fail
    with pytest.raises(
        TrainJobFailed, match=rf"^TrainJob {NAME} failed: pod node-1 ended with exit code 137 \(OOMKilled\)$"
    ):
        step.run()


def test_without_pods_left_its_failure_is_what_the_controller_says(step: Step, api: Api) -> None:
    def fail(job: dict[str, Any]) -> None:
        api.pods = []
        api.end(NAME, "Failed", "jobset failed")

    api.after_create = fail
    with pytest.raises(TrainJobFailed, match=rf"^TrainJob {NAME} failed: jobset failed$"):
        step.run()


def test_one_that_somebody_removes_is_said(step: Step, api: Api) -> None:
    api.after_create = lambda job: api.jobs.clear()
    with pytest.raises(TrainJobFailed, match=rf"^TrainJob {NAME} was removed by somebody else$"):
        step.run()


def test_a_step_that_is_asked_to_stop_ends_it(step: Step, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def ctrl_c(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(follow.time, "sleep", ctrl_c)
    with pytest.raises(KeyboardInterrupt):
        step.run()
    assert api.jobs == {}


def test_an_api_server_that_is_away_for_a_while_is_asked_again(
    step: Step, api: Api, works: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainjob, "wait_exponential_jitter", lambda **given: lambda state: 0.01)
    works()
    api.broken = 3
    assert step.run() == {"f1": 0.9}


def test_a_refusal_is_one_sentence(step: Step, api: Api) -> None:
    api.answer = lambda method, path, body: (403, {"message": "trainjobs is forbidden"})
    with pytest.raises(UserError, match=r"^Kubernetes refuses \(403\): trainjobs is forbidden; --nodes needs Kubeflow"):
        step.run()


def test_without_a_store_it_says_so(step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STILLHOUSE_STORE")
    with pytest.raises(UserError, match=r"give --store s3://bucket/prefix\.$"):
        step.run()
