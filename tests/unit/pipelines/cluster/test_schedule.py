"""Schedules on a stand-in for KFP that can be cut off at each call; tests/cluster has the real one."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import combinations
from threading import Condition, Thread, current_thread
from types import SimpleNamespace
from typing import Any

import pytest
from kfp_server_api import ApiException
from kubernetes.client import ApiException as KubernetesError

from stillhouse.errors import UserError
from stillhouse.pipelines.cluster import schedule as scheduling
from stillhouse.pipelines.cluster.connection import Cluster
from stillhouse.pipelines.cluster.due_times import When, at_cron, at_interval
from stillhouse.pipelines.cluster.schedule import delete, pause, resume, schedule, schedules
from stillhouse.pipelines.compiling.options import ClusterOptions
from stillhouse.pipelines.recipes.recipe import Recipe, load_recipe

NOW = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)


class Killed(BaseException):
    """What a SIGKILL is to the code it strikes: nothing after it runs."""


class StandIn:
    """The calls of kfp.Client that schedules need, over a list; `before` each of them, and `after`, a hook is run."""

    def __init__(self) -> None:
        self.runs: list[Any] = []
        self.calls: list[str] = []
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None
        self.made = self.most_active = 0
        self.names: Callable[[int], str] = lambda number: f"id-{number:05}"

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(name)
            self.before()
            try:
                return getattr(self, f"_{name}")(*args, **kwargs)
            finally:
                self.most_active = max(self.most_active, len(self.active()))
                self.after()

        if name.startswith("_"):
            raise AttributeError(name)
        return call

    def active(self) -> list[Any]:
        return [run for run in self.runs if run.status == "ENABLED"]

    def _create_experiment(self, name: str) -> Any:
        return SimpleNamespace(experiment_id=f"experiment of {name}")

    def _create_recurring_run(self, job_name: str, description: str, enabled: bool = True, **given: Any) -> Any:
        cron, interval = given.get("cron_expression"), given.get("interval_second")
        self.made += 1
        run = SimpleNamespace(
            recurring_run_id=self.names(self.made),
            display_name=job_name,
            description=description,
            status="ENABLED" if enabled else "DISABLED",
            trigger=SimpleNamespace(
                cron_schedule=SimpleNamespace(cron=cron) if cron else None,
                periodic_schedule=SimpleNamespace(interval_second=str(interval)) if interval else None,
            ),
            experiment_id=given.get("experiment_id"),
            created_at=NOW,  # all within one of KFP's seconds
            given=given,
        )
        self.runs.append(run)
        return run

    def _list_recurring_runs(self, page_token: str, page_size: int, namespace: str | None, filter: str) -> Any:
        names = [predicate["stringValue"] for predicate in json.loads(filter)["predicates"]]
        found = [run for run in self.runs if not names or run.display_name in names]
        begin = int(page_token or 0)
        end = begin + page_size
        return SimpleNamespace(recurring_runs=found[begin:end], next_page_token=str(end) if end < len(found) else None)

    def _enable_recurring_run(self, id: str) -> None:
        self._find(id).status = "ENABLED"

    def _disable_recurring_run(self, id: str) -> None:
        self._find(id).status = "DISABLED"

    @property
    def _recurring_run_api(self) -> Any:
        return SimpleNamespace(recurring_run_service_delete_recurring_run=self.delete_recurring_run)

    def _delete_recurring_run(self, id: str, propagation_policy: str) -> None:
        assert propagation_policy == "ORPHAN", "runs under way would go with their schedule"
        self.runs.remove(self._find(id))

    def _find(self, id: str) -> Any:
        for run in self.runs:
            if run.recurring_run_id == id:
                return run
        error = ApiException(status=404, reason="Not Found")
        error.body = '{"code": 5, "message": "no such recurring run"}'
        raise error


@pytest.fixture
def kfp() -> StandIn:
    return StandIn()


@pytest.fixture
def cluster(kfp: StandIn, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.setattr(scheduling, "compile_pipeline", lambda parameters, path, options: path.write_text(""))
    return Cluster(kfp, "http://kfp:8888", "kubeflow", multi_user=False, version="2.17.0")


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return load_recipe("spam", ["data.source=s3://mails/all"])


@pytest.fixture
def put(cluster: Cluster, recipe: Recipe) -> Callable[..., str]:
    """Schedules the recipe."""

    def put(when: When, name: str = "spam") -> str:
        return schedule(cluster, recipe, when, ClusterOptions(), name=name, max_concurrency=1, catch_up=False)

    return put


def test_a_schedule_tells_kfp_six_fields_one_run_at_once_and_nothing_to_catch_up(
    kfp: StandIn, put: Callable[..., str]
) -> None:
    put(at_cron("0 3 * * *"))
    (made,) = kfp.active()
    assert made.given["cron_expression"] == "0 0 3 * * *"
    assert (made.given["max_concurrency"], made.given["no_catchup"]) == (1, True)


def test_the_same_command_again_leaves_one_schedule(cluster: Cluster, kfp: StandIn, put: Callable[..., str]) -> None:
    put(at_cron("0 3 * * *"))
    put(at_interval("6h"))
    (left,) = schedules(cluster)
    assert (left.name, left.recipe, left.when.said, left.active) == ("spam", "spam", "every 6h", True)
    assert kfp.most_active == 1


REPLACEMENT = [
    "create_experiment",
    "list_recurring_runs",
    "create_recurring_run",
    "list_recurring_runs",
    "delete_recurring_run",
    "enable_recurring_run",
]


ENABLE = REPLACEMENT.index("enable_recurring_run")


def raises(kfp: StandIn, error: BaseException, number: int) -> Callable[[], None]:
    """A hook that fails at that call, counted from now on."""
    already = len(kfp.calls)

    def hook() -> None:
        if len(kfp.calls) == already + 1 + number:
            raise error

    return hook


def test_a_replacement_takes_the_calls_that_are_cut_off_below(kfp: StandIn, put: Callable[..., str]) -> None:
    put(at_cron("0 3 * * *"))
    already = len(kfp.calls)
    put(at_cron("0 4 * * *"))
    assert kfp.calls[already:] == REPLACEMENT


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", range(len(REPLACEMENT)))
def test_a_replacement_cut_off_anywhere_never_leaves_two_active_and_is_ended_by_the_same_command(
    number: int, moment: str, cluster: Cluster, kfp: StandIn, put: Callable[..., str]
) -> None:
    put(at_cron("0 3 * * *"))
    setattr(kfp, moment, raises(kfp, Killed(), number))
    with pytest.raises(Killed):
        put(at_cron("0 4 * * *"))
    assert len(kfp.active()) <= 1
    put(at_cron("0 4 * * *"))
    (left,) = schedules(cluster)
    assert (left.when.said, left.active, kfp.most_active) == ("0 4 * * *", True, 1)


def test_when_kfp_refuses_in_between_the_mend_is_said(kfp: StandIn, put: Callable[..., str]) -> None:
    put(at_cron("0 3 * * *"))
    kfp.before = raises(kfp, ApiException(status=500, reason="database is gone"), ENABLE)
    with pytest.raises(UserError, match=r"database is gone.*is being replaced: give the same command again"):
        put(at_cron("0 4 * * *"))


@pytest.mark.parametrize("newer_sorts", ["last", "first"])
def test_the_older_of_the_same_second_is_known_whatever_its_id(
    newer_sorts: str, cluster: Cluster, kfp: StandIn, put: Callable[..., str]
) -> None:
    if newer_sorts == "first":
        kfp.names = lambda number: f"id-{99999 - number}"
    put(at_cron("0 3 * * *"))
    put(at_cron("0 4 * * *"))
    assert [(one.when.said, one.active) for one in schedules(cluster)] == [("0 4 * * *", True)]


def test_of_two_who_schedule_at_once_the_newer_stays_and_the_other_is_told(
    cluster: Cluster, kfp: StandIn, put: Callable[..., str]
) -> None:
    def other() -> None:
        if kfp.calls[-1] == "create_recurring_run":
            kfp.after = lambda: None
            put(at_cron("0 5 * * *"))

    kfp.after = other
    with pytest.raises(UserError, match="Somebody else has changed the schedule 'spam' at the same moment"):
        put(at_cron("0 4 * * *"))
    assert [(one.when.said, one.active) for one in schedules(cluster)] == [("0 5 * * *", True)]


class Turns:
    """Lets two threads make their calls in a given order; who has ended leaves the turn to the other."""

    def __init__(self, order: list[str]) -> None:
        self.order = order
        self.changed = Condition()

    def wait(self) -> None:
        with self.changed:
            self.changed.wait_for(lambda: not self.order or self.order[0] == current_thread().name, timeout=10)

    def next(self) -> None:
        with self.changed:
            del self.order[:1]
            self.changed.notify_all()

    def leave(self) -> None:
        with self.changed:
            self.order = [name for name in self.order if name != current_thread().name]
            self.changed.notify_all()


@pytest.mark.parametrize("newer_sorts", ["last", "first"])
def test_in_whatever_order_two_do_it_two_are_never_active_and_nobody_loses_unawares(
    newer_sorts: str, cluster: Cluster, kfp: StandIn, put: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Cluster, "experiment", lambda self, name: "one for both")
    if newer_sorts == "first":
        kfp.names = lambda number: f"id-{99999 - number}"
    calls = len(REPLACEMENT) - 1
    for chosen in combinations(range(2 * calls), calls):
        kfp.before = kfp.after = lambda: None
        kfp.runs.clear()
        put(at_cron("0 3 * * *"))
        turns = Turns(["a" if turn in chosen else "b" for turn in range(2 * calls)])
        kfp.before, kfp.after = turns.wait, turns.next
        told: list[str] = []

        def replace(cron: str, turns: Turns = turns, told: list[str] = told) -> None:
            try:
                put(at_cron(cron))
            except UserError as error:
                told.append(str(error))
            finally:
                turns.leave()

        pair = [Thread(target=replace, name=name, args=(f"{name == 'a':d} 4 * * *",)) for name in "ab"]
        for thread in pair:
            thread.start()
        for thread in pair:
            thread.join()
        assert kfp.most_active == 1
        assert len(kfp.runs) == len(kfp.active()) <= 1
        assert kfp.active() or told


def test_who_loses_a_schedule_to_somebody_else_in_the_last_moment_is_told(
    cluster: Cluster, kfp: StandIn, put: Callable[..., str]
) -> None:
    def other() -> None:
        if kfp.calls[-1] == "enable_recurring_run":
            kfp.runs.clear()

    kfp.before = other
    with pytest.raises(UserError, match="give the command again if it should be this one"):
        put(at_cron("0 4 * * *"))


def test_schedules_of_other_names_and_other_peoples_are_left_alone(
    cluster: Cluster, kfp: StandIn, put: Callable[..., str]
) -> None:
    put(at_cron("0 3 * * *"), name="nightly")
    cluster.client.create_recurring_run(job_name="spam", description="by hand, in the form", enabled=True)
    put(at_interval("6h"))
    assert sorted(run.display_name for run in kfp.active()) == ["nightly", "spam", "spam"]
    assert [one.name for one in schedules(cluster)] == ["spam", "nightly"]


def test_all_pages_are_listed(cluster: Cluster, put: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduling, "PAGE_SIZE", 2)
    for number in range(5):
        put(at_cron("0 3 * * *"), name=f"n{number}")
    assert len(schedules(cluster)) == 5


def test_pause_stops_it_and_resume_starts_it_again(cluster: Cluster, kfp: StandIn, put: Callable[..., str]) -> None:
    put(at_cron("0 3 * * *"))
    pause(cluster, "spam")
    assert kfp.active() == []
    resume(cluster, "spam")
    assert len(kfp.active()) == 1


def test_resume_after_an_interrupted_replacement_leaves_the_newest(
    cluster: Cluster, kfp: StandIn, put: Callable[..., str]
) -> None:
    put(at_cron("0 3 * * *"))
    kfp.before = raises(kfp, Killed(), ENABLE)
    with pytest.raises(Killed):
        put(at_cron("0 4 * * *"))
    assert kfp.active() == []
    resume(cluster, "spam")
    assert [(one.when.said, one.active) for one in schedules(cluster)] == [("0 4 * * *", True)]


def test_delete_leaves_nothing(cluster: Cluster, kfp: StandIn, put: Callable[..., str]) -> None:
    put(at_cron("0 3 * * *"))
    delete(cluster, "spam")
    assert kfp.runs == []


@pytest.mark.parametrize("change", [pause, resume, delete])
def test_an_unknown_name_is_asked_back(
    change: Callable[[Cluster, str], None], cluster: Cluster, put: Callable[..., str]
) -> None:
    put(at_cron("0 3 * * *"), name="nightly")
    with pytest.raises(UserError, match="There is no schedule 'nigthly'; did you mean 'nightly'"):
        change(cluster, "nigthly")


def test_a_source_on_this_machine_is_refused(cluster: Cluster) -> None:
    with pytest.raises(UserError, match=r"lies on this machine, and a schedule reads it anew each time; .*s3://"):
        schedule(
            cluster,
            load_recipe("spam"),
            at_interval("6h"),
            ClusterOptions(),
            name="spam",
            max_concurrency=1,
            catch_up=False,
        )


def test_an_interval_begins_where_kfp_has_to_start_counting(kfp: StandIn, put: Callable[..., str]) -> None:
    put(at_interval("1h"))
    (made,) = kfp.active()
    begin = datetime.fromisoformat(made.given["start_time"])
    assert (made.given["interval_second"], begin.minute, begin.second) == (3600, 0, 0)
    assert begin <= datetime.now(UTC) < begin + timedelta(hours=1)


class ConfigMaps:
    """Of Kubernetes' API what tells KFP's zone."""

    def __init__(self, zone: str | None) -> None:
        self.zone = zone

    def read_namespaced_config_map(self, name: str, namespace: str, _request_timeout: Any) -> Any:
        if (name, namespace) != ("pipeline-install-config", "kubeflow") or self.zone is None:
            raise KubernetesError(status=403, reason="Forbidden")
        return SimpleNamespace(data={"cronScheduleTimezone": self.zone})


@pytest.mark.parametrize(
    ("told", "name", "known"),
    [("Europe/Berlin", "Europe/Berlin", True), ("", "UTC", True), (None, "UTC", False)],
)
def test_the_zone_is_the_installations_and_utc_where_it_may_not_be_read(
    told: str | None, name: str, known: bool, cluster: Cluster
) -> None:
    cluster.__dict__["core"] = ConfigMaps(told)
    found = scheduling.zone(cluster)
    assert (found.info.key, found.known) == (name, known)


def test_a_zone_that_this_machine_does_not_know_is_said(cluster: Cluster) -> None:
    cluster.__dict__["core"] = ConfigMaps("Mars/Olympus")
    with pytest.raises(UserError, match="KFP's time zone is 'Mars/Olympus', which this machine does not know"):
        scheduling.zone(cluster)
