"""Rows of what users took, gathered into histories."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillhouse.components.formats.batch import DataFile, Reading
from stillhouse.components.formats.interactions import Gathering, History, Roles, inter_columns, read_inter
from stillhouse.components.formats.tables import read_batches
from stillhouse.components.storage.memory import Budget
from stillhouse.errors import UserError

HEAD = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
ROLES = Roles("user_id", "item_id", "rating", "timestamp")


def _read(path: Path, roles: Roles = ROLES, num_bytes: int = 10**6) -> Gathering:
    found = Gathering(roles, Budget(num_bytes))
    names = [name for name in roles if name is not None]
    reading = Reading(names, Budget(10**8))
    if path.suffix == ".inter":
        with path.open("rb") as file:
            for batch in read_inter(DataFile(path, file), reading):
                found.add(path, batch)
    else:
        for batch in read_batches(path, reading):
            found.add(path, batch)
    return found


def _inter(folder: Path, text: str) -> Path:
    path = folder / "a.inter"
    path.write_bytes((HEAD + text).encode())
    return path


def _items(found: Gathering) -> dict[str, list[str]]:
    return {history.user: history.items for history in found.histories()}


def test_an_atomic_file_becomes_histories_by_time(tmp_path: Path) -> None:
    path = _inter(tmp_path, 'u1\ti2\t4\t20\nu2\ti"9\t1\t5\r\nu1\ti1\t3.5\t10\n\n')
    assert list(_read(path).histories()) == [
        History("u1", ["i1", "i2"], [3.5, 4.0], [10.0, 20.0], f"{path}, row 2"),
        History("u2", ['i"9'], [1.0], [5.0], f"{path}, row 3"),
    ]


def test_equal_times_keep_the_order_of_the_rows(tmp_path: Path) -> None:
    rows = "".join(f"u{n % 3}\ti{n:03}\t1\t7\n" for n in range(99))
    for items in _items(_read(_inter(tmp_path, rows))).values():
        assert items == sorted(items)


def test_columns_are_named_without_their_types(tmp_path: Path) -> None:
    path = _inter(tmp_path, "")
    with path.open("rb") as file:
        assert inter_columns(DataFile(path, file), Reading(None, Budget(0))) == [
            "user_id",
            "item_id",
            "rating",
            "timestamp",
        ]


def test_rows_that_lack_something_are_counted(tmp_path: Path) -> None:
    found = _read(_inter(tmp_path, "\ti\t1\t1\nu\t\t1\t1\nu\ti\t1\t\nu\ti\t\t3\n"))
    assert found.dropped == {"no_user": 1, "no_item": 1, "no_time": 1}
    assert _items(found) == {"u": ["i"]}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("u\ti\t1\n", "line 2: 3 fields where the head names 4; put one tab"),
        ("u\ti\tgood\t1\n", "row 2: 'good' in column 'rating' is not a number; correct it"),
        ("u\ti\t1\tnoon\n", "row 2: 'noon' in column 'timestamp' is not a number or a date"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        _read(_inter(tmp_path, text))


def test_a_head_without_types_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.inter"
    path.write_text("user_id\titem_id\n1\t2\n")
    with pytest.raises(UserError, match="line 1: 'user_id' is not a column of an atomic file"):
        _read(path)


def test_memory_is_bounded(tmp_path: Path) -> None:
    with pytest.raises(MemoryError):
        _read(_inter(tmp_path, "".join(f"u{n}\ti\t1\t1\n" for n in range(500))), num_bytes=10_000)


def test_dates_of_every_spelling_are_seconds(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("u,i,t\na,later,1970-01-01T00:00:09\na,first,1970-01-01 00:00:01.5\na,zone,1970-01-01\n")
    (history,) = _read(path, Roles("u", "i", None, "t")).histories()
    assert (history.items, history.times) == (["zone", "first", "later"], [0.0, 1.5, 9.0])


def test_times_in_digits_are_numbers_and_not_years(tmp_path: Path) -> None:
    (history,) = _read(_inter(tmp_path, "u\tb\t1\t19700102\nu\ta\t1\t1970\n")).histories()
    assert (history.items, history.times) == (["a", "b"], [1970.0, 19700102.0])


def test_numbers_and_dates_in_one_column_are_refused(tmp_path: Path) -> None:
    found = _read(_inter(tmp_path, "u\ta\t1\t5\n"))
    (other := tmp_path / "b").mkdir()
    path = _inter(other, "u\tb\t1\t2020-01-01\n")
    with path.open("rb") as file, pytest.raises(UserError, match="numbers in some rows and dates in others"):
        for batch in read_inter(DataFile(path, file), Reading(None, Budget(10**6))):
            found.add(path, batch)


def test_numbers_that_name_users_and_items_are_spelt_one_way(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"u": pa.array([7.0, 7.0, None]), "i": pa.array([1, 2, 3])}), path)
    found = _read(path, Roles("u", "i"))
    assert list(found.histories()) == [History("7", ["1", "2"], None, None, f"{path}, row 1")]
    assert found.dropped == {"no_user": 1}
