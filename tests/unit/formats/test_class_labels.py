"""Names of classes out of what the Hugging Face library writes beside its numbers."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from stillhouse.components.formats.class_labels import class_names, named
from stillhouse.errors import UserError

CLASS = {"names": ["ham", "spam"], "_type": "ClassLabel"}


def schema(feature: Any, kind: pa.DataType) -> pa.Schema:
    metadata = {"huggingface": json.dumps({"info": {"features": {"label": feature}}})}
    return pa.schema([("label", kind)], metadata=metadata)


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_the_names_are_read_from_files_of_the_library_itself(tmp_path: Path, kind: str) -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"label": datasets.ClassLabel(names=["ham", "spam"]), "text": datasets.Value("string")}
    )
    data = datasets.Dataset.from_dict({"label": [1, -1], "text": ["a", "b"]}, features=features)
    if kind == "parquet":
        data.to_parquet(tmp_path / "a.parquet")
        found = parquet.read_schema(tmp_path / "a.parquet")
    else:
        data.save_to_disk(tmp_path / "a")
        [path] = (tmp_path / "a").glob("*.arrow")
        found = pa.ipc.open_stream(pa.OSFile(str(path))).schema
    assert class_names(found, "label") == ["ham", "spam"]
    assert class_names(found, "text") is None


@pytest.mark.parametrize(
    ("feature", "kind"),
    [
        (CLASS, pa.int64()),
        (CLASS, pa.int8()),
        (CLASS, pa.dictionary(pa.int32(), pa.int64())),
        ({"feature": CLASS, "_type": "Sequence", "length": -1}, pa.list_(pa.int64())),
        ({"feature": CLASS, "_type": "List"}, pa.large_list(pa.int64())),
        ([CLASS], pa.list_(pa.int64())),
    ],
)
def test_numbers_and_lists_of_numbers_have_names(feature: Any, kind: pa.DataType) -> None:
    assert class_names(schema(feature, kind), "label") == ["ham", "spam"]


@pytest.mark.parametrize(
    "found",
    [
        pa.schema([("label", pa.int64())]),
        pa.schema([("label", pa.int64())], metadata={"huggingface": "{"}),
        pa.schema([("label", pa.int64())], metadata={"huggingface": "[]"}),
        schema({"dtype": "int64", "_type": "Value"}, pa.int64()),
        schema(CLASS, pa.string()),
        schema({**CLASS, "names": None}, pa.int64()),
        schema({**CLASS, "names": [1]}, pa.int64()),
    ],
    ids=str,
)
def test_what_says_no_names_gives_none(found: pa.Schema) -> None:
    assert class_names(found, "label") is None


def test_a_number_becomes_its_name_and_minus_one_no_label() -> None:
    values = [0, 1, -1, None, [1, 0], []]
    assert [named(value, ["ham", "spam"], "here") for value in values] == [
        "ham", "spam", None, None, ["spam", "ham"], [],
    ]  # fmt: skip


@pytest.mark.parametrize("value", [2, -2, [0, 2]])
def test_a_number_without_a_name_is_refused_with_its_place(value: Any) -> None:
    sentence = r"^a\.parquet, row 3: -?2 is not the number of a class; the metadata names 2, from 0 to 1: fix"
    with pytest.raises(UserError, match=sentence):
        named(value, ["ham", "spam"], "a.parquet, row 3")
