"""How long the steps of a run have worked."""

from pathlib import Path

from stillhouse.components.runtime.attempts import Attempt, Journal
from stillhouse.components.runtime.step_seconds import step_seconds
from stillhouse.components.storage.store import open_store


def test_on_a_cluster_it_is_the_sum_of_all_attempts_that_ended(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    times = [("03:00:00", "03:10:00"), ("03:11:00", "03:21:30"), ("03:30:00", "")]
    for number, (begin, end) in enumerate(times, 1):
        ended = f"2026-03-02T{end}+00:00" if end else ""
        attempt = Attempt(number=number, started=f"2026-03-02T{begin}+00:00", ended=ended)
        Journal(store, "run", "distill").write(attempt)

    assert step_seconds(store, "run", tmp_path) == {"distill": 1230.0}
