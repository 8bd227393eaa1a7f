"""What is known of the runs of a home folder and of its store."""

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.markup import escape

from stillhouse.components.artifacts.recipe_lock import FILE, recipe_lock
from stillhouse.components.artifacts.verdict import Verdict, stored_verdict, verdict_key
from stillhouse.components.runtime.attempts import VERDICTS
from stillhouse.components.storage.home import local_store
from stillhouse.components.storage.store import NotFound, Store
from stillhouse.components.tracking.settings import PIPELINE, spool_folder
from stillhouse.components.tracking.spool import Event, read_events
from stillhouse.errors import UserError

WAITING = "waiting"
"""The decision of a run whose candidate a person is to decide about."""
STATES = {"FINISHED": "finished", "FAILED": "failed", "KILLED": "stopped"}
"""Of the last event of a run's spool."""


@dataclass(frozen=True)
class KnownRun:
    """One line of the list."""

    id: str
    began: datetime | None
    """In local time; for a run of which only the verdict is known, when that was written."""
    state: str
    """running, finished, failed, stopped, or `killed` for one that ended without saying why."""
    decision: str = ""
    """promoted, rejected, ...; empty where there is no verdict."""
    version: str = ""
    """Of the model that was promoted."""
    why: str = ""


def list_runs(home: Path) -> list[KnownRun]:
    """All runs whose folder is in `home`, or whose verdict is in the store; the newest first.

    Raises:
        UserError: the store cannot be read.
    """
    store = local_store()
    here = [_from_folder(home, path.parent.parent.name) for path in home.glob(f"*/spool/{PIPELINE}.jsonl")]
    known = {run.id for run in here}
    names = [entry.key.rpartition("/")[2].removesuffix(".json") for entry in store.list(VERDICTS)]
    elsewhere = [_from_store(store, name) for name in names if name not in known]
    return sorted([*here, *elsewhere], key=_age, reverse=True)


def lock_of(home: Path, run_id: str) -> str:
    """The text of a run's recipe.lock.yaml, wherever it ran.

    Raises:
        UserError: neither `home` nor the store has a verdict of the run, or it trained no models.
    """
    path = home / run_id / "verdict.json"
    is_name = bool(run_id) and "/" not in run_id
    here = is_name and path.is_file()
    verdict = Verdict.from_file(path) if here else stored_verdict(local_store(), run_id) if is_name else None
    if verdict is None:
        raise UserError(f"No verdict of a run '{run_id}' is in '{home}' or the store; `stillhouse runs` lists them.")
    if (text := recipe_lock(verdict)) is None:
        raise UserError(f"The run '{run_id}' has no {FILE}: {_why_no_lock(verdict)}.")
    return text


def _why_no_lock(verdict: Verdict) -> str:
    return "it trained no models" if verdict.evaluation is None else "its models do not say how they were trained"


def _age(run: KnownRun) -> tuple[float, str]:
    """Sorts the oldest first; names, which hold a time, tell those of one millisecond apart."""
    return run.began.timestamp() if run.began else 0.0, run.id


def _from_folder(home: Path, run_id: str) -> KnownRun:
    events = [event for _, event in read_events(spool_folder(home, run_id) / f"{PIPELINE}.jsonl")]
    starts = [event for event in events if event["event"] == "start"]
    ends = [event for event in events if event["event"] == "end"]
    verdict = _read(home / run_id / "verdict.json")
    if verdict and verdict["decision"] == WAITING:
        verdict = _now(run_id, verdict)
    if ends:
        state, why = STATES[ends[-1]["status"]], ends[-1]["message"]
    else:
        state, why = ("running", "") if starts and _is_alive(starts[-1]) else ("killed", "")
    began = datetime.fromtimestamp(starts[0]["time"] / 1000) if starts else None
    return KnownRun(run_id, began, state, **_said(verdict, why))


def _now(run_id: str, verdict: dict[str, Any]) -> dict[str, Any]:
    """The verdict of a run that has waited for a person: elsewhere it may be decided, and here its time may be up."""
    with suppress(NotFound):
        verdict = json.loads(local_store().get(verdict_key(run_id)))
    until = (verdict.get("approval") or {}).get("until")
    late = verdict["decision"] == WAITING and until and datetime.fromisoformat(until) <= datetime.now(UTC)
    return verdict | {"decision": "rejected", "why": f"not approved in time, until {until}"} if late else verdict


def _from_store(store: Store, run_id: str) -> KnownRun:
    verdict = json.loads(store.get(verdict_key(run_id)))
    if verdict["decision"] == WAITING:
        verdict = _now(run_id, verdict)
    time = verdict.get("time")
    began = datetime.fromisoformat(time).astimezone().replace(tzinfo=None) if time else None
    return KnownRun(run_id, began, "finished", **_said(verdict, ""))


def _said(verdict: dict[str, Any] | None, why: str) -> dict[str, str]:
    if verdict is None:
        return {"why": escape(why)}
    return {
        "decision": verdict["decision"],
        "version": str(verdict.get("version") or ""),
        "why": escape(why or verdict["why"]),
    }


def _read(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _is_alive(start: Event) -> bool:
    """Whether the process that wrote the event is still there, and no later one of the same number."""
    try:
        return psutil.Process(start["pid"]).create_time() * 1000 <= start["time"]
    except psutil.Error:
        return False
