"""Schedules: recurring runs of KFP, one active at most by each name.

KFP cannot change a recurring run. So a schedule is replaced: the new one is made disabled, the older ones of its name
are deleted, the new one is enabled. Wherever that is cut off, one at most is active, and the same command ends it. Nor
do two people who do it at once leave two: whoever makes the second sees the first, and deletes it before it enables.
"""

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kubernetes.client import ApiException
from urllib3.exceptions import HTTPError

from stillhouse.components.storage.urls import is_local
from stillhouse.errors import UserError
from stillhouse.pipelines.cluster.connection import TIMEOUT, Cluster, NotFound
from stillhouse.pipelines.cluster.due_times import When
from stillhouse.pipelines.compiling.options import ClusterOptions
from stillhouse.pipelines.compiling.pipeline_yaml import compile_pipeline
from stillhouse.pipelines.recipes.recipe import Recipe
from stillhouse.spelling import did_you_mean

MARK = "Made by `stillhouse schedule`: recipe {}, {}"
"""Description of our recurring runs; others are left alone, whatever their name."""
MARKED = re.compile(re.escape(MARK).replace(r"\{\}", "(.+)") + "$")
PAGE_SIZE = 100
CONFIG, ZONE_KEY = "pipeline-install-config", "cronScheduleTimezone"
"""Where KFP's manifests keep the zone of its scheduler, CRON_SCHEDULE_TIMEZONE."""


@dataclass(frozen=True)
class Schedule:
    """One recurring run of ours."""

    id: str
    name: str
    recipe: str
    when: When
    active: bool
    experiment: str
    """Id."""
    created: datetime

    @property
    def age(self) -> tuple[datetime, str]:
        """By which two are told apart: KFP's times are whole seconds."""
        return self.created, self.id


@dataclass(frozen=True)
class Zone:
    """The time zone in which KFP reads cron."""

    info: ZoneInfo
    known: bool
    """False when the installation did not say, so that UTC, the default of its manifests, is assumed."""


def schedule(
    cluster: Cluster,
    recipe: Recipe,
    when: When,
    options: ClusterOptions,
    *,
    name: str,
    max_concurrency: int,
    catch_up: bool,
) -> str:
    """Run `recipe` whenever it is due, instead of what was scheduled by that name, and return the id.

    Args:
        name: of the schedule; there is one active by it at most.
        max_concurrency: runs of it at the same time, at most; one that is due waits.
        catch_up: whether each run that was missed is made up for, not the latest only.

    Raises:
        UserError: KFP refuses, somebody else schedules by the same name right now, or the source lies on this machine.
    """
    if is_local(recipe.data.source):
        raise UserError(
            f"The source '{recipe.data.source}' lies on this machine, and a schedule reads it anew each time; put it "
            "where pods find it, and give --set data.source=s3://..."
        )
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{recipe.name}.yaml"
        compile_pipeline(recipe.parameters(), path, options)
        experiment = cluster.experiment(recipe.name)
        before = {one.id for one in schedules(cluster, name)}
        with cluster.speaking():
            made = cluster.client.create_recurring_run(
                experiment_id=experiment,
                job_name=name,
                description=MARK.format(recipe.name, when.said),
                cron_expression=when.six_fields or None,
                interval_second=when.interval or None,
                start_time=when.begin(datetime.now(UTC)).isoformat() if when.interval else None,
                max_concurrency=max_concurrency,
                no_catchup=not catch_up,
                pipeline_package_path=str(path),
                pipeline_root=options.pipeline_root or None,
                service_account=options.service_account or None,
                enabled=False,
            )
    _activate(cluster, name, made.recurring_run_id, before)
    return made.recurring_run_id


def pause(cluster: Cluster, name: str) -> None:
    """No further runs by that schedule, until it is resumed; those under way go on.

    Raises:
        UserError: there is none by that name, or KFP refuses.
    """
    for found in _known(cluster, name):
        with cluster.speaking():
            cluster.client.disable_recurring_run(found.id)


def resume(cluster: Cluster, name: str) -> None:
    """Runs again, by the newest of that name; what an interrupted replacement has left is deleted.

    Raises:
        UserError: there is none by that name, or KFP refuses.
    """
    newest, *older = _known(cluster, name)
    _activate(cluster, name, newest.id, {one.id for one in older})


def delete(cluster: Cluster, name: str) -> None:
    """Delete the schedule; its runs stay.

    Raises:
        UserError: there is none by that name, or KFP refuses.
    """
    for found in _known(cluster, name):
        _delete(cluster, found.id)


def schedules(cluster: Cluster, name: str = "") -> list[Schedule]:
    """Ours, newest first; with a name those of it.

    Raises:
        UserError: KFP refuses.
    """
    found: list[Any] = []
    token = ""
    while True:
        with cluster.speaking():
            page = cluster.client.list_recurring_runs(
                page_token=token,
                page_size=PAGE_SIZE,
                namespace=cluster.namespace if cluster.multi_user else None,
                filter=_filter(display_name=name),
            )
        found += page.recurring_runs or []
        token = page.next_page_token
        if not token:
            break
    ours = [_read(run) for run in found if MARKED.match(run.description or "")]
    return sorted(ours, key=lambda one: one.age, reverse=True)


def last_run(cluster: Cluster, found: Schedule) -> Any | None:
    """The latest run by that schedule, as kfp_server_api.V2beta1Run; None before the first.

    Raises:
        UserError: KFP refuses.
    """
    with cluster.speaking():
        runs = cluster.client.list_runs(
            experiment_id=found.experiment,
            sort_by="created_at desc",
            page_size=1,
            filter=_filter(recurring_run_id=found.id),
        ).runs
    return runs[0] if runs else None


def zone(cluster: Cluster) -> Zone:
    """The zone of KFP's scheduler; KFP's API does not tell it, only Kubernetes may.

    Raises:
        UserError: its rules are not on this machine.
    """
    try:
        config: Any = cluster.core.read_namespaced_config_map(CONFIG, cluster.home, _request_timeout=TIMEOUT)
    except (ApiException, HTTPError, UserError):
        return Zone(ZoneInfo("UTC"), known=False)
    name = (config.data or {}).get(ZONE_KEY) or "UTC"
    try:
        return Zone(ZoneInfo(name), known=True)
    except (ZoneInfoNotFoundError, ValueError):
        raise UserError(f"KFP's time zone is '{name}', which this machine does not know; install tzdata.") from None


def _activate(cluster: Cluster, name: str, chosen: str, before: set[str]) -> None:
    """Of the schedules by that name leave `chosen`, active.

    Args:
        before: Ids of those that were there before `chosen`. Any other is somebody else's, made at the same moment: the
            newer of the two stays.

    Raises:
        UserError: `chosen` gives way to somebody else's, or has been deleted.
    """
    found = {one.id: one for one in schedules(cluster, name)}
    others = [one for one in found.values() if one.id != chosen]
    if chosen not in found or any(one.age > found[chosen].age for one in others if one.id not in before):
        _delete(cluster, chosen)
        raise _overtaken(name)
    try:
        for one in others:
            _delete(cluster, one.id)
        with cluster.speaking():
            cluster.client.enable_recurring_run(chosen)
    except NotFound:
        raise _overtaken(name) from None
    except UserError as error:
        raise UserError(f"{error} Schedule '{name}' is being replaced: give the same command again.") from None


def _overtaken(name: str) -> UserError:
    return UserError(
        f"Somebody else has changed the schedule '{name}' at the same moment, and this one is gone; look at "
        "`stillhouse schedule list`, and give the command again if it should be this one."
    )


def _delete(cluster: Cluster, id: str) -> None:
    # The runs under way belong to the schedule: by default Kubernetes removes them with it.
    with suppress(NotFound), cluster.speaking():
        cluster.client._recurring_run_api.recurring_run_service_delete_recurring_run(id, propagation_policy="ORPHAN")


def _known(cluster: Cluster, name: str) -> list[Schedule]:
    found = schedules(cluster, name)
    if not found:
        mend = did_you_mean(name, {one.name for one in schedules(cluster)}, "`stillhouse schedule list` shows them.")
        raise UserError(f"There is no schedule '{name}'; {mend}")
    return found


def _filter(**wanted: str) -> str:
    """KFP's filter for what has these values; an empty one asks for nothing."""
    equal = [{"operation": "EQUALS", "key": key, "stringValue": value} for key, value in wanted.items() if value]
    return json.dumps({"predicates": equal})


def _read(run: Any) -> Schedule:
    marked = MARKED.match(run.description)
    assert marked
    cron, periodic = run.trigger.cron_schedule, run.trigger.periodic_schedule
    return Schedule(
        id=run.recurring_run_id,
        name=run.display_name,
        recipe=marked[1],
        when=When(marked[2], cron.cron if cron else "", int(periodic.interval_second) if periodic else 0),
        active=run.status == "ENABLED",
        experiment=run.experiment_id,
        created=run.created_at,
    )
