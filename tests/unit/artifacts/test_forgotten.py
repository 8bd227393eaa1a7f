"""The list of rows that no dataset may hold."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from stillhouse.components.artifacts.forgotten import FORGOTTEN, forget_rows, forgotten_rows
from stillhouse.components.storage.store import open_store
from stillhouse.errors import UserError


def test_it_holds_what_it_was_given_and_each_row_once(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    assert forgotten_rows(store) is None

    forget_rows(store, np.array([5, -3, 5]))
    first = forget_rows(store, np.array([7]))
    again = forget_rows(store, np.array([-3]))

    found = forgotten_rows(store)
    assert found is not None
    assert (len(found), found.holds(np.array([-3, 4, 5, 7])).tolist()) == (3, [True, False, True, True])
    assert first.digest == again.digest == found.digest


def test_of_several_that_forget_at_once_none_loses_a_row(tmp_path: Path) -> None:
    barrier = Barrier(6)

    def work(number: int) -> None:
        barrier.wait()
        forget_rows(open_store(tmp_path), np.array([number]))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))

    found = forgotten_rows(open_store(tmp_path))
    assert found is not None
    assert found.holds(np.arange(7)).tolist() == [True] * 6 + [False]


def test_a_list_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    forget_rows(store, np.array([5]))
    store.put(FORGOTTEN, b"torn")

    with pytest.raises(UserError, match=r"forgotten/rows' cannot be read \("):
        forgotten_rows(store)
