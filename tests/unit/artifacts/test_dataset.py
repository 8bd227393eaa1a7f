"""Reading the dataset folder that prepare wrote."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from stillhouse.components.artifacts.dataset import read_split, read_unlabelled, short_hashes
from stillhouse.errors import UserError


def write(folder: Path, labels: list[Any], **columns: list[str]) -> Path:
    hashes = [f"{i:032x}" for i in range(len(labels))]
    texts = [f"text {i}" for i in range(len(labels))]
    table = pyarrow.table({"hash": hashes, "text": texts, "label": labels, **columns})
    pyarrow.parquet.write_table(table, folder / "test.parquet")
    return folder


@pytest.mark.parametrize(
    ("labels", "dtype", "shape"),
    [([0, 2, 1], np.int64, (3,)), ([[0.0, 1.0], [1.0, 1.0]], np.float32, (2, 2)), ([0.5, 7.0], np.float64, (2,))],
    ids=["classes", "multi_label", "number"],
)
def test_targets_have_the_type_of_their_kind(tmp_path: Path, labels: list[Any], dtype: type, shape: tuple) -> None:
    split = read_split(write(tmp_path, labels), "test")
    assert split.targets.dtype == dtype
    assert split.targets.shape == shape
    assert split.targets.tolist() == labels
    assert len(split) == len(labels)


def test_slices_are_read_by_name(tmp_path: Path) -> None:
    write(tmp_path, [0, 1], slice_source=["web", "mail"], slice_year=["1", "2"])
    assert read_split(tmp_path, "test", ["source"]).slices == {"source": ["web", "mail"]}


def test_a_slice_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="slices names the column 'source', which the dataset does not hold"):
        read_split(write(tmp_path, [0, 1]), "test", ["source"])


def test_a_short_hash_is_the_first_16_digits_with_their_sign_bit() -> None:
    assert short_hashes(["0000000000000005" + "f" * 16, "f" * 32]).tolist() == [5, -1]


def test_unlabelled_texts_may_be_none_at_all(tmp_path: Path) -> None:
    columns = {"hash": pyarrow.array([], pyarrow.string()), "text": pyarrow.array([], pyarrow.string())}
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "unlabelled.parquet")
    assert read_unlabelled(tmp_path) == []
