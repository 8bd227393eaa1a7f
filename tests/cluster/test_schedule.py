"""Schedules on a real KFP: they fire when due, and are replaced, paused and deleted."""

import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from cluster_runs import Runs
from kubernetes.client import CustomObjectsApi

from stillhouse.components.storage.store import Store
from stillhouse.pipelines.cluster import schedule as scheduling
from stillhouse.pipelines.cluster.due_times import at_cron
from stillhouse.pipelines.cluster.schedule import Schedule, schedules
from stillhouse.pipelines.compiling.options import ClusterOptions
from stillhouse.pipelines.recipes.recipe import load_recipe

pytestmark = pytest.mark.cluster

LATEST = 90
"""Seconds after which KFP has looked at every schedule: it does each 30 s."""


class Killed(BaseException):
    """What a SIGKILL is to the code it strikes: nothing after it runs."""


@pytest.fixture
def name(runs: Runs) -> Iterator[str]:
    """A schedule of the test's own, deleted at its end."""
    name = f"test-{os.getpid()}-{time.time_ns()}"
    yield name
    if schedules(runs.cluster, name):
        scheduling.delete(runs.cluster, name)


@pytest.fixture
def nowhere(runs: Runs, name: str) -> Callable[..., list[str]]:
    """Schedules a recipe whose data are missing, so that a run ends at its first step; gives the lines it prints."""

    def put(*arguments: str) -> list[str]:
        source = f"data.source={runs.options['store']}/tests/none"
        done = runs.stillhouse("schedule", "spam", "--set", source, "--name", name, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return put


def fired(runs: Runs, found: Schedule) -> list[Any]:
    """The runs that the schedule has started, oldest first."""
    predicate = {"operation": "EQUALS", "key": "recurring_run_id", "stringValue": found.id}
    listed = runs.cluster.client.list_runs(
        experiment_id=found.experiment,
        sort_by="created_at asc",
        page_size=100,
        filter=json.dumps({"predicates": [predicate]}),
    )
    return listed.runs or []


def test_a_schedule_runs_the_pipeline_each_time_it_is_due(
    runs: Runs, store: Store, name: str, small: Callable[..., Path]
) -> None:
    recipe = small("scheduled")
    store.put(f"tests/{name}.parquet", recipe.with_name("mails.parquet").read_bytes())
    source = f"data.source={store.uri(f'tests/{name}.parquet')}"
    done = runs.stillhouse("schedule", recipe, "--set", source, "--name", name, "--every", "1m")
    assert done.returncode == 0, done.stderr
    (found,) = schedules(runs.cluster, name)
    first, second = runs.until(lambda: fired(runs, found)[:2] if len(fired(runs, found)) > 1 else None, minutes=30)
    scheduling.pause(runs.cluster, name)
    assert [runs.end(run.run_id, minutes=30) for run in (first, second)] == ["SUCCEEDED", "SUCCEEDED"]
    assert [len(runs.pods(run.run_id, "finetune")) for run in (first, second)] == [1, 0]


def test_kfp_means_the_time_that_is_printed(runs: Runs, name: str, nowhere: Callable[..., list[str]]) -> None:
    printed = nowhere("--cron", "7 3 * * 7")
    (found,) = schedules(runs.cluster, name)
    api = CustomObjectsApi(runs.cluster.kubernetes)

    def look() -> str | None:
        listed: Any = api.list_namespaced_custom_object(
            "kubeflow.org", "v1beta1", runs.cluster.namespace, "scheduledworkflows"
        )
        (own,) = (one for one in listed["items"] if one["metadata"]["uid"] == found.id)
        return own.get("status", {}).get("trigger", {}).get("nextTriggeredTime")

    due = datetime.fromisoformat(runs.until(look, minutes=2))
    local = due.astimezone(scheduling.zone(runs.cluster).info)
    assert f"{local:%a %Y-%m-%d %H:%M %Z}" == printed[0]
    assert len(printed) == 3


def test_the_same_command_again_leaves_one_active(runs: Runs, name: str, nowhere: Callable[..., list[str]]) -> None:
    nowhere("--cron", "0 3 * * *")
    nowhere("--every", "6h")
    (left,) = schedules(runs.cluster, name)
    assert (left.when.said, left.active) == ("every 6h", True)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(
    "call",
    [
        "create_recurring_run",
        "_recurring_run_api.recurring_run_service_delete_recurring_run",
        "enable_recurring_run",
    ],
)
def test_a_replacement_cut_off_anywhere_never_leaves_two_active(
    call: str, moment: str, runs: Runs, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = load_recipe("spam", [f"data.source={runs.options['store']}/tests/none"])

    def put(cron: str) -> None:
        scheduling.schedule(
            runs.cluster, recipe, at_cron(cron), ClusterOptions(), name=name, max_concurrency=1, catch_up=False
        )

    put("0 3 * * *")
    owner, _, function = f"client.{call}".rpartition(".")
    owner = attrgetter(owner)(runs.cluster)
    real = getattr(owner, function)

    def strike(*args: Any, **kwargs: Any) -> None:
        if moment == "after":
            real(*args, **kwargs)
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(owner, function, strike)
        put("0 4 * * *")
    assert sum(one.active for one in schedules(runs.cluster, name)) <= 1
    put("0 4 * * *")
    (left,) = schedules(runs.cluster, name)
    assert (left.when.said, left.active) == ("0 4 * * *", True)


def test_a_paused_schedule_starts_no_run_and_a_resumed_one_does(
    runs: Runs, name: str, nowhere: Callable[..., list[str]]
) -> None:
    nowhere("--cron", "* * * * *")
    assert runs.stillhouse("schedule", "pause", name).returncode == 0
    (found,) = schedules(runs.cluster, name)
    before = len(fired(runs, found))
    time.sleep(LATEST)
    assert len(fired(runs, found)) == before
    assert runs.stillhouse("schedule", "resume", name).returncode == 0
    runs.until(lambda: len(fired(runs, found)) > before, minutes=3)


def test_a_deleted_schedule_is_gone_and_its_run_under_way_goes_on(
    runs: Runs, name: str, nowhere: Callable[..., list[str]]
) -> None:
    nowhere("--cron", "* * * * *")
    (found,) = schedules(runs.cluster, name)
    (run, *_) = runs.until(lambda: fired(runs, found), minutes=3)
    assert runs.stillhouse("schedule", "delete", name).returncode == 0
    assert schedules(runs.cluster, name) == []
    assert runs.end(run.run_id) == "FAILED"
    assert [pod.status.phase for pod in runs.pods(run.run_id, "conclude")] == ["Succeeded"]


def test_the_list_shows_when_and_how_it_went(runs: Runs, name: str, nowhere: Callable[..., list[str]]) -> None:
    nowhere("--cron", "* * * * *")
    (found,) = schedules(runs.cluster, name)
    (run, *_) = runs.until(lambda: fired(runs, found), minutes=3)
    scheduling.pause(runs.cluster, name)
    assert runs.end(run.run_id) == "FAILED"
    (line,) = (line for line in runs.stillhouse("schedule", "list").stdout.splitlines() if name in line)
    assert line.split()[1:8] == ["spam", "*", "*", "*", "*", "*", "paused"]
    assert line.split()[-1] == "failed"


def test_a_run_carries_the_time_it_was_due(runs: Runs, name: str, nowhere: Callable[..., list[str]]) -> None:
    nowhere("--cron", "* * * * *")
    (found,) = schedules(runs.cluster, name)
    (run, *_) = runs.until(lambda: fired(runs, found), minutes=3)
    scheduling.pause(runs.cluster, name)
    assert run.scheduled_at.second == 0
    assert run.scheduled_at <= datetime.now(UTC) < run.scheduled_at + timedelta(minutes=5)
