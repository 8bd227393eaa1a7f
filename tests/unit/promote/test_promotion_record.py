"""The promotion record: conditional writes, races, and what it says about a rollback."""

from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from stillhouse.components.artifacts import promotion_record as records
from stillhouse.components.artifacts.promotion_record import Entry, Record, change, load
from stillhouse.components.storage.store import Conflict, FileStore, open_store
from stillhouse.errors import UserError


def entry(digest: str, **fields: Any) -> Entry:
    return Entry(
        digest=digest,
        uri=f"store/models/{digest}",
        run=f"run-{digest}",
        dataset_digest="d",
        statistics_uri="s",
        promoted_at="2026-01-01T00:00:00+00:00",
        **fields,
    )


def promote_some(folder: str, worker: int) -> None:
    store = open_store(folder)
    for number in range(5):
        change(store, "spam", lambda record, n=number: record.promoted(entry(f"{worker}-{n}")))


def test_before_the_first_promotion_the_record_is_empty(tmp_path: Path) -> None:
    assert load(open_store(tmp_path), "spam") == (Record(), None)


def test_the_champion_becomes_the_previous_one(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for digest in ("a", "b", "c"):
        change(store, "spam", lambda record, d=digest: record.promoted(entry(d)))

    record, _ = load(store, "spam")

    assert record.champion and record.champion.digest == "c"
    assert record.previous and record.previous.digest == "b"


def test_eight_processes_lose_no_change_of_each_other(tmp_path: Path) -> None:
    with ProcessPoolExecutor(8) as pool:
        list(pool.map(promote_some, [str(tmp_path)] * 8, range(8)))

    record, _ = load(open_store(tmp_path), "spam")

    assert record.serial == 40
    assert [event.serial for event in record.history] == list(range(1, 41))
    assert {event.digest for event in record.history} == {f"{w}-{n}" for w in range(8) for n in range(5)}


def test_of_eight_that_replace_the_same_champion_one_wins(tmp_path: Path, together: Any) -> None:
    def attempt(number: int) -> str:
        def edit(record: Record) -> Record:
            return record if record.champion else record.promoted(entry(str(number)))

        record = change(open_store(tmp_path), "spam", edit)
        assert record.champion
        return record.champion.digest

    winners = together(attempt, 8)

    assert len(set(winners)) == 1
    assert load(open_store(tmp_path), "spam")[0].serial == 1


def test_a_change_that_lost_is_decided_again_on_what_the_winner_wrote(tmp_path: Path) -> None:
    seen: list[str | None] = []

    def edit(record: Record) -> Record:
        seen.append(record.champion.digest if record.champion else None)
        if len(seen) == 1:
            change(open_store(tmp_path), "spam", lambda other: other.promoted(entry("winner")))
        return record.promoted(entry("late"))

    change(open_store(tmp_path), "spam", edit)

    assert seen == [None, "winner"]


def test_a_change_whose_answer_was_lost_is_not_made_again_on_top_of_what_came_after(tmp_path: Path) -> None:
    change(open_store(tmp_path), "spam", lambda record: record.promoted(entry("a")).promoted(entry("b")))

    class LosesAnswer(FileStore):
        def put_if(self, key: str, data: bytes, version: str | None) -> str:
            super().put_if(key, data, version)
            change(open_store(tmp_path), "spam", lambda record: record.promoted(entry("later")))
            raise Conflict

    record = change(LosesAnswer(tmp_path), "spam", lambda record: record.swapped())

    assert record.champion and record.champion.digest == "later"
    assert [event.what for event in record.history] == ["promoted", "promoted", "rolled_back", "promoted"]


def test_a_store_that_refuses_every_write_is_given_up_with_a_sentence(tmp_path: Path) -> None:
    class Refusing(FileStore):
        def put_if(self, key: str, data: bytes, version: str | None) -> str:
            return super().put_if(key, data, "never")

    with pytest.raises(UserError, match="100 conditional writes in a row were refused"):
        change(Refusing(tmp_path), "spam", lambda record: record.promoted(entry("a")))


def test_a_document_that_is_no_record_is_refused_with_its_place(tmp_path: Path) -> None:
    open_store(tmp_path).put("promotions/spam.json", b'{"format": 2}')

    with pytest.raises(UserError, match=r"promotions/spam\.json: 'format' is 2.* Restore the record"):
        load(open_store(tmp_path), "spam")


def test_a_version_is_noted_once(tmp_path: Path) -> None:
    first = Record().promoted(entry("a")).registered("a", "1")

    assert first.champion and first.champion.version == "1"
    assert first.registered("a", "2") is first


def test_the_history_keeps_the_newest_events() -> None:
    record = Record()
    for number in range(205):
        record = record.promoted(entry(str(number)))

    assert [event.serial for event in record.history][:: len(record.history) - 1] == [6, 205]


def test_a_model_counts_as_rolled_back_until_the_next_promotion() -> None:
    record = Record().promoted(entry("a")).promoted(entry("b"))
    back = record.swapped().registered("a", "1")

    assert record.rolled_back is None
    assert back.rolled_back and back.rolled_back.digest == "b"
    assert back.promoted(entry("c")).rolled_back is None


def test_the_aliases_follow_only_the_record_that_they_were_set_from() -> None:
    first = Record().promoted(entry("a"))

    assert first.mirrored(1).followed == first.serial
    assert first.promoted(entry("b")).mirrored(1).followed == 0


def test_the_record_knows_who_was_the_champion_since_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    record = Record()
    for digest, day in {"a": 1, "b": 2, "c": 3, "d": 4}.items():
        monkeypatch.setattr(records, "now", lambda day=day: f"2026-01-0{day}T00:00:00+00:00")
        record = record.promoted(entry(digest)).registered(digest, "1")

    assert record.in_production_since(datetime(2026, 1, 2, 12, tzinfo=UTC)) == {"b", "c", "d"}
