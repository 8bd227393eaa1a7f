"""The ledger of error, and the rows that have decided."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from stillhouse.components.artifacts.decided_rows import DecidedRows, decided_rows
from stillhouse.components.artifacts.ledger import ERROR, MAX_LOOKS, SERIES, alpha_of
from stillhouse.components.artifacts.promotion_record import Record
from stillhouse.components.storage.row_key import row_key
from stillhouse.components.storage.store import open_store


def looked(record: Record, candidate: str, rows: str = "r") -> Record:
    return record.looked(
        candidate=candidate, anchor="a", champion="c", rows=rows, run="run", decided_now=f"d{candidate}"
    )


def test_all_looks_for_ever_spend_five_percent() -> None:
    looks = np.arange(1, 1_000_001)
    spent = (
        sum(alpha_of(int(look)) for look in looks[:1000])
        + (ERROR / SERIES / ((looks[1000:] + 1) * np.log(looks[1000:] + 1) ** 2)).sum()
    )
    rest = ERROR / SERIES / np.log(1_000_001.5)  # the integral of what comes after

    assert spent + rest == pytest.approx(ERROR, rel=1e-4)


def test_each_look_has_its_own_number_and_spends_less_than_the_one_before() -> None:
    record = looked(looked(Record(), "x"), "y")

    assert [look.number for look in record.ledger.recent] == [1, 2]
    assert record.ledger.spent == pytest.approx(alpha_of(1) + alpha_of(2))
    assert record.ledger.left == pytest.approx(ERROR - record.ledger.spent)
    assert (record.serial, record.history) == (0, ())  # MLflow has nothing to follow


def test_the_same_candidate_on_other_rows_is_another_look() -> None:
    record = looked(Record(), "x")

    assert record.ledger.found("x", "a", "r") == record.ledger.recent[0]
    assert record.ledger.found("x", "a", "others") is None
    assert record.ledger.found("x", "another anchor", "r") is None


def test_the_record_stays_small() -> None:
    record = Record()
    for number in range(MAX_LOOKS + 20):
        record = looked(record, str(number))

    assert (record.ledger.looks, len(record.ledger.recent)) == (MAX_LOOKS + 20, MAX_LOOKS)
    assert record.ledger.needed == {"d69", "d68"}


def test_rows_know_how_often_they_have_decided_and_when_first(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    once = DecidedRows(row_key(store)).after(np.array([5, -3]), 1)
    digest = once.after(np.array([5, 7]), 4).put(store)
    known = decided_rows(store, digest)

    asked = np.array([7, 5, -3, 99])
    assert known.times_of(asked).tolist() == [1, 2, 1, 0]
    assert known.first_of(asked).tolist() == [4, 1, 1, 0]
    assert not np.isin(known.hashes, [5, -3, 7]).any()  # nobody can test whether a row is among them
    assert decided_rows(store, "gone").times_of(asked).tolist() == [0, 0, 0, 0]


def test_what_an_earlier_release_wrote_of_them_counts_on(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    counts = {"times": np.array([3, 1], np.int32), "first": np.array([1, 6], np.int32)}
    store.put("decided/old", save({"hashes": np.array([-3, 5], np.int64), **counts}))

    known = decided_rows(store, "old").after(np.array([5]), 7)

    assert known.times_of(np.array([-3, 5, 8])).tolist() == [3, 2, 0]
    assert known.first_of(np.array([-3, 5])).tolist() == [1, 6]


def test_with_another_key_they_are_counted_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = open_store(tmp_path)
    digest = decided_rows(store, None).after(np.array([5]), 1).put(store)
    store.delete("keys/rows")

    assert decided_rows(store, digest).times_of(np.array([5])).tolist() == [0]
    assert "keys/rows' is not the key that" in caplog.text
