"""The key that a store's hashes of rows are made with."""

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest

from stillhouse.components.storage.row_key import KEY, LostKey, RowKey, kept_key, row_key
from stillhouse.components.storage.store import Store, open_store
from stillhouse.errors import UserError


def test_a_keyed_hash_is_blake2b_of_the_short_hash() -> None:
    rows = np.array([7, -3], np.int64)
    of_seven = hashlib.blake2b((7).to_bytes(8, "little"), key=b"k" * 32, digest_size=8, person=b"row").digest()

    found = RowKey(b"k" * 32, "here").hashes(rows)

    assert (found.dtype, found.shape) == (np.int64, (2,))
    assert found[0] == int.from_bytes(of_seven, "little", signed=True)
    assert RowKey(b"k" * 32, "here").hashes(rows[:0]).shape == (0,)


def test_without_the_key_nobody_can_say_whether_a_row_is_among_the_hashes() -> None:
    rows = np.arange(1000, dtype=np.int64)
    ours, theirs = (RowKey(letter * 32, "here").hashes(rows) for letter in (b"a", b"b"))

    assert not np.isin(ours, rows).any()
    assert not np.isin(ours, theirs).any()


def test_the_key_is_not_shown(tmp_path: Path) -> None:
    key = row_key(open_store(tmp_path))

    assert len(key.secret) == 32
    assert repr(key.secret) not in repr(key)


def race(made: Callable[[], bytes], workers: int) -> set[bytes]:
    barrier = Barrier(workers)

    def work(_: int) -> bytes:
        barrier.wait()
        return made()

    with ThreadPoolExecutor(workers) as pool:
        return set(pool.map(work, range(workers)))


def test_of_several_that_make_the_key_at_once_all_take_one(store: Store) -> None:
    secrets = race(lambda: row_key(open_store(store.url)).secret, 8)

    assert secrets == {store.get(KEY)}


def _make(folder: str, answers: Any) -> None:
    answers.put((os.getpid(), row_key(open_store(folder)).secret))


def test_of_processes_that_make_the_key_of_a_folder_at_once_all_take_one(tmp_path: Path) -> None:
    context = get_context("fork")
    answers = context.SimpleQueue()
    workers = [context.Process(target=_make, args=(str(tmp_path / "store"), answers)) for _ in range(4)]
    for worker in workers:
        worker.start()
    found = [answers.get() for _ in workers]
    for worker in workers:
        worker.join()

    assert len({process for process, _ in found}) == 4
    assert {secret for _, secret in found} == {open_store(tmp_path / "store").get(KEY)}


def test_a_key_that_is_gone_or_another_is_one_sentence(store: Store) -> None:
    mark = row_key(store).mark
    row_key(store).check(mark, "rows/abc")
    store.delete(KEY)

    with pytest.raises(LostKey, match=r"keys/rows', the key that 'rows/abc' was written with, is gone; copy it back$"):
        kept_key(store, "rows/abc")
    with pytest.raises(LostKey, match="keys/rows' is not the key that 'rows/abc' was written with; copy the old one"):
        row_key(store).check(mark, "rows/abc")


def test_what_is_not_a_key_is_not_taken_for_one(store: Store) -> None:
    store.put(KEY, b"short")

    with pytest.raises(UserError, match="keys/rows' is not a key of 32 bytes; copy it back"):
        row_key(store)
