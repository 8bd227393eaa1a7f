"""How long the steps of a run have worked: by the notes of their attempts on a cluster, else by their spools."""

from datetime import datetime
from pathlib import Path

from stillhouse.components.runtime.attempts import read_attempts
from stillhouse.components.storage.store import Store
from stillhouse.components.tracking.settings import spool_folder
from stillhouse.components.tracking.spool import read_events


def step_seconds(store: Store, run_id: str, home: Path) -> dict[str, float]:
    """Wall time of all ended attempts, by step; a step that came from the cache has none.

    An attempt that was lost with its machine did not say when, and does not count.
    """
    found: dict[str, float] = {}
    for step, attempts in read_attempts(store, run_id).items():
        found[step] = sum(_between(each.started, each.ended) for each in attempts if each.ended)
    for spool in spool_folder(home, run_id).glob("*.jsonl"):
        ends = [event["seconds"] for _, event in read_events(spool) if event["event"] == "end"]
        if ends:
            found.setdefault(spool.stem, sum(ends))
    return found


def _between(begin: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()
