"""Rows of what users took, gathered into histories."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillhouse.components.formats.batch import DataFile, Reading
from stillhouse.components.formats.interactions import histories, inter_columns, interactions
from stillhouse.components.formats.table import Table
from stillhouse.components.formats.tables import read_batches
from stillhouse.components.storage.memory import Budget
from stillhouse.errors import UserError

HEAD = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
ROLES: dict[str, str | None] = {"user": "user_id", "item": "item_id", "rating": "rating", "time": "timestamp"}


def _rows(*paths: Path, roles: dict[str, str | None] = ROLES) -> Table:
    """All rows of the files, as prepare reads them."""
    parts, items, origins = [], [], []
    names = [name for name in roles.values() if name is not None]
    for path in paths:
        for batch in read_batches(path, Reading(names, Budget(10**8), formats=("tables", "interactions"))):
            fields, of_batch = interactions(path, batch, roles)
            parts.append(pa.table(fields))
            items += of_batch
            origins.append((path, batch.numbers))
    none = [None] * len(items)
    inputs = pa.concat_tables(parts, promote_options="permissive")
    return Table(inputs, items, list(none), list(none), [()] * len(items), origins)


def _inter(folder: Path, text: str) -> Path:
    path = folder / "a.inter"
    path.write_bytes((HEAD + text).encode())
    return path


def _items(table: Table, **options: float) -> dict[str, list[str]]:
    found = histories(table, **options).inputs
    return dict(zip(found["user"].to_pylist(), found["items"].to_pylist(), strict=True))


def test_an_atomic_file_becomes_histories_by_time(tmp_path: Path) -> None:
    path = _inter(tmp_path, 'u1\ti2\t4\t20\nu2\ti"9\t1\t5\r\nu1\ti1\t3.5\t10\n\n')
    found = histories(_rows(path))
    assert found.inputs.to_pylist() == [{"user": "u1", "items": ["i1", "i2"]}, {"user": "u2", "items": ['i"9']}]
    assert (found.targets, found.dropped) == ([None, None], {})
    assert [found.where(row) for row in range(2)] == [f"{path}, row 2", f"{path}, row 3"]


def test_the_newest_share_is_held_out_and_of_one_item_nothing_stays(tmp_path: Path) -> None:
    rows = "".join(f"u{size}\ti{n}\t1\t{n}\n" for size in (1, 2, 5, 10) for n in range(size))
    found = histories(_rows(_inter(tmp_path, rows)), hold_out=0.2)
    assert found.targets == [("i0",), ("i1",), ("i4",), ("i8", "i9")]
    assert [len(items) for items in found.inputs["items"].to_pylist()] == [0, 1, 4, 8]


def test_an_item_counts_once_where_it_was_first_taken(tmp_path: Path) -> None:
    rows = "".join(f"u\t{item}\t1\t{at}\n" for at, item in enumerate("baabc"))
    assert _items(_rows(_inter(tmp_path, rows))) == {"u": ["b", "a", "c"]}


def test_low_ratings_and_none_are_left_out(tmp_path: Path) -> None:
    path = _inter(tmp_path, "v\ta\t1\t0\nu\ta\t4\t1\nu\tb\t3.5\t2\nu\tc\t\t3\nu\td\t5\t4\n")
    assert _items(_rows(path), min_rating=4.0) == {"u": ["a", "d"]}
    assert _items(_rows(path))["u"] == list("abcd")


def test_equal_times_keep_the_order_of_the_rows(tmp_path: Path) -> None:
    rows = "".join(f"u{n % 3}\ti{n:03}\t1\t7\n" for n in range(99))
    for items in _items(_rows(_inter(tmp_path, rows))).values():
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
    table = _rows(_inter(tmp_path, "\ti\t1\t1\nu\t\t1\t1\nu\ti\t1\t\nu\ti\t\t3\n"))
    assert histories(table).dropped == {"no_user": 1, "no_item": 1, "no_time": 1}
    assert _items(table) == {"u": ["i"]}


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
        _rows(_inter(tmp_path, text))


def test_a_head_without_types_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.inter"
    path.write_text("user_id\titem_id\n1\t2\n")
    with pytest.raises(UserError, match="line 1: 'user_id' is not a column of an atomic file"):
        _rows(path)


def test_dates_of_every_spelling_are_one_time(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("u,i,t\na,later,1970-01-01T00:00:09\na,first,1970-01-01 00:00:01.5\na,zone,1970-01-01\n")
    assert _items(_rows(path, roles={"user": "u", "item": "i", "time": "t"})) == {"a": ["zone", "first", "later"]}


def test_times_in_digits_are_numbers_and_not_years(tmp_path: Path) -> None:
    table = _rows(_inter(tmp_path, "u\tb\t1\t19700102\nu\ta\t1\t1970\n"))
    assert table.inputs["time"].to_pylist() == [19700102.0, 1970.0]
    assert _items(table) == {"u": ["a", "b"]}


def test_numbers_and_dates_in_one_column_do_not_go_together(tmp_path: Path) -> None:
    (other := tmp_path / "b").mkdir()
    paths = _inter(tmp_path, "u\ta\t1\t5\n"), _inter(other, "u\tb\t1\t2020-01-01\n")
    with pytest.raises(pa.ArrowException):  # prepare says which file and column
        _rows(*paths)


def test_numbers_that_name_users_and_items_are_spelt_one_way(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"u": pa.array([7.0, 7.0, None]), "i": pa.array([1, 2, 3])}), path)
    table = _rows(path, roles={"user": "u", "item": "i", "rating": None, "time": None})
    assert _items(table) == {"7": ["1", "2"]}
    assert histories(table).dropped == {"no_user": 1}
    asked = Table.of(table.inputs, table.targets)
    assert histories(asked).inputs["items"].to_pylist() == [["1", "2"]]
