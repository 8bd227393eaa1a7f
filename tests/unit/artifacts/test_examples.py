"""Rows of a split: columns by name, rows in any order, parts one after the other."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillhouse.components.artifacts.examples import Examples, short_hashes

TEXTS = ["a", "b", "", "d"]
PICTURE = b"\x89PNG\x00\xff"


@pytest.fixture
def examples() -> Examples:
    return Examples.of(text=TEXTS, label=[2, 0, 1, 0], slice_source=["web", "mail", "web", "web"])


def test_columns_are_there_by_name(examples: Examples) -> None:
    assert len(examples) == 4
    assert "text" in examples and "source" not in examples
    assert examples["label"].to_pylist() == examples.values("label") == [2, 0, 1, 0]
    with pytest.raises(KeyError, match="image"):
        examples["image"]


def test_one_row_has_a_value_for_each_column(examples: Examples) -> None:
    assert examples.example(1) == {"text": "b", "label": 0, "slice_source": "mail"}
    assert examples.example(3) == {"text": "d", "label": 0, "slice_source": "web"}


def test_rows_come_one_after_the_other_however_many_there_are() -> None:
    rows = 2_500
    many = Examples.concat([Examples.of(number=list(range(begin, begin + 500))) for begin in range(0, rows, 500)])
    assert [row["number"] for row in many] == list(range(rows))


@pytest.mark.parametrize(
    "rows", [[3, 0, 3], np.array([3, 0, 3]), np.array([3, 0, 3], np.int32), np.array([3, 0, 3], np.uint8)]
)
def test_rows_are_taken_in_any_order_and_more_than_once(examples: Examples, rows: list[int] | np.ndarray) -> None:
    taken = examples.take(rows)
    assert (taken.values("text"), taken.values("label")) == (["d", "a", "d"], [0, 2, 0])
    assert examples.values("text") == TEXTS


def test_no_rows_are_taken_as_none(examples: Examples) -> None:
    none = examples.take([])
    assert (len(none), none.values("text"), list(none)) == (0, [], [])


def test_rows_are_taken_across_parts(examples: Examples) -> None:
    twice = Examples.concat([examples, examples.take([1])])
    assert twice.take([4, 3, 0]).values("text") == ["b", "d", "a"]


@pytest.mark.parametrize(("number", "texts"), [(0, []), (2, ["a", "b"]), (9, TEXTS)])
def test_the_first_so_many_are_all_of_them_at_most(examples: Examples, number: int, texts: list[str]) -> None:
    assert examples.head(number).values("text") == texts


def test_parts_stand_in_their_order_and_what_one_lacks_is_null_there() -> None:
    unlabelled = Examples.of(text=["x", "y"])
    together = Examples.concat([Examples.of(text=["a"], label=[1]), unlabelled])
    assert together.values("text") == ["a", "x", "y"]
    assert together.values("label") == [1, None, None]
    assert together["label"].type == pa.int64()


def test_pictures_and_lists_stay_as_they_are_through_a_file(tmp_path: Path) -> None:
    made = Examples.of(image=pa.array([PICTURE, b""]), tags=[["B-LOC", "O"], []], pixels=pa.array([2**40, None]))
    pq.write_table(made.table, tmp_path / "rows.parquet")
    read = Examples(pq.read_table(tmp_path / "rows.parquet"))
    assert list(read) == [
        {"image": PICTURE, "tags": ["B-LOC", "O"], "pixels": 2**40},
        {"image": b"", "tags": [], "pixels": None},
    ]


def test_slices_are_asked_for_by_their_own_names(examples: Examples) -> None:
    assert examples.slices(["source"]) == {"source": ["web", "mail", "web", "web"]}
    assert examples.slices([]) == {}


def test_a_short_hash_is_the_first_16_digits_with_their_sign_bit() -> None:
    hashes = ["0000000000000005" + "f" * 16, "f" * 32, "8" + "0" * 31, "7" + "f" * 31]
    expected = [5, -1, -(2**63), 2**63 - 1]
    assert (short_hashes(hashes).dtype, short_hashes(hashes).tolist()) == (np.int64, expected)
    assert Examples.of(hash=hashes).hashes.tolist() == expected


def test_no_rows_have_no_hashes() -> None:
    assert (short_hashes([]).dtype, short_hashes([]).shape) == (np.int64, (0,))
