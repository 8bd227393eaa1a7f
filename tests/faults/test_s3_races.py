"""Writers that race for one key of a real S3 server: one wins each time, and no promotion is lost or moved back."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import pytest

from stillhouse.components.artifacts.promotion_record import Entry, Record, change, load
from stillhouse.components.storage.s3.store import S3Store
from stillhouse.components.storage.store import Conflict

from .proxy import FaultProxy

pytestmark = pytest.mark.faults

RACES = 100
WRITERS = 8


def entry(digest: str) -> Entry:
    return Entry(
        digest=digest,
        uri=f"store/models/{digest}",
        run=f"run-{digest}",
        dataset_digest="d",
        statistics_uri="s",
        promoted_at="2026-01-01T00:00:00+00:00",
    )


def all_at_once(work: Callable[[int], Any]) -> list[Any]:
    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(work, range(WRITERS)))


def test_of_eight_writers_that_read_the_same_version_one_wins_each_race(bucket: str) -> None:
    start = Barrier(WRITERS)

    def write(writer: int) -> list[bool]:
        store, wins = S3Store(f"s3://{bucket}"), []
        for race in range(RACES):
            version = store.read("record")[1] if race else None
            start.wait()
            try:
                store.put_if("record", f"{race} {writer}".encode(), version)
                wins.append(True)
            except Conflict:
                wins.append(False)
            start.wait()
        return wins

    by_race = list(zip(*all_at_once(write), strict=True))
    assert [sum(wins) for wins in by_race] == [1] * RACES
    last = by_race[-1].index(True)
    assert S3Store(f"s3://{bucket}").get("record") == f"{RACES - 1} {last}".encode()


def test_of_eight_promotions_against_the_same_champion_one_wins_each_race(bucket: str) -> None:
    start = Barrier(WRITERS)

    def promote(writer: int) -> list[str]:
        store, winners = S3Store(f"s3://{bucket}"), []
        for race in range(RACES):
            champion = load(store, "spam")[0].champion
            mine = entry(f"{race}-{writer}")

            def edit(record: Record, seen: Entry | None = champion, mine: Entry = mine) -> Record:
                return record.promoted(mine) if record.champion == seen else record

            start.wait()
            record = change(store, "spam", edit)
            assert record.champion is not None
            winners.append(record.champion.digest)
            start.wait()
        return winners

    by_race = list(zip(*all_at_once(promote), strict=True))
    winners = [digests[0] for digests in by_race]
    record, _ = load(S3Store(f"s3://{bucket}"), "spam")
    assert [set(digests) for digests in by_race] == [{winner} for winner in winners]
    assert [event.serial for event in record.history] == list(range(1, RACES + 1))
    assert [event.digest for event in record.history] == winners
    assert record.previous is not None and record.previous.digest == winners[-2]


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_no_change_of_the_record_is_lost_and_no_reader_sees_it_move_back(
    bucket: str, faulty: Callable[..., FaultProxy], share: float
) -> None:
    """Writers do not wait for each other; at a share above 0 their requests and the answers to them are spoilt."""
    each = 13 if share == 0 else 4
    faulty(share)
    ended = Event()

    def watch() -> list[int]:
        store, serials = S3Store(f"s3://{bucket}"), []
        while not ended.is_set():
            serials.append(load(store, "spam")[0].serial)
        return serials

    def write(writer: int) -> None:
        store = S3Store(f"s3://{bucket}")
        for number in range(each):
            change(store, "spam", lambda record, n=number: record.promoted(entry(f"{writer}-{n}")))

    with ThreadPoolExecutor(1) as pool:
        watched = pool.submit(watch)
        try:
            all_at_once(write)
        finally:
            ended.set()
    record, _ = load(S3Store(f"s3://{bucket}"), "spam")
    assert sorted(watched.result()) == watched.result()
    assert [event.serial for event in record.history] == list(range(1, WRITERS * each + 1))
    assert {event.digest for event in record.history} == {f"{w}-{n}" for w in range(WRITERS) for n in range(each)}
