"""Reading the dataset folder that prepare wrote."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from stillhouse.components.artifacts.dataset import read_split
from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.tasks.text_classification import TextClassification
from stillhouse.errors import UserError


def write(folder: Path, labels: list[Any], **columns: list[str]) -> Path:
    hashes = [f"{i:032x}" for i in range(len(labels))]
    texts = [f"text {i}" for i in range(len(labels))]
    table = pyarrow.table({"hash": hashes, "text": texts, "label": labels, **columns})
    pyarrow.parquet.write_table(table, folder / "test.parquet")
    return folder


@pytest.mark.parametrize(
    ("target", "names", "labels", "dtype", "shape"),
    [
        ("classes", "xyz", [0, 2, 1], np.int64, (3,)),
        ("multi_label", "xy", [[0.0, 1.0], [1.0, 1.0]], np.float32, (2, 2)),
        ("number", "", [0.5, 7.0], np.float64, (2,)),
    ],
)
def test_targets_have_the_type_of_their_kind(
    tmp_path: Path, target: str, names: str, labels: list[Any], dtype: type, shape: tuple
) -> None:
    about: dict[str, Any] = {"target": target, "labels": list(names), "columns": {}, "content_digest": ""}
    task = TextClassification(Spec(format=1, task="text_classification", **about))
    split = read_split(write(tmp_path, labels), "test")
    targets = task.targets(split)
    assert targets.dtype == dtype
    assert targets.shape == shape
    assert targets.tolist() == labels
    assert len(split) == len(labels)


def test_slices_are_read_by_name(tmp_path: Path) -> None:
    write(tmp_path, [0, 1], slice_source=["web", "mail"], slice_year=["1", "2"])
    split = read_split(tmp_path, "test", ["source"])
    assert split.slices(["source"]) == {"source": ["web", "mail"]}


def test_a_slice_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="slices names the column 'source', which the dataset does not hold"):
        read_split(write(tmp_path, [0, 1]), "test", ["source"])


def test_unlabelled_texts_may_be_none_at_all(tmp_path: Path) -> None:
    columns = {"hash": pyarrow.array([], pyarrow.string()), "text": pyarrow.array([], pyarrow.string())}
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "unlabelled.parquet")
    unlabelled = read_split(tmp_path, "unlabelled")
    assert (len(unlabelled), unlabelled.values("text")) == (0, [])
    together = Examples.concat([read_split(write(tmp_path, [1, 0]), "test"), unlabelled])
    assert (together.values("text"), together.values("label")) == (["text 0", "text 1"], [1, 0])
